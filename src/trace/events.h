/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of the kernel made into events: named, and judged. */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include "trace/judge.h"
#include "trace/section_names.h"
#include "trace/stacks.h"
#include "trace/trace.h"

struct events;

struct events_room { /* borrowed for the life of the events */
	struct symbolizer *symbolizer;
	struct section_names *sections;
	struct stacks *stacks;
	const struct judge_kernel *kernel;
};

/* NULL when there is no memory. */
struct events *events_new(const struct events_room *room);
void events_free(struct events *e);

/* Records that were fetched together follow: whatever was mapped then is what they speak of. */
void events_next_batch(struct events *e);

/* One record, which is checked. The handler is called for what is an event. */
void events_take(struct events *e, const void *record, size_t size, trace_handler *handler, void *ctx);

/* How many faults were rseq's. */
uint64_t events_faults(const struct events *e);

/* How often each reason was told, the most frequent first. Borrowed for the life of the events; more may be added. */
const struct reason_count *events_reasons(const struct events *e, size_t *ret_n);

#endif
