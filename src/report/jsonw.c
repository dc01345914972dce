/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/jsonw.h"

#include <json-c/json.h>
#include <string.h>

#include "util/number.h"
#include "util/text.h"

/* Records without lists stand on one line, so that a thread is a line. */
static bool is_leaf(const struct record_type *type)
{
	for (size_t i = 0; i < type->n; i++)
		if (type->fields[i].kind == FIELD_LIST)
			return false;
	return true;
}

/* Of each line of a trace there are hundreds: nobody else writes to the file meanwhile. */
static void put(struct jsonw *j, const char *text, size_t len)
{
	fwrite_unlocked(text, 1, len, j->file);
}

static void put_char(struct jsonw *j, char c)
{
	putc_unlocked(c, j->file);
}

static void put_break(struct jsonw *j)
{
	if (!j->compact)
		fprintf(j->file, "\n%*s", 2 * j->depth, "");
}

static void begin(struct jsonw *j, const char *key)
{
	if (!j->first)
		put_char(j, ',');
	if (j->depth > 0 && j->depth <= 4)
		put_break(j);
	j->first = false;
	if (!key)
		return;
	put_char(j, '"');
	put(j, key, strlen(key));
	put(j, "\": ", j->compact ? 2 : 3);
}

void jsonw_open(struct jsonw *j, const char *key, char bracket)
{
	begin(j, key);
	put_char(j, bracket);
	j->depth++;
	j->first = true;
}

void jsonw_close(struct jsonw *j, char bracket)
{
	j->depth--;
	if (!j->first && j->depth < 4)
		put_break(j);
	put_char(j, bracket);
	j->first = false;
	if (!j->depth) {
		put_char(j, '\n');
		j->first = j->compact;
	}
}

/* How much of it stands in JSON as it is. */
static size_t plain(const char *s)
{
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

static void put_escaped(struct jsonw *j, const char *s)
{
	_cleanup_strbuf_ struct strbuf valid = { 0 };
	json_object *value;

	text_utf8(&valid, s, strlen(s));
	value = json_object_new_string_len(strbuf_str(&valid), (int)valid.len);
	fputs(json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE), j->file);
	json_object_put(value);
}

static void put_string(struct jsonw *j, const char *s)
{
	size_t n = s ? plain(s) : 0;

	if (!s) {
		put(j, "null", 4);
		return;
	}
	if (s[n]) {
		put_escaped(j, s);
		return;
	}
	put_char(j, '"');
	put(j, s, n);
	put_char(j, '"');
}

static void put_u64(struct jsonw *j, uint64_t value)
{
	char text[NUMBER_MAX];

	put(j, text, number_decimal(text, value));
}

static void put_i64(struct jsonw *j, int64_t value)
{
	if (value < 0)
		put_char(j, '-');
	put_u64(j, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_hex(struct jsonw *j, uint64_t value)
{
	char text[NUMBER_MAX + 2];
	size_t n = number_hex(text + 1, value);

	text[0] = text[n + 1] = '"';
	put(j, text, n + 2);
}

static void put_bool(struct jsonw *j, bool value)
{
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void jsonw_string(struct jsonw *j, const char *key, const char *value)
{
	begin(j, key);
	put_string(j, value);
}

void jsonw_number(struct jsonw *j, const char *key, int64_t value)
{
	begin(j, key);
	put_i64(j, value);
}

void jsonw_bool(struct jsonw *j, const char *key, bool value)
{
	begin(j, key);
	put_bool(j, value);
}

static void put_counts(struct jsonw *j, const char *const *names, const uint64_t *counts)
{
	put_char(j, '{');
	for (size_t i = 1; names[i]; i++) {
		if (i > 1)
			put_char(j, ',');
		put_string(j, names[i]);
		put(j, ": ", j->compact ? 1 : 2);
		put_u64(j, counts[i]);
	}
	put_char(j, '}');
}

/* A number with three decimals, kept as an integer so that no rounding shows. */
static void put_milli(struct jsonw *j, uint64_t v)
{
	fprintf(j->file, "%" PRIu64 ".%03" PRIu64, v / 1000, v % 1000);
}

static void put_scalar(struct jsonw *j, const struct field *f, const char *at)
{
	switch (f->kind) {
	case FIELD_STRING:
		put_string(j, *(const char *const *)at);
		break;
	case FIELD_CHARS:
		put_string(j, at);
		break;
	case FIELD_I32:
	case FIELD_ID:
		put_i64(j, *(const int32_t *)at);
		break;
	case FIELD_U32:
		put_u64(j, *(const uint32_t *)at);
		break;
	case FIELD_I64:
		put_i64(j, *(const int64_t *)at);
		break;
	case FIELD_U64:
		put_u64(j, *(const uint64_t *)at);
		break;
	case FIELD_MILLI:
		put_milli(j, *(const uint64_t *)at);
		break;
	case FIELD_HEX32:
		put_hex(j, *(const uint32_t *)at);
		break;
	case FIELD_HEX64:
		put_hex(j, *(const uint64_t *)at);
		break;
	case FIELD_TRI:
		put_bool(j, *(const int8_t *)at);
		break;
	case FIELD_NAME:
	case FIELD_WORD:
		put_string(j, f->names[*(const uint32_t *)at]);
		break;
	case FIELD_DOUBLE:
		fprintf(j->file, "%.3f", *(const double *)at);
		break;
	case FIELD_COUNTS:
		put_counts(j, f->names, (const uint64_t *)at);
		break;
	default:
		put_string(j, NULL);
	}
}

static void field(struct jsonw *j, const struct record_type *type, const struct field *f,
		  const void *record)
{
	const void *items;
	size_t n;

	if (!field_is_known(type, f, record)) {
		jsonw_string(j, f->key, NULL);
		return;
	}
	switch (f->kind) {
	case FIELD_RECORD:
		jsonw_record(j, f->key, f->type, field_items(f, record, &n));
		break;
	case FIELD_LIST:
		items = field_items(f, record, &n);
		jsonw_records(j, f->key, f->type, items, n);
		break;
	case FIELD_STRINGS:
		items = field_items(f, record, &n);
		jsonw_open(j, f->key, '[');
		for (size_t i = 0; i < n; i++)
			jsonw_string(j, NULL, ((const char *const *)items)[i]);
		jsonw_close(j, ']');
		break;
	default:
		begin(j, f->key);
		put_scalar(j, f, (const char *)record + f->offset);
	}
}

void jsonw_fields(struct jsonw *j, const struct record_type *type, const void *record)
{
	for (size_t i = 0; i < type->n; i++)
		field(j, type, &type->fields[i], record);
}

void jsonw_record(struct jsonw *j, const char *key, const struct record_type *type, const void *record)
{
	int depth = j->depth;

	jsonw_open(j, key, '{');
	if (is_leaf(type))
		j->depth += 100; /* deep enough for no line breaks */
	jsonw_fields(j, type, record);
	j->depth = depth + 1;
	j->first |= is_leaf(type);
	jsonw_close(j, '}');
}

void jsonw_records(struct jsonw *j, const char *key, const struct record_type *type, const void *items,
		  size_t n)
{
	jsonw_open(j, key, '[');
	for (size_t i = 0; i < n; i++)
		jsonw_record(j, NULL, type, (const char *)items + i * type->size);
	jsonw_close(j, ']');
}
