/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One increment, done in several ways. CPU time per operation; the ways take turns, and medians count. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/cpus.h"
#include "stress/worker.h"
#include "util/array.h"

enum { ROUNDS = 5, BATCH = 1000 };

struct place {
	_Alignas(128) uint64_t counter;
};

struct contest {
	const struct stress_options *options;
	struct place *places;
	pthread_mutex_t mutex;
	pthread_rwlock_t gate; /* closed until all are there, or some never will be */
	_Atomic bool stop;
	void (*way)(struct contest *c, struct critical *critical);
};

struct rival {
	_Alignas(128) struct contest *contest;
	pthread_t thread;
	uint32_t cpu;
	uint64_t ops, cpu_ns;
	int error;
};

static void by_rseq(struct contest *c, struct critical *critical)
{
	critical_count(critical, c->places, 7, BATCH);
}

static void by_atomic_slot(struct contest *c, struct critical *critical)
{
	for (int i = 0; i < BATCH; i++)
		__atomic_fetch_add(&c->places[*critical->start].counter, 1, __ATOMIC_RELAXED);
}

static void by_atomic_shared(struct contest *c, struct critical *critical)
{
	(void)critical;
	for (int i = 0; i < BATCH; i++)
		__atomic_fetch_add(&c->places[0].counter, 1, __ATOMIC_RELAXED);
}

static void by_mutex(struct contest *c, struct critical *critical)
{
	(void)critical;
	for (int i = 0; i < BATCH; i++) {
		pthread_mutex_lock(&c->mutex);
		c->places[0].counter++;
		pthread_mutex_unlock(&c->mutex);
	}
}

static void by_getcpu(struct contest *c, struct critical *critical)
{
	(void)critical;
	for (int i = 0; i < BATCH; i++)
		__atomic_fetch_add(&c->places[sched_getcpu()].counter, 1, __ATOMIC_RELAXED);
}

static const struct {
	const char *name;
	void (*way)(struct contest *c, struct critical *critical);
} ways[] = {
	{ "rseq", by_rseq },
	{ "atomic-slot", by_atomic_slot },
	{ "atomic-shared", by_atomic_shared },
	{ "mutex", by_mutex },
	{ "getcpu-atomic", by_getcpu },
};

_Static_assert(sizeof(struct place) == 1 << 7, "the shift of by_rseq");

static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *run_rival(void *data)
{
	static _Thread_local _Alignas(REGISTRATION_ALIGN) char own_area[REGISTRATION_LENGTH_MAX];
	struct rival *r = data;
	struct contest *c = r->contest;
	void *area = c->options->own_registration ? own_area : registration_libc_area();
	struct critical critical;
	cpu_set_t one;
	uint64_t start;

	CPU_ZERO(&one);
	CPU_SET(r->cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	r->error = !area ? -ENXIO : c->options->own_registration ?
		registration_register(area, c->options->length) : 0;
	if (area)
		critical_init(&critical, area, false);
	pthread_rwlock_rdlock(&c->gate);
	pthread_rwlock_unlock(&c->gate);
	start = cpu_time();
	/* At least once: where many wait for a CPU, the time may be over before it had one. */
	while (r->error == 0) {
		c->way(c, &critical);
		r->ops += BATCH;
		if (atomic_load_explicit(&c->stop, memory_order_relaxed))
			break;
	}
	r->cpu_ns = cpu_time() - start;
	if (c->options->own_registration && r->error == 0)
		registration_unregister(area, c->options->length);
	return NULL;
}

/* Every increment must have been made. */
static bool is_complete(const struct contest *c, uint32_t n_places, uint64_t ops)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n_places; i++)
		sum += c->places[i].counter;
	return sum == ops;
}

/* 0 or -errno, and in each case how many there are. */
static int start_rivals(struct contest *c, struct rival *rivals, uint32_t n, uint32_t *ret_started)
{
	uint32_t cpus = (uint32_t)CPU_COUNT(&c->options->cpus);

	for (*ret_started = 0; *ret_started < n; ++*ret_started) {
		struct rival *rival = &rivals[*ret_started];
		int r;

		*rival = (struct rival){ .contest = c, .cpu = cpus_nth(&c->options->cpus, *ret_started % cpus) };
		r = pthread_create(&rival->thread, NULL, run_rival, rival);
		if (r)
			return -r;
	}
	return 0;
}

/* One way, once. 0 or -errno. */
static int contest_once(struct contest *c, struct rival *rivals, uint64_t ns, uint64_t *ret_picoseconds)
{
	uint32_t n;
	struct timespec t = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
	uint64_t ops = 0, cpu_ns = 0;
	int r;

	memset(c->places, 0, CPU_SETSIZE * sizeof(c->places[0]));
	pthread_rwlock_wrlock(&c->gate);
	r = start_rivals(c, rivals, c->options->threads, &n);
	atomic_store(&c->stop, r < 0);
	pthread_rwlock_unlock(&c->gate);
	if (r == 0)
		nanosleep(&t, NULL);
	atomic_store(&c->stop, true);
	for (uint32_t i = 0; i < n; i++) {
		pthread_join(rivals[i].thread, NULL);
		ops += rivals[i].ops;
		cpu_ns += rivals[i].cpu_ns;
		r = r ? r : rivals[i].error;
	}
	if (r == 0 && !is_complete(c, CPU_SETSIZE, ops))
		r = -EIO;
	if (r == 0)
		*ret_picoseconds = (uint64_t)((double)cpu_ns * 1000 / (double)ops);
	return r;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int contest_all(struct contest *c, struct rival *rivals, struct compare_facts *ret)
{
	uint64_t times[ARRAY_SIZE(ways)][ROUNDS];
	int r = 0;

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < ARRAY_SIZE(ways) && r == 0; i++) {
			c->way = ways[i].way;
			r = contest_once(c, rivals, c->options->duration_ns / ROUNDS / ARRAY_SIZE(ways), &times[i][round]);
		}
	for (size_t i = 0; i < ARRAY_SIZE(ways) && r == 0; i++) {
		qsort(times[i], ROUNDS, sizeof(times[i][0]), by_value);
		ret[i] = (struct compare_facts){ ways[i].name, times[i][ROUNDS / 2], 0 };
		ret[i].ratio_milli = ret[i].picoseconds * 1000 / (ret[0].picoseconds ? ret[0].picoseconds : 1);
	}
	return r;
}

int stress_compare(const struct stress_options *options, struct arena *arena, struct compare_facts **ret,
		   size_t *ret_n, const char **ret_why)
{
	struct contest c = { .options = options, .mutex = PTHREAD_MUTEX_INITIALIZER,
			     .gate = PTHREAD_RWLOCK_INITIALIZER };
	struct rival *rivals = NULL;
	int r = -ENOMEM;

	*ret_why = "the ways of counting could not be compared";
	*ret = arena_alloc(arena, ARRAY_SIZE(ways) * sizeof(**ret));
	if (*ret && !posix_memalign((void **)&c.places, 128, CPU_SETSIZE * sizeof(c.places[0])) &&
	    !posix_memalign((void **)&rivals, 128, options->threads * sizeof(*rivals)))
		r = contest_all(&c, rivals, *ret);
	*ret_n = r == 0 ? ARRAY_SIZE(ways) : 0;
	if (r == -EIO)
		*ret_why = "increments were lost";
	free(c.places);
	free(rivals);
	return r;
}
