/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing JSON by the field tables, record by record: nothing is kept but one scalar. */
#ifndef REPORT_JSONW_H
#define REPORT_JSONW_H

#include <stdbool.h>
#include <stdio.h>

#include "model/field.h"

struct jsonw {
	FILE *file;
	int depth;
	bool first; /* nothing written yet at this depth */
};

/* key is NULL within an array and for the outermost object. */
void jsonw_open(struct jsonw *j, const char *key, char bracket);
void jsonw_close(struct jsonw *j, char bracket);
void jsonw_string(struct jsonw *j, const char *key, const char *value);
void jsonw_number(struct jsonw *j, const char *key, long value);
void jsonw_bool(struct jsonw *j, const char *key, bool value);
/* The fields of a record as members of the object that is open. */
void jsonw_members(struct jsonw *j, const struct record_type *type, const void *record);
void jsonw_record(struct jsonw *j, const char *key, const struct record_type *type, const void *record);
void jsonw_records(struct jsonw *j, const char *key, const struct record_type *type, const void *items,
		  size_t n);

#endif
