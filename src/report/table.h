/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns on a terminal. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "model/field.h"
#include "report/output.h"

enum { TABLE_COLUMNS_MAX = 24 };

struct table {
	const char *labels[TABLE_COLUMNS_MAX];
	size_t n_columns, n_cells;
	char **cells; /* row by row, escaped */
};

void table_column(struct table *t, const char *label);

/* The next cell, row by row; the text is escaped. */
void table_cell(struct table *t, const char *text);

/* The cell of a scalar field, as text has it. */
void table_field(struct table *t, const struct record_type *type, const struct field *f,
		 const void *record);

/*
 * What of a text stands in a column that is narrower, behind a mark for what is cut off: the front, for
 * the end of a path says more. Borrowed from text.
 */
const char *table_cut(const char *text, size_t width, bool *ret_was_cut);

/* Whether every column can be read in the width that there is. */
bool table_fits(const struct table *t, const struct output *o, int indent);

void table_done(struct table *t);

/* Writes it, indented, and frees it. Columns without any content but "-" are left out. */
void table_print(struct table *t, const struct output *o, int indent);

/* A scalar field's value as text; buffer is used where one must be made. */
const char *field_text(const struct record_type *type, const struct field *f, const void *record,
		       char buffer[32]);

#endif
