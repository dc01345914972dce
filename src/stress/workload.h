/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One operation and its invariants, and what the engine gives to it. */
#ifndef STRESS_WORKLOAD_H
#define STRESS_WORKLOAD_H

#include <stdatomic.h>

#include "critical/critical.h"
#include "stress/stress.h"
#include "util/cleanup.h"

struct run;

enum { WORKER_HELD = 8, INVARIANTS_MAX = 8, DETAIL_MAX = 240, WORKER_BATCH = 16 };

/* What is broken on purpose. */
enum fault {
	FAULT_NO_SECTION,
	FAULT_LATE_START,
	FAULT_LATE_COMMIT,
	FAULT_LATE_END,
	FAULT_STALE_CPU,
	FAULT_ONE_SLOT,
	FAULT_IGNORE_ABORT,
	FAULT_NO_MEMBARRIER,
	FAULT_UNREGISTERED,
	FAULT_FEW_CPUS,
	FAULT_OTHER_NODE,
	FAULT_BAD_POINTER,
	FAULT_STUCK,
	FAULTS,
};
#define FAULT_BIT(f) (1u << (f))

/* The faults that every section is subject to. */
#define FAULTS_OF_SECTIONS                                                                         \
	(FAULT_BIT(FAULT_NO_SECTION) | FAULT_BIT(FAULT_LATE_START) | FAULT_BIT(FAULT_LATE_COMMIT) | \
	 FAULT_BIT(FAULT_LATE_END) | FAULT_BIT(FAULT_STALE_CPU) | FAULT_BIT(FAULT_ONE_SLOT) |       \
	 FAULT_BIT(FAULT_IGNORE_ABORT) | FAULT_BIT(FAULT_BAD_POINTER) | FAULT_BIT(FAULT_STUCK))

/* What chooses the slot. Those of each key are apart: a CPU's and an mm_cid's owners may run at once. */
enum key { KEY_CPU_ID, KEY_MM_CID, KEYS };
#define KEY_BIT(k) (1u << (k))
#define KEY_ANY (KEY_BIT(KEY_CPU_ID) | KEY_BIT(KEY_MM_CID))

/* A thread of the run, in memory that outlives the process. */
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

/* What belongs to one index: a CPU, or an mm_cid. */
struct slot {
	_Alignas(128) uint64_t counter;
	uint64_t mark, lock, owner;
	struct critical_node *head;
	struct critical_ring ring;
};

struct invariant {
	const char *name, *title;
};

struct workload {
	struct stress_choice choice;
	bool has_section;
	uint32_t keys; /* bits of enum key: what its slots may be chosen by */
	uint32_t faults; /* bits of enum fault */
	struct invariant invariants[INVARIANTS_MAX];
	/* Whether it can be here; else -errno and why. */
	int (*possible)(const struct stress_options *options, const char **ret_why);
	/* Once, before the workers. 0 or -errno. */
	int (*start)(struct run *run);
	/* One worker's next operations, WORKER_BATCH at most; each is counted in ops. */
	void (*work)(struct worker *w);
	/* While all workers rest. */
	void (*check)(struct run *run);
	/* By disturbers: on that CPU and nowhere else; in the worker's signal handler; around a membarrier. */
	void (*preempted)(struct run *run, uint32_t cpu);
	void (*signalled)(struct worker *w);
	void (*before_barrier)(struct run *run);
	void (*after_barrier)(struct run *run);
};

/* Shared with the process that waits for the run. */
struct shared {
	_Atomic uint64_t heartbeat;
	_Atomic bool broken; /* an invariant is: everybody stops */
	_Atomic uint32_t breaks[INVARIANTS_MAX];
	_Atomic uint64_t tried[INVARIANTS_MAX]; /* how often it could have been seen broken */
	char detail[INVARIANTS_MAX][DETAIL_MAX];
	_Atomic int error; /* errno of what could not be done, and in words */
	char error_why[DETAIL_MAX];
	uint64_t worked_ns;
	_Atomic uint64_t child_aborts; /* of threads and processes that came and went */
};

struct run {
	const struct stress_options *options;
	const struct workload *workload;
	struct shared *shared;
	struct worker *workers;
	uint32_t n_workers;
	struct slot *slots;
	uint32_t n_indexes, n_slots; /* of one key, and of all */
	uint32_t keys;
	_Atomic bool rest, end; /* workers rest; all threads end */
	void *data; /* the workload's */
};

extern const struct workload workload_counter, workload_list, workload_buffer, workload_memcpy, workload_lock,
	workload_mmcid, workload_getcpu, workload_atomic, workload_churn, workload_dlopen;

/* --- for workloads --- */

static inline bool run_has_fault(const struct run *run, enum fault fault)
{
	return run->options->fault == (int)fault;
}

/* Notes that an invariant (its place in the table) is broken; the first one is kept in words. */
void run_break(struct run *run, unsigned int invariant, const char *format, ...) _printf_(3, 4);

static inline void run_tried(struct run *run, unsigned int invariant, uint64_t n)
{
	atomic_fetch_add_explicit(&run->shared->tried[invariant], n, memory_order_relaxed);
}

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

/* Breaks the invariant unless the counters of all slots and workers hold what workers added. While all rest. */
void run_check_sum(struct run *run, unsigned int invariant);

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

/* Whether the kernel ends a process by that signal for what it finds wrong; others come from outside. */
bool stress_is_fatal(int sig);

/* Operations of all workers. */
uint64_t run_operations(const struct run *run);

#endif
