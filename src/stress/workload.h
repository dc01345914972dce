/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One operation and its invariants. */
#ifndef STRESS_WORKLOAD_H
#define STRESS_WORKLOAD_H

#include "stress/run.h"

struct worker;

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

extern const struct workload workload_counter, workload_list, workload_buffer, workload_memcpy, workload_lock,
	workload_mmcid, workload_getcpu, workload_atomic, workload_churn, workload_dlopen;

#endif
