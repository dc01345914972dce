/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks that tracing, inspecting and stress answer themselves; run by the engine of probes. */
#ifndef CMD_CHECK_ROOMS_H
#define CMD_CHECK_ROOMS_H

#include "probe/probe.h"

/* What probe_options.data points to. */
struct check_data {
	size_t workload;   /* row of stress_workload, for check_stress */
	const char *fault; /* what is broken on purpose, by name; NULL: nothing */
};

/* Half a second of a workload. */
void check_stress(struct probe_run *r);

extern const struct probe check_tracepoints, check_iterator, check_ptrace;

#endif
