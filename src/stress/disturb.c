/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/disturb.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress/cpus.h"
#include "stress/worker.h"
#include "stress/workload.h"
#include "util/array.h"

/* Not in the headers of older machines: Linux 5.10. */
enum { PRIVATE_EXPEDITED_RSEQ = 1 << 7, REGISTER_PRIVATE_EXPEDITED_RSEQ = 1 << 8 };

struct disturber {
	struct stress_choice choice;
	/* One round of its threads; each has one, or one for each CPU where it then stays. */
	void (*round)(struct disturbance *d);
	bool per_cpu;
	long pause_ns; /* between rounds, on average */
	int (*possible)(const struct stress_options *options, const char **ret_why);
	int (*begin)(struct disturbance *d);
	void (*worker)(struct worker *w);
};

static int go_to(pid_t tid, uint32_t cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(tid, sizeof(one), &one);
}

static struct worker *any_worker(struct disturbance *d)
{
	return &d->run->workers[random_next(&d->random) % d->run->n_workers];
}

/* --- migrate --- */

static uint32_t any_cpu(const struct run *run, uint64_t random)
{
	return cpus_nth(&run->options->cpus, (uint32_t)(random % (uint32_t)CPU_COUNT(&run->options->cpus)));
}

/* One CPU, some of them, or all: masks shrink and grow. */
static void migrate_round(struct disturbance *d)
{
	struct worker *w = any_worker(d);
	pid_t tid = atomic_load(&w->tid);
	uint64_t r = random_next(&d->random);
	cpu_set_t some = d->run->options->cpus;

	if (!tid)
		return;
	if (r % 8 == 0)
		sched_setaffinity(tid, sizeof(some), &some);
	else if (r % 8 == 1) {
		CPU_CLR(any_cpu(d->run, r >> 8), &some);
		sched_setaffinity(tid, sizeof(some), &some);
	} else
		go_to(tid, any_cpu(d->run, r >> 8));
}

static void migrate_worker(struct worker *w)
{
	if (worker_random(w) % 4 == 0)
		go_to(0, any_cpu(w->run, worker_random(w)));
}

static int migrate_possible(const struct stress_options *options, const char **ret_why)
{
	if (CPU_COUNT(&options->cpus) > 1)
		return 0;
	*ret_why = "there is one CPU to run on";
	return -ENXIO;
}

/* --- preempt and rt --- */

static int stay(struct disturbance *d)
{
	return go_to(0, d->cpu) < 0 ? -errno : 0;
}

/* Wakes up where a worker runs, which has to wait meanwhile. */
static void preempt_round(struct disturbance *d)
{
	uint64_t spin = random_next(&d->random) % 2048;

	if (d->run->workload->preempted)
		d->run->workload->preempted(d->run, d->cpu);
	for (volatile uint64_t i = 0; i < spin; i++)
		;
}

static void rt_round(struct disturbance *d)
{
	if (d->run->workload->preempted)
		d->run->workload->preempted(d->run, d->cpu);
}

static int become_realtime(void)
{
	struct sched_param param = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0 ? -errno : 0;
}

static int rt_begin(struct disturbance *d)
{
	int r = stay(d);

	return r < 0 ? r : become_realtime();
}

/* Asked in a process of its own, so that this one's class never changes. */
static int rt_possible(const struct stress_options *options, const char **ret_why)
{
	pid_t pid = fork();
	int status = 0;

	(void)options;
	*ret_why = "a real-time priority is not permitted";
	if (pid == 0)
		_exit(-become_realtime());
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

/* --- signal --- */

static _Thread_local struct worker *signalled_worker;

static void on_signal(int sig)
{
	struct worker *w = signalled_worker;

	(void)sig;
	if (w && w->run->workload->signalled)
		w->run->workload->signalled(w);
}

static void signal_round(struct disturbance *d)
{
	pid_t tid;

	for (int i = 0; i < 4; i++) {
		tid = atomic_load(&any_worker(d)->tid);
		if (tid)
			syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
	}
}

/* --- membarrier --- */

/* What the system call returns, or -errno. */
static int membarrier(int command)
{
	long r = syscall(SYS_membarrier, command, 0, 0);

	return r < 0 ? -errno : (int)r;
}

static int membarrier_possible(const struct stress_options *options, const char **ret_why)
{
	int known = membarrier(MEMBARRIER_CMD_QUERY);

	(void)options;
	*ret_why = "this kernel has no membarrier for rseq, or it is denied";
	if (known < 0)
		return known;
	return known & PRIVATE_EXPEDITED_RSEQ ? 0 : -EOPNOTSUPP;
}

static void membarrier_round(struct disturbance *d)
{
	const struct workload *workload = d->run->workload;

	if (workload->before_barrier)
		workload->before_barrier(d->run);
	if (!run_has_fault(d->run, FAULT_NO_MEMBARRIER))
		membarrier(PRIVATE_EXPEDITED_RSEQ);
	if (workload->after_barrier)
		workload->after_barrier(d->run);
}

/* --- yield --- */

static void yield_worker(struct worker *w)
{
	struct timespec moment = { 0, 1000 };

	if (worker_random(w) % 64)
		sched_yield();
	else
		nanosleep(&moment, NULL);
}

/* --- the table --- */

static const struct disturber disturbers[] = {
	{ { "migrate", "workers change CPUs, by themselves and moved by another thread", true },
	  .round = migrate_round, .pause_ns = 60000, .possible = migrate_possible, .worker = migrate_worker },
	{ { "preempt", "a thread on each CPU wakes up and takes it for a moment", true },
	  .round = preempt_round, .per_cpu = true, .pause_ns = 60000, .begin = stay },
	{ { "signal", "workers get signals", true }, .round = signal_round, .pause_ns = 80000 },
	{ { "membarrier", "a thread calls membarrier(2) for rseq", true },
	  .round = membarrier_round, .pause_ns = 60000, .possible = membarrier_possible },
	{ { "yield", "workers yield and sleep between sections", true }, .worker = yield_worker },
	{ { "none", "nothing but the workers themselves", false }, .pause_ns = 0 },
	{ { "rt", "a real-time thread on each CPU wakes up 20,000 times a second (privileged)", false },
	  .round = rt_round, .per_cpu = true, .pause_ns = 40000, .possible = rt_possible, .begin = rt_begin },
};

_Static_assert(sizeof(disturbers) / sizeof(disturbers[0]) <= STRESS_DISTURBERS_MAX, "a bit for each");

const struct stress_choice *stress_disturber(size_t i)
{
	return i < ARRAY_SIZE(disturbers) ? &disturbers[i].choice : NULL;
}

int stress_disturber_possible(size_t i, const struct stress_options *options, const char **ret_why)
{
	return disturbers[i].possible ? disturbers[i].possible(options, ret_why) : 0;
}

void disturb_worker(struct worker *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(disturbers); i++)
		if (w->run->options->disturb & 1u << i && disturbers[i].worker)
			disturbers[i].worker(w);
}

void disturb_this_worker(struct worker *w)
{
	signalled_worker = w;
}

int disturb_prepare(struct run *run)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigset_t set;

	(void)run;
	if (sigaction(SIGUSR1, &action, NULL) < 0)
		return -errno;
	/* Whoever started this may have blocked it; the workers inherit the mask. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/* Where it is not possible, nobody will call it. */
	membarrier(REGISTER_PRIVATE_EXPEDITED_RSEQ);
	return 0;
}

static void *disturb(void *data)
{
	struct disturbance *d = data;
	struct timespec pause = { 0, 0 };

	prctl(PR_SET_TIMERSLACK, 1);
	if (d->disturber->begin && d->disturber->begin(d) < 0)
		return NULL;
	while (!atomic_load_explicit(&d->run->end, memory_order_relaxed)) {
		/* A CPU that was taken offline: what is said of this thread would not be true elsewhere. */
		if (d->disturber->per_cpu && sched_getcpu() != (int)d->cpu)
			break;
		d->disturber->round(d);
		pause.tv_nsec = (long)(random_next(&d->random) % (uint64_t)(2 * d->disturber->pause_ns));
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int start_one(struct disturbance *d)
{
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	r = pthread_create(&d->thread, &attr, disturb, d);
	pthread_attr_destroy(&attr);
	d->started = r == 0;
	return -r;
}

int disturb_start(struct run *run, struct disturbance **ret, size_t *ret_n)
{
	uint32_t cpus = (uint32_t)CPU_COUNT(&run->options->cpus);
	int r = 0;

	/* Room for all: their threads keep the address. */
	*ret_n = 0;
	*ret = calloc(ARRAY_SIZE(disturbers) * cpus, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(disturbers); i++) {
		if (!(run->options->disturb & 1u << i) || !disturbers[i].round)
			continue;
		for (uint32_t k = 0; k < (disturbers[i].per_cpu ? cpus : 1) && r == 0; k++) {
			struct disturbance *d = &(*ret)[(*ret_n)++];

			d->run = run;
			d->disturber = &disturbers[i];
			d->cpu = cpus_nth(&run->options->cpus, k);
			d->random = run->options->seed * 31 + *ret_n * 0x9e3779b97f4a7c15u + 1;
			r = start_one(d);
		}
	}
	return r;
}

void disturb_stop(struct disturbance *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (d[i].started)
			pthread_join(d[i].thread, NULL);
	free(d);
}
