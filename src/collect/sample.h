/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which objects' critical sections are in use: seen over some time. */
#ifndef COLLECT_SAMPLE_H
#define COLLECT_SAMPLE_H

#include "collect/target.h"

/*
 * Reads rseq_cs of every registered thread again and again for that long, or until every object with
 * sections was seen; fills published of facts->objects and facts->sample_seconds.
 */
void sample_sections(struct target *t, unsigned int seconds);

#endif
