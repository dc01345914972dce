/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Totals of the kernel's maps, made into a tally. */
#ifndef TRACE_TALLY_H
#define TRACE_TALLY_H

#include "model/trace_tally.h"
#include "proc/service.h"
#include "trace/section_names.h"
#include "trace/stacks.h"
#include "util/arena.h"

struct tally {
	struct trace_tally tally;
	struct arena arena;   /* all lists below */
	uint64_t previous_ns; /* when it was made last: rates are since then */
};

struct tally_room {
	struct service *kernel;
	struct symbolizer *symbolizer;
	struct section_names *sections;
	struct stacks *stacks; /* NULL: not asked for */
	bool causes;
};

/*
 * Makes it anew, duration_ns after the start; the last one has rates over all that time. 0 or -errno,
 * and the tally is then as it was.
 */
int tally_make(struct tally *t, const struct tally_room *room, uint64_t duration_ns, bool last) _must_check_;
void tally_done(struct tally *t);

#endif
