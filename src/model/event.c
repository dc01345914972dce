/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys are the contract of rseqctl-json(5): more may come, none is renamed. */
#include "model/event.h"

#include "model/field_rows.h"
#include "model/trace_tally.h"

const char *const event_type_names[] = { "unknown",	      "abort", "register", "unregister", "register-failed",
					 "unregister-failed", "gone",  "fault",	   NULL };
const char *const abort_cause_names[] = { "unknown", "syscall", "signal", "membarrier",
					  "migrate", "preempt", "unknown", NULL };

_Static_assert(ARRAY_SIZE(event_type_names) == EVENT_TYPES + 1, "a name for each type");
_Static_assert(ARRAY_SIZE(abort_cause_names) == CAUSES + 1, "a name for each cause");

#define F_PLACE                                                                \
	F(struct code_place, FIELD_STRING, object, "", 0, "object"),           \
		F(struct code_place, FIELD_STRING, function, "", 0, "function"), \
		F(struct code_place, FIELD_U64, offset, "", PLACE_OFFSET, "offset"), \
		F(struct code_place, FIELD_HEX64, address, "", 0, "address")

static const struct field frame_fields[] = { F_PLACE };
static const struct field caller_fields[] = { F_PLACE, F(struct code_place, FIELD_STRING, why, "", 0, "why") };

#define PLACE_RECORD(f) TYPE(struct code_place, offsetof(struct code_place, has), f)
const struct record_type code_place_type = PLACE_RECORD(frame_fields);
static const struct record_type caller_type = PLACE_RECORD(caller_fields);

static const struct field event_section_fields[] = {
	F(struct event_section, FIELD_STRING, object, "", 0, "object"),
	F(struct event_section, FIELD_STRING, symbol, "", 0, "symbol"),
	F(struct event_section, FIELD_STRING, function, "", 0, "function"),
	F(struct event_section, FIELD_HEX64, start, "", 0, "start"),
	F(struct event_section, FIELD_U64, length, "", 0, "length"),
	F(struct event_section, FIELD_U64, offset, "", EVENT_SECTION_OFFSET, "offset"),
	F(struct event_section, FIELD_STRING, why, "", 0, "why"),
};
const struct record_type event_section_type =
	TYPE(struct event_section, offsetof(struct event_section, has), event_section_fields);

/* Labels are for what a line of text has behind its columns. */
#define F_HEAD                                                                   \
	F_NAME(struct event, type, NULL, event_type_names, "type"),              \
		F(struct event, FIELD_U64, time_ns, NULL, 0, "time_ns"),         \
		F(struct event, FIELD_I32, pid, NULL, 0, "pid"),                 \
		F(struct event, FIELD_I32, tid, NULL, 0, "tid"),                 \
		F(struct event, FIELD_CHARS, comm, NULL, 0, "comm"),             \
		F(struct event, FIELD_U32, cpu, NULL, 0, "cpu")
#define F_SECTION                                                                                        \
	{ .key = "section", .kind = FIELD_RECORD, .offset = offsetof(struct event, section), \
	  .bit = EVENT_SECTION, .type = &event_section_type }
#define F_CALL                                                                                    \
	F(struct event, FIELD_HEX64, area, "area", EVENT_AREA, "area"),                           \
		F(struct event, FIELD_U32, length, "length", EVENT_REGISTRATION, "length"),       \
		F(struct event, FIELD_HEX32, signature, "signature", EVENT_REGISTRATION, "signature"), \
		F(struct event, FIELD_STRING, error, NULL, 0, "errno"),                           \
		F(struct event, FIELD_STRING, reason, NULL, 0, "reason"),                         \
		F(struct event, FIELD_STRING, detail, NULL, 0, "detail"),                         \
		{ .key = "caller", .kind = FIELD_RECORD, .offset = offsetof(struct event, caller), \
		  .bit = EVENT_CALLER, .type = &caller_type }

static const struct field abort_fields[] = {
	F_HEAD,
	F_NAME(struct event, cause, NULL, abort_cause_names, "cause"),
	F_SECTION,
	F(struct event, FIELD_U64, ip_offset, NULL, EVENT_SECTION, "ip_offset"),
	F_LIST(struct event, stack, n_stack, code_place_type, EVENT_STACK, "stack"),
};
static const struct field call_fields[] = { F_HEAD, F_CALL };
static const struct field fault_fields[] = { F_HEAD, F_CALL, F_SECTION };

#define EVENT_RECORD(f) TYPE(struct event, offsetof(struct event, has), f)
const struct record_type event_abort_type = EVENT_RECORD(abort_fields);
const struct record_type event_call_type = EVENT_RECORD(call_fields);
const struct record_type event_fault_type = EVENT_RECORD(fault_fields);

const struct record_type *event_record_type(uint32_t type)
{
	switch (type) {
	case EVENT_ABORT:
		return &event_abort_type;
	case EVENT_FAULT:
		return &event_fault_type;
	default:
		return &event_call_type;
	}
}

static const struct field offset_fields[] = {
	F(struct offset_count, FIELD_U64, offset, "", 0, "offset"),
	F(struct offset_count, FIELD_U64, count, "", 0, "count"),
};
static const struct record_type offset_type = TYPE(struct offset_count, RECORD_NO_HAS, offset_fields);

static const struct field stack_fields[] = {
	F(struct stack_count, FIELD_U64, count, "", 0, "count"),
	F_LIST(struct stack_count, frames, n_frames, code_place_type, 0, "frames"),
};
static const struct record_type stack_type = TYPE(struct stack_count, RECORD_NO_HAS, stack_fields);

/* A section's keys stand beside its counts: it is one line of a table. */
#define SECTION_ROW(k, m, l, b, key_) F(struct section_tally, k, section.m, l, b, key_)
static const struct field section_tally_fields[] = {
	F(struct section_tally, FIELD_I32, pid, "PID", 0, "pid"),
	F(struct section_tally, FIELD_CHARS, comm, "COMM", 0, "comm"),
	SECTION_ROW(FIELD_STRING, object, "OBJECT", 0, "object"),
	SECTION_ROW(FIELD_STRING, symbol, NULL, 0, "symbol"),
	SECTION_ROW(FIELD_STRING, function, "FUNCTION", 0, "function"),
	SECTION_ROW(FIELD_HEX64, start, NULL, 0, "start"),
	SECTION_ROW(FIELD_U64, length, NULL, 0, "length"),
	SECTION_ROW(FIELD_U64, offset, NULL, EVENT_SECTION_OFFSET, "offset"),
	SECTION_ROW(FIELD_STRING, why, NULL, 0, "why"),
	F(struct section_tally, FIELD_U64, aborts, "ABORTS", 0, "aborts"),
	F(struct section_tally, FIELD_DOUBLE, per_second, "/S", 0, "per_second"),
	F(struct section_tally, FIELD_DOUBLE, occupancy, "INSIDE", EVENT_SECTION_OCCUPANCY, "occupancy"),
	F_COUNTS(struct section_tally, causes, NULL, abort_cause_names, 0, "causes"),
	F_LIST(struct section_tally, offsets, n_offsets, offset_type, 0, "offsets"),
	F(struct section_tally, FIELD_U64, offsets_other, NULL, 0, "offsets_other"),
	F_LIST(struct section_tally, stacks, n_stacks, stack_type, 0, "stacks"),
};
const struct record_type section_tally_type =
	TYPE(struct section_tally, offsetof(struct section_tally, section.has), section_tally_fields);

static const struct field reason_fields[] = {
	F_NAME(struct reason_count, type, "", event_type_names, "type"),
	F(struct reason_count, FIELD_STRING, reason, "", 0, "reason"),
	F(struct reason_count, FIELD_U64, count, "", 0, "count"),
};
static const struct record_type reason_type = TYPE(struct reason_count, RECORD_NO_HAS, reason_fields);

static const struct field command_fields[] = {
	F(struct trace_command, FIELD_I32, pid, "", 0, "pid"),
	F(struct trace_command, FIELD_I32, status, "", COMMAND_STATUS, "status"),
	F(struct trace_command, FIELD_I32, signal, "", COMMAND_SIGNAL, "signal"),
};
static const struct record_type command_type =
	TYPE(struct trace_command, offsetof(struct trace_command, has), command_fields);

static const struct field tally_fields[] = {
	F(struct trace_tally, FIELD_U64, duration_ns, NULL, 0, "duration_ns"),
	F_COUNTS(struct trace_tally, events, NULL, event_type_names, 0, "events"),
	F_COUNTS(struct trace_tally, causes, NULL, abort_cause_names, TALLY_CAUSES, "causes"),
	F_LIST(struct trace_tally, reasons, n_reasons, reason_type, 0, "reasons"),
	F(struct trace_tally, FIELD_U64, lost, NULL, 0, "lost"),
	F(struct trace_tally, FIELD_U64, missed, NULL, 0, "missed"),
	F(struct trace_tally, FIELD_U64, stacks_lost, NULL, 0, "stacks_lost"),
	F(struct trace_tally, FIELD_U64, other_sections, NULL, 0, "other_sections"),
	F_LIST(struct trace_tally, sections, n_sections, section_tally_type, 0, "sections"),
	{ .key = "command", .kind = FIELD_RECORD, .offset = offsetof(struct trace_tally, command),
	  .bit = TALLY_COMMAND, .type = &command_type },
	F_STRINGS(struct trace_tally, notes, n_notes, "notes"),
};
const struct record_type tally_type =
	TYPE(struct trace_tally, offsetof(struct trace_tally, has), tally_fields);
