/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/table.h"

#include <inttypes.h>
#include <string.h>

#include "util/array.h"
#include "util/text.h"

void table_column(struct table *t, const char *label)
{
	if (t->n_columns < TABLE_COLUMNS_MAX)
		t->labels[t->n_columns++] = label;
}

void table_cell(struct table *t, const char *text)
{
	struct strbuf safe = { 0 };
	char **slot = ARRAY_ADD(t->cells, t->n_cells);

	if (!slot)
		return;
	text_escape(&safe, text, strlen(text));
	*slot = safe.data; /* NULL for "" */
}

const char *field_text(const struct record_type *type, const struct field *f, const void *record,
		       char buffer[32])
{
	const char *at = (const char *)record + f->offset;

	if (!field_is_known(type, f, record))
		return f->absent ? f->absent : "-";
	switch (f->kind) {
	case FIELD_STRING:
		return *(const char *const *)at;
	case FIELD_CHARS:
		return at;
	case FIELD_TRI:
		return *(const int8_t *)at ? "yes" : "no";
	case FIELD_NAME:
	case FIELD_WORD:
		return f->names[*(const uint32_t *)at];
	case FIELD_I32:
	case FIELD_ID:
		snprintf(buffer, 32, "%" PRId32, *(const int32_t *)at);
		break;
	case FIELD_U32:
		snprintf(buffer, 32, "%" PRIu32, *(const uint32_t *)at);
		break;
	case FIELD_I64:
		snprintf(buffer, 32, "%" PRId64, *(const int64_t *)at);
		break;
	case FIELD_U64:
		snprintf(buffer, 32, "%" PRIu64, *(const uint64_t *)at);
		break;
	case FIELD_MILLI:
		snprintf(buffer, 32, "%" PRIu64 ".%03" PRIu64, *(const uint64_t *)at / 1000,
			 *(const uint64_t *)at % 1000);
		break;
	case FIELD_HEX32:
		snprintf(buffer, 32, "0x%" PRIx32, *(const uint32_t *)at);
		break;
	case FIELD_HEX64:
		snprintf(buffer, 32, "0x%" PRIx64, *(const uint64_t *)at);
		break;
	case FIELD_DOUBLE:
		snprintf(buffer, 32, "%.1f", *(const double *)at);
		break;
	default:
		return "-";
	}
	return buffer;
}

void table_field(struct table *t, const struct record_type *type, const struct field *f,
		 const void *record)
{
	char buffer[32];

	table_cell(t, field_text(type, f, record, buffer));
}

static const char *cell(const struct table *t, size_t i)
{
	return t->cells[i] ? t->cells[i] : "";
}

/* Columns: the widest cell, 0 for one that says nothing. */
static size_t column_width(const struct table *t, size_t column)
{
	size_t width = 0;
	bool says = false;

	for (size_t i = column; i < t->n_cells; i += t->n_columns) {
		size_t w = text_width(cell(t, i));

		says |= w && strcmp(cell(t, i), "-") != 0;
		width = w > width ? w : width;
	}
	if (!says)
		return 0;
	return width > strlen(t->labels[column]) ? width : strlen(t->labels[column]);
}

const char *table_cut(const char *text, size_t width, bool *ret_was_cut)
{
	size_t skip = text_width(text) > width ? text_width(text) - width + 1 : 0;

	*ret_was_cut = skip > 0;
	while (skip && *text) {
		text++;
		while ((*text & 0xc0) == 0x80)
			text++;
		skip--;
	}
	return text;
}

/* What a column needs to be read, where it has as much. */
enum { COLUMN_MIN = 16 };

/* Takes from the widest columns until the table fits, but leaves every column readable. */
static void fit(size_t *widths, size_t n, size_t room)
{
	for (;;) {
		size_t total = 0, widest = 0;

		for (size_t c = 0; c < n; c++) {
			total += widths[c] ? widths[c] + 2 : 0;
			if (widths[c] > widths[widest])
				widest = c;
		}
		if (total <= room + 2 || widths[widest] <= COLUMN_MIN)
			return;
		widths[widest]--;
	}
}

bool table_fits(const struct table *t, const struct output *o, int indent)
{
	size_t total = (size_t)indent;

	for (size_t c = 0; c < t->n_columns; c++) {
		size_t width = column_width(t, c);

		if (width)
			total += (width < COLUMN_MIN ? width : COLUMN_MIN) + 2;
	}
	return !o->width || total <= (size_t)o->width + 2;
}

static void print_row(const struct table *t, const struct output *o, int indent, const size_t *widths,
		      size_t row)
{
	size_t last = 0;

	for (size_t c = 0; c < t->n_columns; c++)
		if (widths[c])
			last = c;
	fprintf(o->file, "%*s", indent, "");
	for (size_t c = 0; c <= last; c++) {
		const char *text = row ? cell(t, (row - 1) * t->n_columns + c) : t->labels[c];

		bool was_cut;

		if (!widths[c])
			continue;
		text = table_cut(text, widths[c], &was_cut);
		fprintf(o->file, "%s%s", was_cut ? "<" : "", text);
		if (c < last)
			fprintf(o->file, "%*s", (int)(widths[c] - text_width(text) - was_cut + 2), "");
	}
	fputc('\n', o->file);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}

void table_print(struct table *t, const struct output *o, int indent)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 }, rows = t->n_columns ? t->n_cells / t->n_columns : 0;

	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = column_width(t, c);
	if (o->width)
		fit(widths, t->n_columns, (size_t)(o->width > indent ? o->width - indent : 0));
	for (size_t row = 0; rows && row <= rows; row++)
		print_row(t, o, indent, widths, row);
	table_done(t);
}
