/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The critical section that each registered thread is in, or was in when the kernel last looked. */
#ifndef COLLECT_SECTIONS_H
#define COLLECT_SECTIONS_H

#include "collect/target.h"

/* Fills in_section and section_state of every thread whose area was read. */
void sections_read(struct target *t);

/* What rseq_cs points to wrongly must do so twice: a thread may have been about to leave it. */
void sections_recheck(struct target *t);

#endif
