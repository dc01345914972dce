/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The service that holds the BPF programs: it alone talks to the kernel, with privileges, and
 * decodes nothing that a target wrote. When it ends, everything is detached.
 */
#ifndef TRACE_KERNEL_H
#define TRACE_KERNEL_H

#include <stdint.h>

#include "proc/service.h"
#include "rseqctl/trace_count.h"

extern const struct service_kind trace_kernel_kind;

enum trace_op {
	TRACE_OP_LOAD = 1, /* struct trace_config -> struct trace_loaded */
	TRACE_OP_TARGET,   /* struct trace_target */
	TRACE_OP_POLL,	   /* int32_t milliseconds -> records, each a struct trace_frame and its bytes */
	TRACE_OP_TOTALS,   /* -> struct trace_totals, then n_sections struct trace_section_total */
	TRACE_OP_STACKS,   /* -> struct trace_stack_total[] */
	TRACE_OP_FRAMES,   /* int32_t stack_id -> uint64_t[], innermost first */
	TRACE_OP_DETACH,
};

enum { TRACE_POLL_MS_MAX = 1000, TRACE_NOTES_MAX = 6, TRACE_NOTE = 160, TRACE_WHY_MAX = 256 };

struct trace_config {
	uint8_t aborts, registrations, faults, cause, stack, events, children, verbose;
	uint8_t filter_pids, filter_tids, filter_comm;
	uint8_t comm_length; /* bytes that must be the same */
	uint32_t buffer_kib; /* 0: as usual */
	char comm[16];
	char cgroup[4096]; /* "" for all */
};

struct trace_loaded {
	int32_t err;
	uint32_t layout; /* enum task_layout */
	uint32_t debug;	 /* the kernel checks more than it must: rseq/debug, or CONFIG_DEBUG_RSEQ */
	uint32_t n_notes;
	char why[TRACE_WHY_MAX]; /* what is missing and what to do, when err is not 0 */
	char notes[TRACE_NOTES_MAX][TRACE_NOTE];
};

struct trace_target {
	int32_t id;
	int32_t is_thread;
};

/* Records lie at multiples of 8. */
struct trace_frame {
	uint32_t size; /* of the record behind it */
	uint32_t pad;
};

struct trace_totals {
	struct trace_counts counts; /* of all CPUs */
	uint64_t missed; /* events that came while the same program ran on that CPU */
	uint64_t missed_aborts; /* of these, those without which the count of aborts may be too small */
	uint32_t n_sections;
	uint32_t pad;
};

struct trace_section_total {
	struct trace_section_key key;
	struct trace_section section; /* of all CPUs */
};

struct trace_stack_total {
	struct trace_stack_key key;
	uint64_t count;
};

#endif
