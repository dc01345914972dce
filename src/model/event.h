/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a trace tells one by one. As with facts, what is missing has its bit in `has` clear, or is NULL,
 * or 0 for a name. All strings are borrowed from who made the record, and may hold any bytes.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "model/names.h"

enum event_type {
	EVENT_NONE,
	EVENT_ABORT,
	EVENT_REGISTER,
	EVENT_UNREGISTER,
	EVENT_REGISTER_FAILED,
	EVENT_UNREGISTER_FAILED,
	EVENT_GONE, /* a thread ended, or executed another program, while registered */
	EVENT_FAULT,
	EVENT_TYPES,
};

/* Why a section was aborted; 0 where that was not asked for. The order is the priority. */
enum abort_cause {
	CAUSE_NONE,
	CAUSE_SYSCALL,
	CAUSE_SIGNAL,
	CAUSE_MEMBARRIER,
	CAUSE_MIGRATE,
	CAUSE_PREEMPT,
	CAUSE_UNKNOWN,
	CAUSES,
};

/* "abort", "register"...; "syscall", "migrate"...; NULL-terminated, index 0 is "unknown" (shown as null). */
extern const char *const event_type_names[], *const abort_cause_names[];

struct record_type;

/* The fields that an event of this type has. */
const struct record_type *event_record_type(uint32_t type);

/* A place in a process's code. */
struct code_place {
	uint64_t has;
	const char *object, *function;
	const char *why; /* there is no function, in words; NULL also where the code has none */
	uint64_t address;
	uint64_t offset; /* in the function; where there is none, in the object's file as it is linked */
};
enum { PLACE_OFFSET = 1 };

struct event_section {
	const char *object, *symbol, *function; /* symbol: of the descriptor */
	const char *why; /* as in struct code_place */
	uint64_t start, length;
	uint64_t offset; /* of the start, as in struct code_place */
	uint64_t has;
};
enum { EVENT_SECTION_OFFSET = 1, EVENT_SECTION_OCCUPANCY = 2 };

struct event {
	uint64_t has;
	uint32_t type;	  /* enum event_type */
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	int32_t pid, tid;
	char comm[17];
	uint32_t cpu;
	/* abort; and of a fault, the section as far as it could be read */
	uint32_t cause; /* enum abort_cause */
	struct event_section section;
	uint64_t ip_offset; /* of the interrupted instruction, from the section's start */
	struct code_place *stack; /* innermost first */
	size_t n_stack;
	/* all others */
	uint64_t area;
	uint32_t length, signature;
	const char *error;  /* name of the errno; NULL where it succeeded */
	const char *reason; /* a word or some, as rseqctl-trace(1) lists them; NULL where there is nothing to say */
	const char *detail; /* the same in a sentence with numbers and names */
	struct code_place caller;
};
enum { EVENT_SECTION = 1, EVENT_STACK = 2, EVENT_AREA = 4, EVENT_REGISTRATION = 8, EVENT_CALLER = 16 };

#endif
