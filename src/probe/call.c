/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rseq() answers. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "probe/answer.h"
#include "probe/probes.h"
#include "probe/thread.h"

/* A thread of its own: whoever has the first one need not have this. */
static void *call(void *data)
{
	static struct probe_thread t;
	struct probe_run *r = data;

	if (probe_thread_own(r, &t, PROMISE_ORIGINAL))
		probe_pass(r, NULL);
	return NULL;
}

static void run_syscall(struct probe_run *r)
{
	int e = answer_rseq(NULL, 0, 0, 0);
	pthread_t thread;

	probe_error(r, e == -EINVAL ? 0 : -e);
	if (e == -ENOSYS)
		probe_fail(r, "rseq() is not there: a kernel without it, or a seccomp filter that says so (ENOSYS)");
	else if (e == 0)
		probe_fail(r, "rseq() registers no bytes at no address: not the kernel answers, but a filter");
	else if (e != -EINVAL)
		probe_fail(r, "rseq() is denied: %s; by a seccomp filter, as of a container?", strerror(-e));
	else if (!critical_is_supported())
		probe_pass(r, NULL);
	else if (pthread_create(&thread, NULL, call, r) == 0)
		pthread_join(thread, NULL);
	else
		probe_unknown(r, "cannot start a thread");
}

const struct probe probe_syscall = { .id = "syscall", .title = "rseq() can be called", .run = run_syscall, .without_rseq = true };
