/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is remembered of each critical section: its names, found when it is first seen, since its
 * process may be gone later.
 */
#ifndef TRACE_SECTION_NAMES_H
#define TRACE_SECTION_NAMES_H

#include <stdbool.h>

#include "model/event.h"
#include "rseqctl/trace_count.h"
#include "trace/symbolize.h"

struct section_names;

struct section_name {
	struct trace_section_key key;
	struct event_section names;
	bool by_record; /* named with what was mapped there then */
	uint64_t aborts; /* at the last tally */
};

struct section_names *section_names_new(struct symbolizer *symbolizer);
void section_names_free(struct section_names *names);

/*
 * Looked up, and named when it is new. mapping: what was mapped at its start at time_ns, or NULL. NULL when
 * there are too many, or no memory. Borrowed.
 */
struct section_name *section_names_get(struct section_names *names, const struct trace_section_key *key,
				       const struct trace_mapping *mapping, uint64_t time_ns);

#endif
