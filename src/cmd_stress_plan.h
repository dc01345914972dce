/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was asked for to what can be done here. */
#ifndef CMD_STRESS_PLAN_H
#define CMD_STRESS_PLAN_H

#include "cmd_counter.h"
#include "cmd_stress_wish.h"
#include "report/progress.h"

/* What the run has and gives; its owner ends the counter and the arena, and frees facts.results. */
struct stress_session {
	const struct stress_wish *wish; /* borrowed */
	struct stress_options plan;
	struct stress_facts facts;
	struct host_facts host;
	struct arena arena;
	struct progress progress;
	struct counter counter;
	struct abort_counter aborts; /* the plan's */
};

/* Says on standard error why it cannot be, and notes it as the run's failure. STATUS_IMPOSSIBLE. */
enum status cmd_stress_refuse(struct stress_session *s, const char *what, const char *format, ...) _printf_(3, 4);

/*
 * Fills the plan, all but its duration, and the host and environment of the facts. STATUS_OK, or
 * it was refused. Does not come back where libc's registration is in the way: the program starts again.
 */
enum status cmd_stress_plan(struct stress_session *s);

#endif
