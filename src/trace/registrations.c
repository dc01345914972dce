/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/registrations.h"

#include <stdlib.h>

/* By the low bits of the thread's number; a thread with the same pushes another one out. */
enum { SLOTS = 16384 };

struct registrations {
	struct registration slots[SLOTS];
};

struct registrations *registrations_new(void)
{
	return calloc(1, sizeof(struct registrations));
}

void registrations_free(struct registrations *r)
{
	free(r);
}

const struct registration *registrations_find(const struct registrations *r, const struct trace_header *h)
{
	const struct registration *s = &r->slots[(uint32_t)h->tid % SLOTS];

	return s->tid == h->tid && s->generation == h->generation ? s : NULL;
}

void registrations_note(struct registrations *r, const struct trace_call *call, const struct code_place *by)
{
	struct registration *s = &r->slots[(uint32_t)call->header.tid % SLOTS];

	if (s->tid != call->header.tid || s->generation != call->header.generation)
		*s = (struct registration){ .tid = call->header.tid, .generation = call->header.generation };
	s->area = call->now_area;
	if (call->now_area) {
		s->by = *by;
		return;
	}
	s->gone_by = *by;
	s->gone_area = call->area;
	s->gone_ns = call->header.time_ns;
}
