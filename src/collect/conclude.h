/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the threads to the process: its owner, its counts, and what of it is worth keeping. */
#ifndef COLLECT_CONCLUDE_H
#define COLLECT_CONCLUDE_H

#include "collect/target.h"

/*
 * The owner of the registered threads, OWNER_MIXED where those disagree; drops the objects that
 * have nothing to do with rseq. After threads_describe.
 */
void conclude_process(struct target *t);

#endif
