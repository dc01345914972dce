/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking twice at what seems to be wrong. */
#ifndef COLLECT_SECOND_LOOK_H
#define COLLECT_SECOND_LOOK_H

#include "collect/records.h"

/*
 * Threads come and go between the kernel's record and the reading of memory: what would become a
 * finding is asked for again, and a thread that is not as it was is marked as changed, so that it is
 * left out of every rule. Waits for 10 ms before, up to 300 ms where threads are young; nothing is done
 * where the kernel was not asked or all looks well. After conclude_process.
 */
void second_look(struct target *t, const struct records_source *source);

#endif
