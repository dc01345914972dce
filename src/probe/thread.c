/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/answer.h"

void probe_area_spoil(struct rseq_area *area)
{
	/* The rest would be read as a section, as flags, or as a wish for more time. */
	*area = (struct rseq_area){ .cpu_id_start = -1u, .cpu_id = -1u, .node_id = -1u, .mm_cid = -1u };
}

bool probe_area_is_kept(struct rseq_area *area, uint32_t length)
{
	static char other[RSEQ_ORIGINAL_LENGTH] __attribute__((aligned(REGISTRATION_ALIGN)));
	const volatile struct rseq_area *seen = area;

	/* The signature comes last: everything else was right. A filter says the same to every call. */
	return answer_rseq(area, length, ANSWER_UNREGISTER, ~critical_signature()) == -EPERM &&
	       answer_rseq(other, length, ANSWER_UNREGISTER, ~critical_signature()) == -EINVAL &&
	       seen->cpu_id < INT32_MAX && seen->cpu_id_start < INT32_MAX;
}

bool probe_area_is_right(const struct rseq_area *area)
{
	const volatile struct rseq_area *seen = area;

	/* It may be moved in between. */
	for (int i = 0; i < 1000; i++) {
		uint32_t before = seen->cpu_id_start, after, cpu = -1u;

		if (syscall(SYS_getcpu, &cpu, NULL, NULL) < 0)
			return false;
		after = seen->cpu_id;
		if (before == after && after == cpu)
			return true;
	}
	return false;
}

/* The length of libc's registration, 0: none. What libc tells programs of it may not be libc's word. */
static uint32_t libc_length(void *area)
{
	uint32_t length = area ? registration_length(area, RSEQ_ORIGINAL_LENGTH) : 0;

	return registration_libc_area() || (length && probe_area_is_kept(area, length)) ? length : 0;
}

int probe_thread_release(void)
{
	uint32_t size, length;
	void *area = registration_libc_place(&size);

	length = libc_length(area);
	return length ? registration_unregister(area, length) : 0;
}

int probe_thread_register(struct probe_run *r, struct probe_thread *t, enum promise_length length)
{
	static uint64_t nowhere;
	int e = probe_thread_release();

	memset(t, 0, sizeof(*t));
	probe_area_spoil(&t->area);
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

static void *try_here(void *data)
{
	static char area[RSEQ_ORIGINAL_LENGTH] __attribute__((aligned(REGISTRATION_ALIGN)));
	int *e = data;

	*e = probe_thread_release();
	*e = *e ? *e : registration_register(area, sizeof(area));
	if (*e == 0)
		registration_unregister(area, sizeof(area));
	return NULL;
}

void probe_because_of(struct probe_run *r, uint32_t length)
{
	probe_because(r, length > RSEQ_ORIGINAL_LENGTH ? "lengths" : "syscall");
}

/* Whether this thread can have one; another one can where only this one is taken. */
static bool is_free(struct probe_run *r)
{
	pthread_t thread;
	int e = 0, elsewhere = -EAGAIN;

	try_here(&e);
	if (e == 0)
		return true;
	if (pthread_create(&thread, NULL, try_here, &elsewhere) == 0)
		pthread_join(thread, NULL);
	probe_because_of(r, RSEQ_ORIGINAL_LENGTH);
	if (elsewhere == 0)
		probe_skip(r, "this thread is registered by somebody else, as a preloaded library: see libc");
	else
		probe_fail(r, "a thread cannot register 32 bytes: %s", strerror(-e));
	return false;
}

bool probe_is_supported(struct probe_run *r)
{
	if (!critical_is_supported())
		probe_skip(r, "there are no critical sections for this architecture");
	return critical_is_supported();
}

bool probe_thread_free(struct probe_run *r)
{
	int e;

	if (!probe_is_supported(r))
		return false;
	e = probe_thread_release();
	if (e == 0)
		return is_free(r);
	probe_because_of(r, RSEQ_ORIGINAL_LENGTH);
	probe_fail(r, "libc's registration cannot be given back: %s", strerror(-e));
	return false;
}

bool probe_thread_own(struct probe_run *r, struct probe_thread *t, enum promise_length length)
{
	int e;

	if (!probe_thread_free(r))
		return false;
	e = probe_thread_register(r, t, length);
	if (e)
		probe_fail(r, "%u bytes cannot be registered: %s", t->length, strerror(-e));
	else if (!probe_area_is_kept(&t->area, t->length))
		probe_fail(r, "rseq() says that %u bytes are registered, and the kernel does not know of it", t->length);
	else
		return true;
	probe_because_of(r, t->length);
	return false;
}

/* As the answer to a longer one; the thread is left without a registration. */
static bool takes_longer(struct probe_run *r, struct probe_thread *t)
{
	int e = probe_thread_register(r, t, PROMISE_LONGER);

	if (e == 0)
		probe_thread_unregister(t);
	if (e == -EINVAL)
		probe_skip(r, probe_has_longer() ?
				      "registrations of more than 32 bytes are refused: see lengths" :
				      "this kernel takes registrations of 32 bytes alone (longer ones from 6.3 on)");
	return e != -EINVAL;
}

bool probe_thread_take(struct probe_run *r, struct probe_thread *t, enum promise_length length)
{
	if (length == PROMISE_LONGER && (!probe_thread_free(r) || !takes_longer(r, t)))
		return false;
	return probe_thread_own(r, t, length);
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

int probe_current_cpu(void)
{
	unsigned int cpu = 0;

	/* Not libc's, which may ask the very area that is in question. */
	return syscall(SYS_getcpu, &cpu, NULL, NULL) < 0 ? -1 : (int)cpu;
}

int probe_pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 ? -errno : 0;
}

int probe_each_cpu(struct probe_run *r, bool (*visit)(struct probe_run *r, void *data, int cpu), void *data)
{
	uint64_t end = probe_now() + r->options->limit_ns / 2;
	cpu_set_t may;
	int n = 0;

	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && n >= 0 && probe_now() < end; cpu++)
		if (CPU_ISSET(cpu, &may) && probe_pin(cpu) == 0)
			n = visit(r, data, cpu) ? n + 1 : -1;
	sched_setaffinity(0, sizeof(may), &may);
	return n;
}

bool probe_has_longer(void)
{
	return getauxval(AUXV_RSEQ_FEATURE_SIZE) > 0;
}

long probe_switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) < 0 ? -1 : usage.ru_nvcsw + usage.ru_nivcsw;
}

void probe_on_signal(int sig, void (*handler)(int sig))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	sigset_t set;

	sigemptyset(&action.sa_mask);
	sigaction(sig, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

pid_t probe_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* 0: it is outside of the PID namespace that begins with this one. */
		if (getppid() != parent && getppid() != 0)
			_exit(1);
	}
	return pid;
}
