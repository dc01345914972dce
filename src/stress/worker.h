/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread of a run, and what it offers to the workload whose operations it does. */
#ifndef STRESS_WORKER_H
#define STRESS_WORKER_H

#include "stress/run.h"

enum { WORKER_HELD = 8, WORKER_BATCH = 16 };

/* In memory that outlives the process. */
struct worker {
	_Alignas(128) struct critical critical;
	struct run *run;
	uint64_t random;
	uint32_t id;
	_Atomic pid_t tid;
	enum key key;
	uint32_t index_copy, pause; /* pause: operations until the next interruption by itself */
	uint64_t ops, quota, retries, cpu_ns;
	void *area;
	/* the workload's own */
	uint64_t in, out, tried; /* in: also the sum of what was added to counters */
	void *held[WORKER_HELD];
	uint32_t n_held;
	_Atomic uint64_t mark; /* which only this thread and its signal handler write */
	uint64_t count;	       /* a counter of its own */
};

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline uint64_t worker_random(struct worker *w)
{
	return random_next(&w->random);
}

/* What is added to a counter: so large that one lost and another one doubled cannot cancel out. */
static inline uint64_t worker_amount(struct worker *w)
{
	return worker_random(w) % (1u << 30) + 1;
}

/* The index for the next section, perhaps followed by an interruption of its own making. */
uint32_t worker_index(struct worker *w);

/* The slot of an index, by the key that the worker has now. */
static inline struct slot *worker_slot(const struct worker *w, uint32_t index)
{
	return &w->run->slots[w->key * w->run->n_indexes + index];
}

/* New delays for the steps of the next sections, and perhaps another key. */
void worker_vary(struct worker *w);

/* Counts a section that has to be tried again; false when it has not, or when all is over anyway. */
bool worker_retry(struct worker *w, enum critical_result result);

/* Tries a section, an expression with an index of that name and a slot, until the kernel lets it through. */
#define WORKER_TRY(w, index, slot, section)                                                        \
	({                                                                                         \
		enum critical_result result_;                                                      \
		uint32_t index;                                                                    \
		struct slot *slot;                                                                 \
		do {                                                                               \
			index = worker_index(w);                                                   \
			slot = worker_slot(w, index);                                              \
			result_ = section;                                                         \
		} while (worker_retry(w, result_));                                                \
		result_;                                                                           \
	})

/* cpu_id as the kernel keeps it, whatever the sections are keyed by. */
static inline uint32_t worker_cpu_id(const struct worker *w)
{
	return ((const volatile uint32_t *)w->area)[1];
}

/* How often the calling thread was switched out: in between it did not move, and nobody ran in its place. */
long worker_switches(void);

/* One increment of the counter of a slot: an operation, unless all is over. */
void worker_increment(struct worker *w);

/* Whether the worker goes on with its batch. */
static inline bool worker_goes_on(const struct worker *w)
{
	return !atomic_load_explicit(&w->run->rest, memory_order_relaxed) && w->ops < w->quota;
}

/* The thread's way into its sections, with the run's fault; of a worker that has its area. */
void worker_begin(struct worker *w);

/* A worker of the calling thread, with its registration and the run's fault. 0 or -errno. */
int worker_init(struct worker *w, struct run *run, uint32_t id);
void worker_done(struct worker *w);

/* Runs work(w') in a new thread that comes and goes; its figures are added to w's. 0 or -errno. */
int worker_in_thread(struct worker *w, void (*work)(struct worker *w));

#endif
