/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process in which a run takes place. */
#ifndef STRESS_CHILD_H
#define STRESS_CHILD_H

#include "stress/run.h"

/* The whole run, in rounds after each of which the invariants are checked. Ends the process. */
_Noreturn void child_run(struct run *run);

#endif
