/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel does with an area that it cannot write to when it is unregistered: up to 6.18 the call ends
 * with EFAULT, the rewrite of 6.19 kills. It tells classes apart without the kernel's types.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "model/behaviour.h"
#include "probe/answer.h"
#include "probe/probes.h"
#include "probe/thread.h"
#include "proc/status.h"
#include "util/io.h"
#include "util/strbuf.h"

/* A preempted process is killed by every kernel: one that is not tells more. */
enum { TIMES = 16, STATUS_MAX = 1 << 16 };

/* Each system call of one that is traced is an interruption. */
static bool is_traced(void)
{
	_cleanup_close_ int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	uint64_t tracer = 0;

	return fd >= 0 && io_read_file(fd, STATUS_MAX, &text) == 0 &&
	       status_find_u64((struct span){ text.data, text.len }, "TracerPid", &tracer) && tracer;
}

static int unregister_unwritable(void *data)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)data;
	if (page == MAP_FAILED || probe_thread_release() < 0 || registration_register(page, RSEQ_ORIGINAL_LENGTH) < 0 ||
	    mprotect(page, 4096, PROT_READ) < 0)
		return -ENOMEM;
	return registration_unregister(page, RSEQ_ORIGINAL_LENGTH);
}

static void run_unwritable(struct probe_run *r)
{
	int answer = ANSWER_SIGNAL + SIGSEGV;
	const char *seen;

	for (int i = 0; i < TIMES && answer == ANSWER_SIGNAL + SIGSEGV; i++)
		answer = answer_in_child(unregister_unwritable, NULL);
	seen = answer == -EFAULT ? "EFAULT" : answer == ANSWER_SIGNAL + SIGSEGV && !is_traced() ? "SIGSEGV" : "?";
	probe_row(r, -1, "EFAULT or SIGSEGV", seen, "unregistering an area that is not writable");
	probe_pass(r, NULL);
}

const struct probe probe_unwritable = {
	.id = BEHAVIOUR_UNWRITABLE,
	.title = "what an area that is not writable leads to",
	.run = run_unwritable,
};
