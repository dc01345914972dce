/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A counter per CPU: the sum is the number of increments. */
#include <inttypes.h>

#include "stress/workload.h"

enum { SUM };

static void work(struct worker *w)
{
	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++) {
		enum critical_result r =
			WORKER_TRY(w, index, slot, critical_add(&w->critical, index, &slot->counter, 1));

		w->ops += r == CRITICAL_DONE;
	}
}

static void check(struct run *run)
{
	uint64_t sum = 0, done = run_operations(run);

	for (uint32_t i = 0; i < run->n_slots; i++)
		sum += run->slots[i].counter;
	run_tried(run, SUM, 1);
	if (sum != done)
		run_break(run, SUM, "%" PRIu64 " increments, and the counters sum up to %" PRIu64 " (%+" PRId64 ")",
			  done, sum, (int64_t)(sum - done));
}

const struct workload workload_counter = {
	.choice = { "counter", "a counter per CPU", true },
	.has_section = true,
	.faults = FAULTS_OF_SECTIONS,
	.invariants = { [SUM] = { "sum", "no increment is lost or doubled" } },
	.work = work,
	.check = check,
};
