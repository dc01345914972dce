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

/*
 * So often while there is time. Where many want the CPU, each time but a signal takes a turn of all of them: then a few
 * are an answer, for the kernel itself says of each that this thread was switched out.
 */
enum { TIMES = 16 };

/* As a pointer of tcmalloc: no CPU's number. */
#define WRITTEN UINT32_C(0x8053c0de)

struct trial {
	struct probe_thread thread;
	struct probe_run *run;
	int cpu, other; /* other: -1, there is none */
	uint64_t end_ns; /* of the way that is being asked */
	uint64_t turns; /* of the thread that takes the CPU */
	bool in_company; /* it is there */
};

static volatile uint32_t *field(struct trial *t)
{
	return &t->thread.area.cpu_id_start;
}

/* --- what happens meanwhile --- */

/* What stands there, if the thread was switched out since it had been so often; it was written before that. */
static int take_value(struct trial *t, long switches_before, uint32_t *ret_value)
{
	if (probe_switches() == switches_before)
		return -EAGAIN;
	*ret_value = *field(t);
	return 0;
}

/* Whoever else has the CPU then, or nobody: a sleep may be none. */
static int sleep_once(struct trial *t, uint32_t *ret_value)
{
	static const struct timespec moment = { 0, 50000 };
	long before = probe_switches();

	nanosleep(&moment, NULL);
	return take_value(t, before, ret_value);
}

/* As long as the process lives: to wait for its end costs a turn of all that want this CPU. */
static void *take_turns(void *arg)
{
	static const struct timespec rest = { 0, 50000 };
	struct trial *t = arg;

	prctl(PR_SET_TIMERSLACK, 1);
	for (;;) {
		__atomic_fetch_add(&t->turns, 1, __ATOMIC_SEQ_CST);
		nanosleep(&rest, NULL);
	}
	return NULL;
}

/* On the same CPU. */
static int find_company(struct trial *t)
{
	pthread_t other;
	int e = t->in_company ? 0 : -pthread_create(&other, NULL, take_turns, t);

	t->in_company = e == 0;
	return e;
}

/* No system call of this thread meanwhile. Another process may be faster than the thread that is there for it. */
static int be_preempted_once(struct trial *t, uint32_t *ret_value)
{
	uint64_t turns, rounds = 0;
	int e = find_company(t);
	long before;

	if (e < 0)
		return e;
	turns = __atomic_load_n(&t->turns, __ATOMIC_SEQ_CST);
	before = probe_switches();
	while (*field(t) == WRITTEN && __atomic_load_n(&t->turns, __ATOMIC_SEQ_CST) == turns)
		if (++rounds % 10000 == 0 && probe_now() > t->end_ns)
			return -ETIME;
	return take_value(t, before, ret_value);
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

/* What takes no time comes first, and what is left is the others'. */
static const struct way {
	const char *what;
	/* Does it, after cpu_id_start was written; what stands there then, and 0, or -errno. */
	int (*once)(struct trial *t, uint32_t *ret_value);
	unsigned int least; /* times that are an answer */
} ways[] = {
	{ "a signal came (as its handler sees it)", be_signalled_once, 2 },
	{ "it was moved to another CPU", move_once, 1 },
	{ "it slept", sleep_once, 2 },
	{ "another thread took its CPU", be_preempted_once, 2 },
};

struct count {
	unsigned int times, kept; /* kept: it was not rewritten */
};

/* Many times until the first end, and a few until the last one. 0, or -errno of what cannot be made to happen. */
static int repeat(struct trial *t, const struct way *way, uint64_t first_end_ns, uint64_t last_end_ns, struct count *ret)
{
	int e = 0;

	while (ret->times < TIMES && (e == 0 || e == -EAGAIN)) {
		uint32_t value = WRITTEN;

		t->end_ns = ret->times < way->least ? last_end_ns : first_end_ns;
		if (probe_now() > t->end_ns)
			return -ETIME;
		*field(t) = WRITTEN;
		e = way->once(t, &value);
		ret->times += e == 0;
		ret->kept += e == 0 && value == WRITTEN;
	}
	return e;
}

/* The times it was not rewritten, or -errno when it was not seen often enough. */
static int ask(struct trial *t, const struct way *way, uint64_t first_end_ns, uint64_t last_end_ns)
{
	struct count n = { 0 };
	char seen[32];
	int e = repeat(t, way, first_end_ns, last_end_ns, &n);

	if (n.kept || n.times >= way->least)
		e = 0;
	if (n.times)
		snprintf(seen, sizeof(seen), "%u of %u times", n.times - n.kept, n.times);
	else
		snprintf(seen, sizeof(seen), "%s", e == -ENODEV ? "one CPU only" : e == -ETIME ? "no time" : strerror(-e));
	probe_row(t->run, e == 0 ? !n.kept : -1, "rewritten each time", seen, "%s", way->what);
	return e < 0 ? e : (int)n.kept;
}

static void ask_all(struct trial *t)
{
	uint64_t start = probe_now(), limit = t->run->options->limit_ns, share = limit / 4 / ARRAY_SIZE(ways);
	const char *broken = NULL, *unseen = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int r = ask(t, &ways[i], start + share * (i + 1), start + limit / 4 * 3);

		broken = r > 0 && !broken ? ways[i].what : broken;
		unseen = r < 0 && r != -ENODEV ? ways[i].what : unseen;
	}
	if (broken)
		probe_fail(t->run, "the kernel did not rewrite cpu_id_start when %s: tcmalloc relies on it", broken);
	else if (unseen)
		probe_unknown(t->run, "it could not be made to happen that %s", unseen);
	else
		probe_pass(t->run, NULL);
}

static void run_cpu_id_start(struct probe_run *r)
{
	static struct trial t;
	int e;

	t.run = r;
	t.cpu = probe_cpu(-1);
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
