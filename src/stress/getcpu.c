/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ids in the area against what the kernel answers. The thread's own count of context switches tells
 * whether it could have moved in between: only where it did not must they agree.
 */
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/worker.h"
#include "stress/workload.h"

enum { CPU, START, NODE };

static void compare(struct worker *w)
{
	const volatile uint32_t *start = w->critical.start, *id = run_has_fault(w->run, FAULT_STALE_CPU) ||
		run_has_fault(w->run, FAULT_ONE_SLOT) ? w->critical.key : w->critical.start + 1;
	long before = worker_switches();
	uint32_t cpu_start = *start, cpu_id = *id, node_id = 0, cpu = 0, node = 0;
	bool has_node = registration_has_mm_cid();

	if (has_node)
		node_id = ((const volatile uint32_t *)w->area)[5];
	syscall(SYS_getcpu, &cpu, &node, NULL);
	if (run_has_fault(w->run, FAULT_OTHER_NODE))
		node++;
	if (worker_switches() != before)
		return;
	w->tried++;
	if (cpu != cpu_id)
		run_break(w->run, CPU, "worker %u runs on CPU %u, and its cpu_id is %u", w->id, cpu, cpu_id);
	if (cpu_start != cpu_id)
		run_break(w->run, START, "worker %u has cpu_id_start %u and cpu_id %u", w->id, cpu_start, cpu_id);
	if (has_node && node != node_id)
		run_break(w->run, NODE, "worker %u runs on node %u, and its node_id is %u", w->id, node, node_id);
}

static void work(struct worker *w)
{
	while (run_has_fault(w->run, FAULT_STUCK))
		sched_yield();
	worker_index(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++) {
		compare(w);
		w->ops++;
	}
	for (unsigned int i = CPU; i <= NODE; i++)
		if (i != NODE || registration_has_mm_cid())
			run_tried(w->run, i, w->tried);
	w->tried = 0;
}

const struct workload workload_getcpu = {
	.choice = { "getcpu", "cpu_id, cpu_id_start and node_id against the kernel's answer", true },
	.keys = KEY_BIT(KEY_CPU_ID),
	.faults = FAULT_BIT(FAULT_STALE_CPU) | FAULT_BIT(FAULT_ONE_SLOT) | FAULT_BIT(FAULT_OTHER_NODE) |
		  FAULT_BIT(FAULT_BAD_POINTER) | FAULT_BIT(FAULT_STUCK),
	.invariants = {
		[CPU] = { "cpu", "cpu_id is the CPU that the thread runs on" },
		[START] = { "start", "cpu_id_start is cpu_id" },
		[NODE] = { "node", "node_id is the node that the thread runs on" },
	},
	.work = work,
};
