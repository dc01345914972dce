/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a section that is interrupted inside is aborted, one kind of interruption at a time. Nothing is
 * concluded from time. The section writes a mark as its first step and reads it as its last one; who
 * interrupts changes the mark from inside the interruption. A section that is aborted after that has kept
 * the promise; one that reads the change has survived. All else proves nothing and is tried again.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "probe/probes.h"
#include "probe/thread.h"

enum { INTERRUPTIONS = 12 };

/* Rounds of an empty loop inside a section, and how long a section may become by them. */
enum { ROUNDS_FIRST = 1 << 13, ROUNDS_LEAST = 1 << 11, ROUNDS_MOST = 1 << 30, SECTION_NS_MOST = 30000000 };

/* What the mark says in its last bits; above them is the number of the section. 0: no section. */
enum { MARK_OPEN, MARK_BEGUN, MARK_DONE, MARK_STEPS = 4 };

enum { MEMBARRIER_RSEQ = 1 << 7, MEMBARRIER_REGISTER_RSEQ = 1 << 8 };

struct trial;

struct way {
	const char *what; /* in the plural */
	/* By the other thread, while the section is open. 0 or -errno. NULL: that it runs there is enough. */
	int (*interrupt)(struct trial *t);
	bool same_cpu;	 /* the other thread runs on the section's CPU */
	bool by_handler; /* MARK_DONE is written by the signal handler */
	bool switches;	 /* the section's thread is switched out; if it is in other ways, that was not ours */
	bool moves;
};

struct trial {
	struct probe_thread thread;
	const struct way *way;
	uint64_t mark, counter, sections;
	uint32_t kept, missed;
	pid_t tid;
	int home, away, where; /* where: the CPU of the other thread, before MARK_DONE */
	bool alone, end; /* alone: a timer interrupts, and there is no other thread */
	int error;	 /* of what interrupts */
};

/* --- who interrupts --- */

static _Thread_local struct trial *interrupted;

/* In the section's thread, before its section is left or gone on with. */
static void handler(int sig)
{
	uint64_t mark = interrupted ? __atomic_load_n(&interrupted->mark, __ATOMIC_RELAXED) : 0;

	(void)sig;
	if (mark)
		__atomic_store_n(&interrupted->mark, mark - mark % MARK_STEPS + MARK_DONE, __ATOMIC_RELAXED);
}

static int send_signal(struct trial *t)
{
	return syscall(SYS_tgkill, getpid(), t->tid, SIGALRM) < 0 ? -errno : 0;
}

static int move_away(struct trial *t)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(t->away, &one);
	return sched_setaffinity(t->tid, sizeof(one), &one) < 0 ? -errno : 0;
}

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) < 0 ? -errno : 0;
}

static int send_membarrier(struct trial *t)
{
	(void)t;
	return membarrier(MEMBARRIER_RSEQ);
}

static bool step(struct trial *t, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(&t->mark, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* The section that is open, if one is. */
static void interrupt(struct trial *t)
{
	uint64_t mark = __atomic_load_n(&t->mark, __ATOMIC_ACQUIRE);
	int r;

	if (!mark || mark % MARK_STEPS != MARK_OPEN || !step(t, mark, mark + MARK_BEGUN))
		return;
	__atomic_store_n(&t->where, probe_current_cpu(), __ATOMIC_RELAXED);
	r = t->way->interrupt ? t->way->interrupt(t) : 0;
	if (r < 0)
		__atomic_store_n(&t->error, r, __ATOMIC_RELEASE);
	else if (!t->way->by_handler)
		step(t, mark + MARK_BEGUN, mark + MARK_DONE);
}

/* Watching all the time sees an open section at once; resting lets others run where CPUs are few. */
static void *interrupt_always(void *arg)
{
	static const struct timespec rest = { 0, 50000 };
	struct trial *t = arg;
	int r;

	prctl(PR_SET_TIMERSLACK, 1);
	r = probe_pin(t->way->same_cpu ? t->home : t->away);
	if (r < 0)
		__atomic_store_n(&t->error, r, __ATOMIC_RELEASE);
	while (r == 0 && !__atomic_load_n(&t->end, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < (t->way->same_cpu ? 1 : 2000); i++)
			interrupt(t);
		nanosleep(&rest, NULL);
	}
	return NULL;
}

/* --- who is interrupted --- */

/*
 * Whether it had to leave its CPU: to the other thread, which ran on that very CPU while the section was open, or to
 * be moved away from home. Both threads can be sent elsewhere by somebody else, as when a cpuset changes.
 */
static bool had_to_leave(const struct trial *t, uint32_t index, long n_switches)
{
	/* One that is not registered has no number, and stays at home. */
	int cpu = index < INT32_MAX ? (int)index : t->home;

	return n_switches > 0 && cpu == (t->way->moves ? t->home : __atomic_load_n(&t->where, __ATOMIC_RELAXED));
}

/* Whether what the mark said at the abort proves that this interruption was there. */
static bool is_proof(const struct trial *t, uint64_t step_seen, long n_switches)
{
	if (!t->way->switches && n_switches)
		return false;
	if (step_seen == MARK_BEGUN)
		return t->way->moves ? probe_current_cpu() == t->away : !t->way->same_cpu && !t->way->by_handler;
	return step_seen == MARK_DONE;
}

/* Whether it proved anything. */
static bool count(struct trial *t, uint32_t index, enum critical_result result, uint64_t open, uint64_t left,
		  long n_switches)
{
	const struct critical *c = &t->thread.critical;

	if (t->way->switches && !had_to_leave(t, index, n_switches))
		return false;
	if (result == CRITICAL_ABORTED && left > open && is_proof(t, left - open, n_switches))
		t->kept++;
	/* With the mark as it was, it was the CPU's number that changed inside. */
	else if (result == CRITICAL_OTHER && (c->seen == open + MARK_DONE || c->seen == open))
		t->missed++;
	else
		return false;
	return true;
}

static void arm_timer(void)
{
	struct itimerval soon = { .it_value.tv_usec = 20 };

	setitimer(ITIMER_REAL, &soon, NULL);
}

/* Longer when nobody came in time, shorter when somebody else did. */
static void adapt(uint32_t *delay, enum critical_result result, uint64_t duration)
{
	if (result == CRITICAL_ABORTED)
		*delay = *delay > ROUNDS_LEAST ? *delay / 2 : *delay;
	else if (result != CRITICAL_MOVED && duration < SECTION_NS_MOST && *delay < ROUNDS_MOST)
		*delay *= 2;
}

static void one_section(struct trial *t)
{
	struct critical *c = &t->thread.critical;
	uint64_t open = ++t->sections * MARK_STEPS, left, start;
	enum critical_result result;
	uint32_t index;
	int r = 0;
	long n;

	if (t->way->moves && probe_current_cpu() != t->home)
		r = probe_pin(t->home);
	if (r < 0) {
		__atomic_store_n(&t->error, r, __ATOMIC_RELEASE);
		return;
	}
	if (t->alone)
		arm_timer();
	n = probe_switches();
	start = probe_now();
	index = *c->key;
	result = critical_window(c, index, &t->mark, open, &t->counter, 1);
	left = __atomic_exchange_n(&t->mark, 0, __ATOMIC_SEQ_CST);
	if (!count(t, index, result, open, left, probe_switches() - n))
		adapt(&c->delay[DELAY_LOADED], result, probe_now() - start);
}

/* Until enough is proved, or half of the time is over: the rest is for ending. */
static int be_interrupted(struct trial *t, uint64_t limit_ns)
{
	uint64_t end = probe_now() + limit_ns / 2;
	pthread_t other;
	int r = 0;

	t->tid = (pid_t)syscall(SYS_gettid);
	t->thread.critical.delay[DELAY_LOADED] = ROUNDS_FIRST;
	interrupted = t;
	probe_on_signal(SIGALRM, handler);
	if (!t->alone)
		r = -pthread_create(&other, NULL, interrupt_always, t);
	if (r < 0)
		return r;
	while (t->kept + t->missed < INTERRUPTIONS && probe_now() < end && !__atomic_load_n(&t->error, __ATOMIC_ACQUIRE))
		one_section(t);
	__atomic_store_n(&t->end, true, __ATOMIC_RELEASE);
	if (!t->alone)
		pthread_join(other, NULL);
	return t->error;
}

/* --- the verdict --- */

static void conclude(struct probe_run *r, const struct trial *t)
{
	uint32_t proved = t->kept + t->missed;
	char seen[32];

	snprintf(seen, sizeof(seen), "%" PRIu32 " of %" PRIu32, t->kept, proved);
	probe_row(r, proved ? !t->missed : -1, "abort it", seen, "%s inside a section", t->way->what);
	if (t->missed)
		probe_fail(r, "%" PRIu32 " of %" PRIu32 " %s did not abort the section", t->missed, proved, t->way->what);
	else if (proved < INTERRUPTIONS)
		probe_unknown(r, "only %" PRIu32 " of %d %s were met inside a section, in %" PRIu64 " sections", proved,
			      INTERRUPTIONS, t->way->what, t->sections);
	else
		probe_pass(r, "%" PRIu32 " of %" PRIu32 " %s aborted the section", t->kept, proved, t->way->what);
}

static void run_trial(struct probe_run *r, struct trial *t, enum promise_length length)
{
	int e;

	if (!probe_thread_take(r, &t->thread, length))
		return;
	/* The index is that of no memory: only that it stays the same counts. */
	t->thread.critical.start = t->thread.critical.key;
	if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(&t->thread);
	e = be_interrupted(t, r->options->limit_ns);
	probe_thread_unregister(&t->thread);
	if (e == -EAGAIN && !t->missed)
		probe_unknown(r, "cannot start a thread");
	else if (e < 0 && !t->missed)
		probe_skip(r, "%s cannot be made here: %s", t->way->what, strerror(-e));
	else
		conclude(r, t);
}

static void run(struct probe_run *r, const struct way *way, enum promise_length length)
{
	struct trial t = { .way = way, .home = probe_cpu(-1) };
	int e;

	t.away = t.home < 0 ? -1 : probe_cpu(t.home);
	t.alone = way->by_handler && t.away < 0;
	e = t.home < 0 ? -EINVAL : probe_pin(t.home);
	if (e < 0)
		probe_skip(r, "this process cannot choose its CPU: %s", strerror(-e));
	else if (t.away < 0 && !way->same_cpu && !t.alone)
		probe_skip(r, "it takes two CPUs, and this process may use one");
	else
		run_trial(r, &t, length);
}

static const struct way preemption = { .what = "preemptions", .same_cpu = true, .switches = true };
static const struct way migration = { .what = "migrations", .interrupt = move_away, .switches = true, .moves = true };
static const struct way signals = { .what = "signals", .interrupt = send_signal, .by_handler = true };
static const struct way barrier = { .what = "membarriers", .interrupt = send_membarrier };

static void run_barrier(struct probe_run *r, enum promise_length length)
{
	int e = membarrier(MEMBARRIER_REGISTER_RSEQ);

	if (e == -EINVAL)
		probe_skip(r, "this kernel has no membarrier for rseq (5.10 on, CONFIG_MEMBARRIER)");
	else if (e < 0)
		probe_skip(r, "membarrier() is denied: %s", strerror(-e));
	else
		run(r, &barrier, length);
}

#define PROBE(name, id_, run_, title_)                                                             \
	static void run_##name(struct probe_run *r)                                                \
	{                                                                                          \
		run_(PROMISE_ORIGINAL);                                                            \
	}                                                                                          \
	static void run_##name##_long(struct probe_run *r)                                         \
	{                                                                                          \
		run_(PROMISE_LONGER);                                                              \
	}                                                                                          \
	const struct probe probe_##name = { .id = id_, .title = title_, .run = run_##name };       \
	const struct probe probe_##name##_long = {                                                 \
		.id = id_ "-long",                                                                 \
		.title = title_ ", registered with more than 32 bytes",                            \
		.run = run_##name##_long,                                                          \
	};

#define PREEMPT(length) run(r, &preemption, length)
#define MIGRATE(length) run(r, &migration, length)
#define SIGNAL(length) run(r, &signals, length)
#define BARRIER(length) run_barrier(r, length)

PROBE(abort_preempt, "abort-preempt", PREEMPT, "preemption aborts a section, on the same CPU")
PROBE(abort_migrate, "abort-migrate", MIGRATE, "migration aborts a section")
PROBE(abort_signal, "abort-signal", SIGNAL, "a signal aborts a section")
PROBE(abort_membarrier, "abort-membarrier", BARRIER, "membarrier aborts a section, on another CPU")
