/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came of a run: its figures, its invariants, and the verdict. */
#ifndef STRESS_OUTCOME_H
#define STRESS_OUTCOME_H

#include "stress/run.h"

/* How the run's process ended. */
struct outcome {
	const struct run *run;
	int status; /* as of waitpid(2) */
	bool ended; /* by itself: what follows did not end it */
	bool interrupted, hung;
	uint64_t still_ms; /* without an operation */
};

/*
 * Fills the result but for what is counted from outside. 0; -EINTR when it was interrupted; or another -errno
 * and why. Strings are the arena's.
 */
int outcome_judge(const struct outcome *o, struct arena *arena, struct stress_result *r, const char **ret_why);

/* Whether the kernel ends a process by that signal for what it finds wrong; others come from outside. */
bool outcome_is_fatal(int sig);

#endif
