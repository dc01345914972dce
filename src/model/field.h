/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table of fields per record type: JSON takes the key, text the label. A renderer walks the
 * table and knows nothing else of the record, so that the formats cannot drift apart.
 */
#ifndef MODEL_FIELD_H
#define MODEL_FIELD_H

#include <stddef.h>
#include <stdint.h>

enum field_kind {
	FIELD_STRING, /* const char *, NULL unknown */
	FIELD_CHARS,  /* char[] in the record */
	FIELD_I32,
	FIELD_ID, /* int32_t, 0 for none */
	FIELD_U32,
	FIELD_I64,
	FIELD_U64,
	FIELD_MILLI,  /* uint64_t, in thousandths: a decimal number */
	FIELD_HEX32,  /* a hexadecimal string */
	FIELD_HEX64,
	FIELD_TRI,    /* int8_t: 1 yes, 0 no, -1 unknown */
	FIELD_NAME,   /* uint32_t index into names, 0 unknown */
	FIELD_WORD,   /* the same, but 0 is a word of its own */
	FIELD_RECORD, /* a record within the record */
	FIELD_LIST,   /* a pointer to records and, at offset_n, their number (size_t) */
	FIELD_STRINGS, /* the same of const char * */
	FIELD_DOUBLE,  /* finite, and not negative */
	/* uint64_t[]: how many there are of each of the names; of index 0, those of which it is not known:
	 * where there are such, the others say nothing. */
	FIELD_COUNTS,
	FIELD_NULL,   /* never known here; the key is part of the contract */
};

struct record_type;

struct field {
	const char *key;
	const char *label; /* NULL: not in text */
	enum field_kind kind;
	size_t offset, offset_n;
	uint64_t bit; /* in the record's `has`, 0: always known */
	const char *const *names;
	const struct record_type *type;
	const char *absent; /* text for an unknown value, NULL for "-" */
};

struct record_type {
	size_t size, has; /* size of one record, offset of its uint64_t has */
	const struct field *fields;
	size_t n;
};

#define RECORD_NO_HAS SIZE_MAX

extern const struct record_type host_type, process_type, thread_type, object_type, symbol_type,
	owner_type, libc_type, unknown_type, finding_type, summary_type, invariant_type,
	stress_result_type, compare_type, environment_type, stress_type, check_row_type, check_result_type,
	check_type;
/* Of struct event by its type: abort; fault; all others. Of struct trace_tally and what is in it. */
extern const struct record_type event_abort_type, event_fault_type, event_call_type, tally_type,
	section_tally_type, event_section_type, code_place_type;

/* Whether the field has a value in this record. */
int field_is_known(const struct record_type *type, const struct field *f, const void *record);

/* Where a field of a list or a record within begins, and how many there are. */
const void *field_items(const struct field *f, const void *record, size_t *ret_n);

/* The field of that key; NULL when there is none. */
const struct field *field_find(const struct record_type *type, const char *key);

#endif
