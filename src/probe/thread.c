/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int probe_thread_release(void)
{
	void *area = registration_libc_area();
	uint32_t length = area ? registration_length(area, RSEQ_ORIGINAL_LENGTH) : 0;

	return length ? registration_unregister(area, length) : 0;
}

int probe_thread_register(struct probe_run *r, struct probe_thread *t, enum promise_length length)
{
	static uint64_t nowhere;
	int e = probe_thread_release();

	memset(t, 0, sizeof(*t));
	t->length = RSEQ_ORIGINAL_LENGTH;
	if (length == PROMISE_LONGER) {
		t->length = registration_usual_length();
		t->length += t->length == RSEQ_ORIGINAL_LENGTH;
	}
	if (e == 0)
		e = registration_register(&t->area, t->length);
	critical_init(&t->critical, &t->area, false);
	if (probe_has_fault(r, PROBE_FAULT_NO_SECTION))
		t->critical.publish = &nowhere;
	return e;
}

bool probe_thread_take(struct probe_run *r, struct probe_thread *t, enum promise_length length)
{
	int e = probe_thread_register(r, t, length);

	if (e == 0)
		return true;
	if (e == -EINVAL && length == PROMISE_LONGER && probe_thread_register(r, t, PROMISE_ORIGINAL) == 0) {
		probe_thread_unregister(t);
		probe_skip(r, "this kernel takes no registration of more than 32 bytes (6.3 on)");
	} else if (e == -EINVAL || e == -EBUSY) {
		probe_skip(r, "somebody else registered this thread before, and its registration cannot be taken");
	} else {
		probe_skip(r, "rseq() is denied, or not there: %s", strerror(-e));
	}
	return false;
}

void probe_thread_unregister(struct probe_thread *t)
{
	registration_unregister(&t->area, t->length);
}

int probe_cpu(int after)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return -1;
	for (int cpu = after + 1; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			return cpu;
	return -1;
}

int probe_pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 ? -errno : 0;
}

pid_t probe_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}
