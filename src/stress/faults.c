/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be broken on purpose, in the order of enum fault. */
#include "stress/faults.h"

#include "stress/stress.h"

static const struct stress_choice faults[FAULTS] = {
	[FAULT_NO_SECTION] = { "no-section", "the descriptor is not published: nothing is ever aborted", false },
	[FAULT_LATE_START] = { "late-start", "the section begins after the value was read", false },
	[FAULT_LATE_COMMIT] = { "late-commit", "the section ends before the commit", false },
	[FAULT_LATE_END] = { "late-end", "the section ends after the commit: what is done is done again", false },
	[FAULT_STALE_CPU] = { "stale-cpu", "the index is not compared again inside the section", false },
	[FAULT_ONE_SLOT] = { "one-slot", "every thread takes index 0 for its own", false },
	[FAULT_IGNORE_ABORT] = { "ignore-abort", "an abort is taken for success", false },
	[FAULT_NO_MEMBARRIER] = { "no-membarrier", "what sections use is taken away without a membarrier", false },
	[FAULT_UNREGISTERED] = { "unregistered", "threads and processes give their registration back", false },
	[FAULT_FEW_CPUS] = { "few-cpus", "the machine is taken for one of a single CPU", false },
	[FAULT_OTHER_NODE] = { "other-node", "the kernel's answer is taken for the node after it", false },
	[FAULT_BAD_POINTER] = { "bad-pointer", "a thread publishes an address where there is nothing", false },
	[FAULT_STUCK] = { "stuck", "no section ever succeeds", false },
};

const struct stress_choice *stress_fault(size_t i)
{
	return i < FAULTS ? &faults[i] : NULL;
}
