/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be broken on purpose, in the order of the rows of stress_fault. */
#ifndef STRESS_FAULTS_H
#define STRESS_FAULTS_H

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

#endif
