/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel does with an area that it cannot write to when it is unregistered: up to 6.18 the call ends
 * with EFAULT, the rewrite of 6.19 kills. It tells classes apart without the kernel's types.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/behaviour.h"
#include "probe/probes.h"
#include "probe/thread.h"

/* A preempted process is killed by every kernel: one that is not tells more. */
enum { TIMES = 16 };

enum { SAID_EFAULT, SAID_OTHER, NOT_ASKED };

static int unregister_unwritable(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || probe_thread_release() < 0 || registration_register(page, RSEQ_ORIGINAL_LENGTH) < 0)
		return NOT_ASKED;
	if (mprotect(page, 4096, PROT_READ) < 0)
		return NOT_ASKED;
	return registration_unregister(page, RSEQ_ORIGINAL_LENGTH) == -EFAULT ? SAID_EFAULT : SAID_OTHER;
}

/* As waitpid() says it. */
static int ask_in_child(void)
{
	int status = NOT_ASKED << 8;
	pid_t pid = probe_fork();

	if (pid == 0)
		_exit(unregister_unwritable());
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void run_unwritable(struct probe_run *r)
{
	const char *seen = "SIGSEGV";

	for (int i = 0; i < TIMES && !strcmp(seen, "SIGSEGV"); i++) {
		int status = ask_in_child();

		if (WIFEXITED(status))
			seen = WEXITSTATUS(status) == SAID_EFAULT ? "EFAULT" : "?";
		else if (WTERMSIG(status) != SIGSEGV)
			seen = "?";
	}
	probe_row(r, -1, "EFAULT or SIGSEGV", seen, "unregistering an area that is not writable");
	probe_pass(r, NULL);
}

const struct probe probe_unwritable = {
	.id = BEHAVIOUR_UNWRITABLE,
	.title = "what an area that is not writable leads to",
	.run = run_unwritable,
};
