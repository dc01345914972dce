/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A counter per CPU: the sum is the number of increments. */
#include "stress/worker.h"
#include "stress/workload.h"

enum { SUM };

static void work(struct worker *w)
{
	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++)
		worker_increment(w);
}

static void check(struct run *run)
{
	run_check_sum(run, SUM);
}

const struct workload workload_counter = {
	.choice = { "counter", "a counter per CPU", true },
	.has_section = true,
	.keys = KEY_ANY,
	.faults = FAULTS_OF_SECTIONS,
	.invariants = { [SUM] = { "sum", "no increment is lost or doubled" } },
	.work = work,
	.check = check,
};
