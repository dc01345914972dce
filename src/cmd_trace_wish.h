/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trace was asked for: the command line and its defaults. */
#ifndef CMD_TRACE_WISH_H
#define CMD_TRACE_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd.h"

enum show { SHOW_DEFAULT, SHOW_LIVE, SHOW_EVENTS, SHOW_SUMMARY };

struct trace_wish {
	struct common_options common;
	bool aborts, registrations, faults;
	bool children, no_cause, stack;
	int32_t *pids, *tids;
	size_t n_pids, n_tids;
	const char *comm, *cgroup;
	char **command;
	uint64_t duration_ns, interval_ns, count; /* 0: without end */
	uint32_t buffer_kib; /* 0: as usual */
	enum show show;
	unsigned int fail_on; /* enum severity, or FAIL_NEVER */
};

/* Ends the process where the command line is wrong. Strings are those of argv. */
void cmd_trace_parse(int argc, char **argv, const struct common_options *common, struct trace_wish *ret);

void cmd_trace_wish_done(struct trace_wish *wish);

#endif
