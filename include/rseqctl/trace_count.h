/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tracing programs count in maps: as in rseqctl/trace_record.h, fixed-width types and explicit padding. */
#ifndef RSEQCTL_TRACE_COUNT_H
#define RSEQCTL_TRACE_COUNT_H

#include "rseqctl/trace_record.h"

/* One per CPU: what a program counts is changed by nothing else on that CPU. */
struct trace_counts {
	RECORD_U64 causes[TRACE_CAUSES]; /* of all aborts: their sum is the number of aborts */
	RECORD_U64 sections_other[TRACE_CAUSES]; /* of these, those whose section the full map has not */
	RECORD_U64 registered, register_failed, unregistered, unregister_failed;
	RECORD_U64 gone[TRACE_GONE_HOWS];
	RECORD_U64 faults; /* to be judged */
	RECORD_U64 lost[TRACE_TYPES]; /* records that found no room, by type */
	RECORD_U64 stacks_lost; /* aborts without a stack, or with one that is not counted */
};

struct trace_section_key {
	RECORD_U64 start, generation;
	RECORD_S32 tgid;
	RECORD_U32 length; /* at most 4 GiB: longer ones are cut */
};

enum { TRACE_OFFSETS = 8 };

struct trace_section { /* per CPU */
	RECORD_U64 causes[TRACE_CAUSES];
	/* How often its threads lost their CPU against their will, each since its last abort. */
	RECORD_U64 interruptions;
	RECORD_U64 not_measured; /* aborts by the scheduler that are a thread's first: what was before is not known */
	RECORD_U64 abort;
	RECORD_U8 comm[16]; /* of the thread seen first; only on the CPU that saw it */
	RECORD_U64 offsets_other;
	struct {
		RECORD_U32 offset; /* of the interrupted instruction in the section */
		RECORD_U32 pad;
		RECORD_U64 count;
	} offsets[TRACE_OFFSETS];
};

struct trace_stack_key {
	RECORD_U64 start, generation;
	RECORD_S32 tgid, stack_id;
};

enum { TRACE_STACK_DEPTH = 32 };

#endif
