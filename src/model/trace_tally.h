/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The beginning of a trace, and its totals so far or at its end. Missing members and strings as in events. */
#ifndef MODEL_TRACE_TALLY_H
#define MODEL_TRACE_TALLY_H

#include "model/event.h"

struct offset_count {
	uint64_t offset, count;
};

struct stack_count {
	uint64_t count;
	struct code_place *frames;
	size_t n_frames;
};

/* One critical section of one process. */
struct section_tally {
	int32_t pid;
	char comm[17];
	struct event_section section;
	uint64_t aborts;
	uint64_t causes[CAUSES];
	double per_second; /* since the last tally */
	/*
	 * The share of interruptions that hit it, of all that its process's threads met, each from its first
	 * abort on: about the share of their time that they spend in it. EVENT_SECTION_OCCUPANCY.
	 */
	double occupancy;
	uint64_t interruptions; /* of those threads */
	struct offset_count *offsets; /* most first */
	size_t n_offsets;
	uint64_t offsets_other; /* aborts at still other offsets */
	struct stack_count *stacks; /* most first; with --stack */
	size_t n_stacks;
};

struct trace_command { /* what was traced with `--` */
	uint64_t has;
	int32_t pid, status, signal;
};
enum { COMMAND_STATUS = 1, COMMAND_SIGNAL = 2 };

/* Totals are counted in the kernel: they are exact, however many single events were lost. */
/* Events of a type that have the same reason, of those that were delivered. */
struct reason_count {
	uint32_t type; /* enum event_type */
	const char *reason;
	uint64_t count;
};

struct trace_tally {
	uint64_t has;
	uint64_t duration_ns;
	uint64_t events[EVENT_TYPES];
	uint64_t causes[CAUSES]; /* their sum is events[EVENT_ABORT]; CAUSE_NONE where they were not asked for */
	uint64_t lost;	 /* single events that are in the totals and were not delivered */
	uint64_t missed_aborts; /* of missed, those that the count of aborts may lack */
	uint64_t missed; /* aborts and others that are not even in the totals: a program was running already */
	uint64_t stacks_lost;
	struct section_tally *sections; /* most aborts first */
	size_t n_sections;
	uint64_t other_sections; /* aborts of sections that did not fit into the map */
	const struct reason_count *reasons;
	size_t n_reasons;
	struct trace_command command;
	const char *const *notes; /* what else a reader should know: what could not be attached... */
	size_t n_notes;
};
enum { TALLY_COMMAND = 1, TALLY_CAUSES = 2 };

struct trace_start {
	int64_t realtime_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME at the start */
	const struct host_facts *host;
};

#endif
