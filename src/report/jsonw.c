/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/jsonw.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "util/text.h"

/* Records without lists stand on one line, so that a thread is a line. */
static bool is_leaf(const struct record_type *type)
{
	for (size_t i = 0; i < type->n; i++)
		if (type->fields[i].kind == FIELD_LIST)
			return false;
	return true;
}

static void begin(struct jsonw *j, const char *key)
{
	if (!j->first)
		fputc(',', j->file);
	if (j->depth > 0 && j->depth <= 4)
		fprintf(j->file, "\n%*s", 2 * j->depth, "");
	j->first = false;
	if (key)
		fprintf(j->file, "\"%s\": ", key);
}

void jsonw_open(struct jsonw *j, const char *key, char bracket)
{
	begin(j, key);
	fputc(bracket, j->file);
	j->depth++;
	j->first = true;
}

void jsonw_close(struct jsonw *j, char bracket)
{
	j->depth--;
	if (!j->first && j->depth < 4)
		fprintf(j->file, "\n%*s", 2 * j->depth, "");
	fputc(bracket, j->file);
	j->first = false;
	if (!j->depth)
		fputc('\n', j->file);
}

static json_object *string_value(const char *s)
{
	_cleanup_strbuf_ struct strbuf valid = { 0 };

	text_utf8(&valid, s, strlen(s));
	return json_object_new_string_len(strbuf_str(&valid), (int)valid.len);
}

static void put(struct jsonw *j, const char *key, json_object *value)
{
	begin(j, key);
	fputs(json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE), j->file);
	json_object_put(value);
}

void jsonw_string(struct jsonw *j, const char *key, const char *value)
{
	put(j, key, value ? string_value(value) : NULL);
}

void jsonw_number(struct jsonw *j, const char *key, long value)
{
	put(j, key, json_object_new_int64(value));
}

void jsonw_bool(struct jsonw *j, const char *key, bool value)
{
	put(j, key, json_object_new_boolean(value));
}

static json_object *hex_value(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	return json_object_new_string(text);
}

/* As text, so that it is the same digits everywhere and no rounding shows. */
static json_object *milli_value(uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64, v / 1000, v % 1000);
	return json_object_new_double_s((double)v / 1000, text);
}

static json_object *scalar(const struct field *f, const char *at)
{
	switch (f->kind) {
	case FIELD_STRING:
		return string_value(*(const char *const *)at);
	case FIELD_CHARS:
		return string_value(at);
	case FIELD_I32:
	case FIELD_ID:
		return json_object_new_int(*(const int32_t *)at);
	case FIELD_U32:
		return json_object_new_int64(*(const uint32_t *)at);
	case FIELD_I64:
		return json_object_new_int64(*(const int64_t *)at);
	case FIELD_U64:
		return json_object_new_uint64(*(const uint64_t *)at);
	case FIELD_MILLI:
		return milli_value(*(const uint64_t *)at);
	case FIELD_HEX32:
		return hex_value(*(const uint32_t *)at);
	case FIELD_HEX64:
		return hex_value(*(const uint64_t *)at);
	case FIELD_TRI:
		return json_object_new_boolean(*(const int8_t *)at);
	case FIELD_NAME:
		return json_object_new_string(f->names[*(const uint32_t *)at]);
	default:
		return NULL;
	}
}

static void field(struct jsonw *j, const struct record_type *type, const struct field *f,
		  const void *record)
{
	const void *items;
	size_t n;

	if (!field_is_known(type, f, record)) {
		put(j, f->key, NULL);
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
		put(j, f->key, scalar(f, (const char *)record + f->offset));
	}
}

void jsonw_members(struct jsonw *j, const struct record_type *type, const void *record)
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
	jsonw_members(j, type, record);
	j->depth = depth + 1;
	if (is_leaf(type)) {
		fputc('}', j->file);
		j->depth--;
		j->first = false;
	} else {
		jsonw_close(j, '}');
	}
}

void jsonw_records(struct jsonw *j, const char *key, const struct record_type *type, const void *items,
		  size_t n)
{
	jsonw_open(j, key, '[');
	for (size_t i = 0; i < n; i++)
		jsonw_record(j, NULL, type, (const char *)items + i * type->size);
	jsonw_close(j, ']');
}
