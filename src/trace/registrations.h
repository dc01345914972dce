/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who registered a thread, and who took that away, as far as it was seen. */
#ifndef TRACE_REGISTRATIONS_H
#define TRACE_REGISTRATIONS_H

#include "model/event.h"
#include "rseqctl/trace_record.h"
#include "util/cleanup.h"

struct registrations;

/* One thread's last registration and unregistration; places borrowed from who noted them. */
struct registration {
	int32_t tid;
	uint64_t generation;
	uint64_t area;		/* 0: none was seen, or it was taken away */
	struct code_place by;	/* who registered */
	struct code_place gone_by; /* who unregistered */
	uint64_t gone_area, gone_ns;
};

struct registrations *registrations_new(void);
void registrations_free(struct registrations *r);

/* NULL when nothing is known of that thread. Borrowed until the next note. */
const struct registration *registrations_find(const struct registrations *r, const struct trace_header *h);

void registrations_note(struct registrations *r, const struct trace_call *call, const struct code_place *by);

#endif
