/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcmalloc keeps half of a pointer in cpu_id_start and takes a CPU's number there for "something happened
 * meanwhile". For registrations of 32 bytes the kernel rewrites it at every context switch and before every
 * signal: always did up to 6.18, and from b9eac6a9d93c on (Linux 7.1-rc3 and 7.0.10) promises to.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probe/probes.h"
#include "probe/thread.h"
#include "util/array.h"

/* Often: what another process interrupts meanwhile is rewritten for that reason. */
enum { TIMES = 16, TIMES_LEAST = 2 };

/* As a pointer of tcmalloc: no CPU's number. */
#define WRITTEN UINT32_C(0x8053c0de)

struct trial {
	struct probe_thread thread;
	struct probe_run *run;
	int cpu, other; /* other: -1, there is none */
	uint64_t end_ns; /* of the way that is being asked */
	uint64_t turns; /* of the thread that takes the CPU */
	int where;	/* it ran at its last turn */
	bool end;
};

static volatile uint32_t *field(struct trial *t)
{
	return &t->thread.area.cpu_id_start;
}

/* --- what happens meanwhile --- */

/* On the CPU to which the process is pinned at its start. */
static void *take_turns(void *arg)
{
	static const struct timespec rest = { 0, 50000 };
	struct trial *t = arg;

	prctl(PR_SET_TIMERSLACK, 1);
	while (!__atomic_load_n(&t->end, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&t->where, probe_current_cpu(), __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&t->turns, 1, __ATOMIC_SEQ_CST);
		nanosleep(&rest, NULL);
	}
	return NULL;
}

/* Whether a whole turn began and ended since there were that many. */
static bool had_turn(const struct trial *t, uint64_t before)
{
	return __atomic_load_n(&t->turns, __ATOMIC_SEQ_CST) - before > 1;
}

/* A turn on this CPU proves that this thread was switched out; both may be sent elsewhere, as when a cpuset changes. */
static int take_value(struct trial *t, uint32_t *ret_value)
{
	*ret_value = *field(t);
	return __atomic_load_n(&t->where, __ATOMIC_SEQ_CST) == probe_current_cpu() ? 0 : -EAGAIN;
}

/* Until the other thread has had the CPU: a sleep may be none. */
static int sleep_once(struct trial *t, uint32_t *ret_value)
{
	static const struct timespec moment = { 0, 100000 };

	for (uint64_t before = __atomic_load_n(&t->turns, __ATOMIC_SEQ_CST); !had_turn(t, before); nanosleep(&moment, NULL))
		if (probe_now() > t->end_ns)
			return -ETIME;
	return take_value(t, ret_value);
}

/* No system call of this thread. */
static int be_preempted_once(struct trial *t, uint32_t *ret_value)
{
	uint64_t before = __atomic_load_n(&t->turns, __ATOMIC_SEQ_CST), rounds = 0;

	while (!had_turn(t, before))
		if (++rounds % 10000 == 0 && probe_now() > t->end_ns)
			return -ETIME;
	return take_value(t, ret_value);
}

static _Thread_local struct trial *signalled;
static _Thread_local volatile uint32_t in_handler;
static _Thread_local volatile sig_atomic_t handled;

static void handler(int sig)
{
	(void)sig;
	in_handler = signalled ? *field(signalled) : 0;
	handled = 1;
}

static int be_signalled_once(struct trial *t, uint32_t *ret_value)
{
	signalled = t;
	handled = 0;
	if (syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1) < 0)
		return -errno;
	*ret_value = in_handler;
	return handled ? 0 : -EAGAIN;
}

static int move_once(struct trial *t, uint32_t *ret_value)
{
	int e = t->other < 0 ? -ENODEV : probe_pin(probe_current_cpu() == t->other ? t->cpu : t->other);

	*ret_value = *field(t);
	return e;
}

/* --- asking --- */

static const struct way {
	const char *what;
	/* Does it, after cpu_id_start was written; what stands there then, and 0, or -errno. */
	int (*once)(struct trial *t, uint32_t *ret_value);
} ways[] = {
	{ "it slept", sleep_once },
	{ "another thread took its CPU", be_preempted_once },
	{ "a signal came (as its handler sees it)", be_signalled_once },
	{ "it was moved to another CPU", move_once },
};

/* The times it was not rewritten, or -errno when it was not seen often enough. */
static int ask(struct trial *t, const struct way *way)
{
	unsigned int times = 0, kept = 0;
	char seen[32];
	int e = 0;

	for (; times < TIMES && (e == 0 || e == -EAGAIN) && probe_now() < t->end_ns; times += e == 0) {
		uint32_t value = WRITTEN;

		*field(t) = WRITTEN;
		e = way->once(t, &value);
		kept += e == 0 && value == WRITTEN;
	}
	if (kept || times >= TIMES_LEAST)
		e = 0;
	else if (e == 0 || e == -EAGAIN)
		e = -ETIME;
	if (times)
		snprintf(seen, sizeof(seen), "%u of %u times", times - kept, times);
	else
		snprintf(seen, sizeof(seen), "%s", e == -ENODEV ? "one CPU only" : e == -ETIME ? "no time" : strerror(-e));
	probe_row(t->run, e == 0 ? !kept : -1, "rewritten each time", seen, "%s", way->what);
	return e < 0 ? e : (int)kept;
}

static void ask_all(struct trial *t)
{
	uint64_t start = probe_now(), share = t->run->options->limit_ns / 4 / ARRAY_SIZE(ways);
	const char *broken = NULL, *unseen = NULL;
	pthread_t other;
	int e = -pthread_create(&other, NULL, take_turns, t);

	if (e < 0) {
		probe_unknown(t->run, "cannot start a thread: %s", strerror(-e));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int r;

		/* None takes the time of the others. */
		t->end_ns = start + share * (i + 1);
		r = ask(t, &ways[i]);
		broken = r > 0 && !broken ? ways[i].what : broken;
		unseen = r < 0 && r != -ENODEV ? ways[i].what : unseen;
	}
	__atomic_store_n(&t->end, true, __ATOMIC_RELEASE);
	pthread_join(other, NULL);
	if (broken)
		probe_fail(t->run, "the kernel did not rewrite cpu_id_start when %s: tcmalloc relies on it", broken);
	else if (unseen)
		probe_unknown(t->run, "it could not be made to happen that %s", unseen);
	else
		probe_pass(t->run, NULL);
}

static void run_cpu_id_start(struct probe_run *r)
{
	struct trial t = { .run = r, .cpu = probe_cpu(-1) };
	int e;

	t.other = t.cpu < 0 ? -1 : probe_cpu(t.cpu);
	e = t.cpu < 0 ? -EINVAL : probe_pin(t.cpu);
	if (e < 0) {
		probe_skip(r, "this process cannot choose its CPU: %s", strerror(-e));
		return;
	}
	if (!probe_thread_take(r, &t.thread, PROMISE_ORIGINAL))
		return;
	if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(&t.thread);
	probe_on_signal(SIGUSR1, handler);
	ask_all(&t);
	probe_thread_unregister(&t.thread);
}

const struct probe probe_cpu_id_start = {
	.id = "cpu_id_start",
	.title = "cpu_id_start is rewritten, as users with 32 bytes rely on",
	.run = run_cpu_id_start,
};
