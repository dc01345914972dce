/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the rows of a field table are written; for the files that define one. */
#ifndef MODEL_FIELD_ROWS_H
#define MODEL_FIELD_ROWS_H

#include "model/field.h"
#include "util/array.h"

/* s: struct, m: member, l: label, b: bit in `has`. */
#define F(s, k, m, l, b, key_) { .key = (key_), .label = (l), .kind = (k), .offset = offsetof(s, m), .bit = (b) }
#define F_NAME(s, m, l, n, key_) \
	{ .key = (key_), .label = (l), .kind = FIELD_NAME, .offset = offsetof(s, m), .names = (n) }
#define F_RECORD(s, m, t, key_) { .key = (key_), .kind = FIELD_RECORD, .offset = offsetof(s, m), .type = &(t) }
#define F_COUNTS(s, m, l, n, b, key_)                                                             \
	{ .key = (key_), .label = (l), .kind = FIELD_COUNTS, .offset = offsetof(s, m), .bit = (b), \
	  .names = (n) }
#define F_STRINGS(s, m, count, key_) \
	{ .key = (key_), .kind = FIELD_STRINGS, .offset = offsetof(s, m), .offset_n = offsetof(s, count) }
#define F_LIST(s, m, count, t, b, key_)                                                           \
	{ .key = (key_), .kind = FIELD_LIST, .offset = offsetof(s, m), .offset_n = offsetof(s, count), \
	  .bit = (b), .type = &(t) }
#define TYPE(s, h, f) { .size = sizeof(s), .has = (h), .fields = (f), .n = ARRAY_SIZE(f) }

#endif
