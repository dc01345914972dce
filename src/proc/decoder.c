/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "proc/privileges.h"

/* A file is decoded with this much, and given up beyond: a real one needs some MiB. */
#define MEMORY_MAX (1ul << 30)
#define NOBODY 65534

/*
 * Without capabilities root still owns root's files: the decoder is nobody. Where that user does not
 * exist (a user namespace without it) there is nothing of root's to own either.
 */
static int confine(void)
{
	struct rlimit seconds = { DECODER_SECONDS_MAX, DECODER_SECONDS_MAX }, none = { 0, 0 };

	if (geteuid() == 0) {
		(void)!setgroups(0, NULL);
		(void)!setresgid(NOBODY, NOBODY, NOBODY);
		(void)!setresuid(NOBODY, NOBODY, NOBODY);
	}
	setrlimit(RLIMIT_CPU, &seconds);
	setrlimit(RLIMIT_FSIZE, &none);
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory takes terabytes of addresses */
	setrlimit(RLIMIT_AS, &(struct rlimit){ MEMORY_MAX, MEMORY_MAX });
#endif
	return privileges_drop();
}

static void write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static _Noreturn void decode(decoder_fn *fn, int file, int pipe, const void *request, size_t len, size_t size)
{
	struct itimerval limit = { .it_value = { DECODER_SECONDS_MAX, 0 } };
	struct decoder_status *status = calloc(1, sizeof(*status) + size);
	const char *what = "";

	/* The two descriptors it needs, at known numbers; all others are closed. */
	dup2(file, 0);
	dup2(pipe, 1);
	syscall(SYS_close_range, 3, ~0u, 0);
	setitimer(ITIMER_REAL, &limit, NULL);
	if (!status)
		_exit(1);
	status->err = confine();
	if (status->err == 0)
		status->err = fn(0, request, len, status + 1, &what);
	else
		what = "its decoder could not give up its privileges";
	if (status->err < 0)
		strncpy(status->what, what, sizeof(status->what) - 1);
	write_all(1, status, sizeof(*status) + size);
	_exit(0);
}

static int collect_reply(int pipe, size_t size, struct strbuf *reply)
{
	struct pollfd p = { .fd = pipe, .events = POLLIN };

	while (reply->len < size) {
		char chunk[16384];
		ssize_t n;

		if (poll(&p, 1, DECODER_LIMIT_MS) <= 0)
			return -ETIMEDOUT;
		n = read(pipe, chunk, sizeof(chunk));
		if (n <= 0)
			return -EPIPE;
		strbuf_add(reply, chunk, (size_t)n);
		if (reply->failed)
			return -ENOMEM;
	}
	return reply->len == size ? 0 : -EPIPE;
}

int decoder_run(decoder_fn *fn, int file, const void *request, size_t len, size_t size,
		struct strbuf *reply)
{
	_cleanup_close_ int in = -1, out = -1;
	int pair[2], status, r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	in = pair[0];
	out = pair[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		decode(fn, file, out, request, len, size);
	close(take_fd(&out));
	r = collect_reply(in, reply->len + sizeof(struct decoder_status) + size, reply);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return r;
}
