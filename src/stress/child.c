/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/child.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stress/disturb.h"
#include "stress/worker.h"
#include "stress/workload.h"

/* The first one is short, so that what is badly broken shows at once. */
enum { ROUND_FIRST_MS = 50, ROUND_LAST_MS = 1000 };

struct crew {
	struct run *run;
	pthread_barrier_t barrier; /* all workers and the engine */
	pthread_t *threads;
	uint32_t started;
};

struct member {
	struct crew *crew;
	struct worker *worker;
};

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The first error is kept: others follow from it. */
static void fail(struct run *run, int error, const char *format, ...) _printf_(3, 4);
static void fail(struct run *run, int error, const char *format, ...)
{
	va_list ap;

	if (!error || atomic_load(&run->shared->error))
		return;
	va_start(ap, format);
	vsnprintf(run->shared->error_why, DETAIL_MAX, format, ap);
	va_end(ap);
	atomic_store(&run->shared->error, -error);
}

/* Publishes an address where there is nothing: the kernel kills the process at the next interruption. */
static void publish_nothing(struct worker *w)
{
	*w->critical.publish = 64;
	while (!atomic_load_explicit(&w->run->rest, memory_order_relaxed))
		;
}

static void work_once(struct worker *w)
{
	if (run_has_fault(w->run, FAULT_BAD_POINTER) && w->id == 0)
		publish_nothing(w);
	while (worker_goes_on(w))
		w->run->workload->work(w);
}

static void *member_run(void *data)
{
	struct member *m = data;
	struct worker *w = m->worker;
	struct run *run = m->crew->run;
	uint64_t quota = w->quota;
	int r = worker_init(w, run, w->id);

	w->quota = quota;
	if (r < 0)
		fail(run, r, "worker %u %s: %s", w->id, r == -ENXIO ? "was not registered by libc" : "could not register",
		     strerror(-r));
	else
		disturb_this_worker(w);
	atomic_fetch_add(&run->shared->heartbeat, 1);
	for (;;) {
		pthread_barrier_wait(&m->crew->barrier);
		if (atomic_load(&run->end))
			break;
		if (r == 0 && !atomic_load(&run->shared->error))
			work_once(w);
		w->cpu_ns = now(CLOCK_THREAD_CPUTIME_ID);
		pthread_barrier_wait(&m->crew->barrier);
	}
	disturb_this_worker(NULL);
	worker_done(w);
	free(m);
	return NULL;
}

static int start_worker(struct crew *crew, uint32_t i)
{
	struct member *m = malloc(sizeof(*m));
	pthread_attr_t attr;
	int r;

	if (!m)
		return ENOMEM;
	*m = (struct member){ crew, &crew->run->workers[i] };
	pthread_attr_init(&attr);
	/* Sanitizers need more than our own frames do. */
	pthread_attr_setstacksize(&attr, 256 << 10);
	r = pthread_create(&crew->threads[i], &attr, member_run, m);
	pthread_attr_destroy(&attr);
	if (r)
		free(m);
	return r;
}

static void start_workers(struct crew *crew)
{
	struct run *run = crew->run;

	crew->threads = calloc(run->n_workers, sizeof(*crew->threads));
	if (!crew->threads)
		fail(run, -ENOMEM, "no memory for %u threads", run->n_workers);
	for (uint32_t i = 0; i < run->n_workers && !atomic_load(&run->shared->error); i++) {
		int r = start_worker(crew, i);

		if (r)
			fail(run, -r, "cannot start thread %u of %u: %s%s", i + 1, run->n_workers, strerror(r),
			     r == EAGAIN ? ": ask for fewer --threads, or raise the limit (ulimit -u, a cgroup's pids.max)" : "");
		else
			crew->started++;
	}
}

static bool all_done(const struct run *run)
{
	return run->options->operations && run_operations(run) >= run->options->operations;
}

static void nap(void)
{
	struct timespec t = { 0, 5000000 };

	nanosleep(&t, NULL);
}

static void wait_round(struct run *run, uint64_t ms)
{
	uint64_t end = now(CLOCK_MONOTONIC) + ms * 1000000;

	while (now(CLOCK_MONOTONIC) < end && !atomic_load(&run->shared->broken) && !all_done(run))
		nap();
}

static void rounds(struct crew *crew)
{
	struct run *run = crew->run;
	uint64_t start = now(CLOCK_MONOTONIC), end = start + run->options->duration_ns, ms = ROUND_FIRST_MS;
	bool over = false;

	while (!over) {
		uint64_t at = now(CLOCK_MONOTONIC), left = at < end ? (end - at) / 1000000 + 1 : 1;

		atomic_store(&run->rest, false);
		pthread_barrier_wait(&crew->barrier);
		wait_round(run, run->options->operations || ms < left ? ms : left);
		atomic_store(&run->rest, true);
		pthread_barrier_wait(&crew->barrier);
		run->shared->worked_ns = now(CLOCK_MONOTONIC) - start;
		atomic_fetch_add(&run->shared->heartbeat, 1);
		if (run->workload->check)
			run->workload->check(run);
		ms = ms < ROUND_LAST_MS ? ms * 2 : ms;
		over = atomic_load(&run->shared->broken) || atomic_load(&run->shared->error) ||
		       (run->options->operations ? all_done(run) : now(CLOCK_MONOTONIC) >= end);
	}
}

static void run_all(struct crew *crew)
{
	struct run *run = crew->run;
	struct disturbance *disturbances = NULL;
	size_t n = 0;
	int r = disturb_start(run, &disturbances, &n);

	fail(run, r, "cannot start the disturbers: %s", strerror(-r));
	rounds(crew);
	atomic_store(&run->end, true);
	disturb_stop(disturbances, n);
	pthread_barrier_wait(&crew->barrier);
	for (uint32_t i = 0; i < crew->started; i++)
		pthread_join(crew->threads[i], NULL);
}

void child_run(struct run *run)
{
	struct crew crew = { .run = run };
	int r = sched_setaffinity(0, sizeof(run->options->cpus), &run->options->cpus) < 0 ? -errno : 0;

	fail(run, r, "cannot run on these CPUs: %s", strerror(-r));
	r = disturb_prepare(run);
	fail(run, r, "cannot handle signals: %s", strerror(-r));
	atomic_store(&run->rest, true);
	r = pthread_barrier_init(&crew.barrier, NULL, run->n_workers + 1);
	fail(run, -r, "cannot make a barrier: %s", strerror(r));
	start_workers(&crew);
	if (!atomic_load(&run->shared->error) && run->workload->start) {
		r = run->workload->start(run);
		fail(run, r, "cannot start workload %s: %s", run->workload->choice.name, strerror(-r));
	}
	/* Threads that wait for others which never came end with the process. */
	if (crew.started == run->n_workers && !atomic_load(&run->shared->error))
		run_all(&crew);
	_exit(0);
}
