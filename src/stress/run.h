/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a workload: what its process and the one that waits for it share. */
#ifndef STRESS_RUN_H
#define STRESS_RUN_H

#include <stdatomic.h>

#include "critical/critical.h"
#include "stress/faults.h"
#include "stress/stress.h"
#include "util/cleanup.h"

struct worker;
struct workload;

enum { INVARIANTS_MAX = 8, DETAIL_MAX = 240 };

/* What chooses the slot. Those of each key are apart: a CPU's and an mm_cid's owners may run at once. */
enum key { KEY_CPU_ID, KEY_MM_CID, KEYS };
#define KEY_BIT(k) (1u << (k))
#define KEY_ANY (KEY_BIT(KEY_CPU_ID) | KEY_BIT(KEY_MM_CID))

/* What belongs to one index: a CPU, or an mm_cid. */
struct slot {
	_Alignas(128) uint64_t counter;
	uint64_t mark, lock, owner;
	struct critical_node *head;
	struct critical_ring ring;
};

/* What its threads tell. */
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

/* In memory that both processes see; all workers are there, none has begun. NULL: no memory. */
struct run *run_new(const struct stress_options *options, const struct workload *workload);
void run_free(struct run *run);

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

/* Breaks the invariant unless the counters of all slots and workers hold what workers added. While all rest. */
void run_check_sum(struct run *run, unsigned int invariant);

/* Operations of all workers. */
uint64_t run_operations(const struct run *run);

#endif
