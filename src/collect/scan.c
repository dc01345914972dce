/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "proc/privileges.h"
#include "proc/reader.h"

/* A file is decoded with this much, and given up beyond: a real one needs some MiB. */
#define MEMORY_MAX (1ul << 30)
#define NOBODY 65534

/*
 * Without capabilities root still owns root's files: the decoder is nobody. Where that user does not
 * exist (a user namespace without it) there is nothing of root's to own either.
 */
static int confine(void)
{
	struct rlimit seconds = { SCAN_SECONDS_MAX, SCAN_SECONDS_MAX }, none = { 0, 0 };

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

static _Noreturn void decode(int file, int pipe)
{
	struct itimerval limit = { .it_value = { SCAN_SECONDS_MAX, 0 } };
	static struct scan_reply reply;
	const char *what = "";

	/* The two descriptors it needs, at known numbers; all others are closed. */
	dup2(file, 0);
	dup2(pipe, 1);
	syscall(SYS_close_range, 3, ~0u, 0);
	setitimer(ITIMER_REAL, &limit, NULL);
	reply.err = confine();
	if (reply.err == 0)
		reply.err = image_scan(0, &reply.image, &what);
	else
		what = "its decoder could not give up its privileges";
	if (reply.err < 0)
		strncpy(reply.what, what, sizeof(reply.what) - 1);
	write_all(1, &reply, sizeof(reply));
	_exit(0);
}

static int collect_reply(int pipe, struct strbuf *reply)
{
	struct pollfd p = { .fd = pipe, .events = POLLIN };

	while (reply->len < sizeof(struct scan_reply)) {
		char chunk[16384];
		ssize_t n;

		if (poll(&p, 1, SCAN_LIMIT_MS) <= 0)
			return -ETIMEDOUT;
		n = read(pipe, chunk, sizeof(chunk));
		if (n <= 0)
			return -EPIPE;
		strbuf_add(reply, chunk, (size_t)n);
	}
	return reply->len == sizeof(struct scan_reply) ? 0 : -EPIPE;
}

int scan_handle(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	_cleanup_close_ int in = -1, out = -1;
	_cleanup_close_ int file_fd = -1;
	struct mapped_file file;
	int pair[2], status, r;
	pid_t pid;

	(void)ret_fd;
	if (request->len != sizeof(file))
		return -EINVAL;
	memcpy(&file, request->data, sizeof(file));
	file.path[sizeof(file.path) - 1] = '\0';
	file_fd = reader_child_open(ctx, &file);
	if (file_fd < 0)
		return file_fd;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	in = pair[0];
	out = pair[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		decode(file_fd, out);
	close(take_fd(&out));
	r = collect_reply(in, reply);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return r;
}
