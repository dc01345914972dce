/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_line.h"

#include <string.h>
#include <time.h>

#include "model/field.h"
#include "report/table.h"
#include "util/number.h"
#include "util/text.h"

/* One odd name must not push all that follow to the right. */
enum { COLUMN_MAX = 24, CAUSE_COLUMN = 10 };

static void add_text(struct strbuf *b, const char *s)
{
	text_escape(b, s, strlen(s));
}

static void add_decimal(struct strbuf *b, int64_t value)
{
	char text[NUMBER_MAX];

	if (value < 0)
		strbuf_add(b, "-", 1);
	strbuf_add(b, text, number_decimal(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value));
}

static void add_hex(struct strbuf *b, uint64_t value)
{
	char text[NUMBER_MAX];

	strbuf_add(b, text, number_hex(text, value));
}

static void add_blanks(struct strbuf *b, size_t n)
{
	static const char blanks[COLUMN_MAX + 2 + 1] = "                          ";

	strbuf_add(b, blanks, n < COLUMN_MAX + 2 ? n : COLUMN_MAX + 2);
}

/* Ends the column that began there, two blanks behind its widest text. */
static void end_column(struct strbuf *b, size_t from, size_t *width)
{
	size_t w = b->data ? text_width(b->data + from) : 0;

	if (w > *width)
		*width = w < COLUMN_MAX ? w : COLUMN_MAX;
	add_blanks(b, 2 + (w < *width ? *width - w : 0));
}

const char *event_object_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] && path[0] == '/' ? slash + 1 : path;
}

void event_section_text(const struct event_section *s, uint64_t at, struct strbuf *out)
{
	const char *name = s->function ? s->function : s->symbol;

	if (s->object)
		add_text(out, event_object_name(s->object));
	if (s->object && name)
		strbuf_add(out, " ", 1);
	if (name)
		add_text(out, name);
	if ((s->has & EVENT_SECTION_OFFSET) && (s->function || (s->object && !name))) {
		strbuf_add(out, "+", 1);
		add_hex(out, s->offset + at);
	} else if (!name) {
		strbuf_puts(out, s->object ? " " : "");
		add_hex(out, s->start + at);
	}
}

void event_place_text(const struct code_place *p, struct strbuf *out)
{
	if (p->object)
		add_text(out, event_object_name(p->object));
	if (p->object && p->function)
		strbuf_add(out, " ", 1);
	if (p->function)
		add_text(out, p->function);
	if ((p->has & PLACE_OFFSET) && (p->object || p->function)) {
		strbuf_add(out, "+", 1);
		add_hex(out, p->offset);
	} else if (!p->function) {
		strbuf_puts(out, p->object ? " " : "");
		add_hex(out, p->address);
	}
}

/* Local time; calculated once a second. */
static void add_time(struct event_lines *l, uint64_t time_ns, struct strbuf *out)
{
	int64_t sum = (int64_t)time_ns + l->realtime_offset_ns, ns = sum > 0 ? sum : 0, second = ns / 1000000000;
	uint64_t us = (uint64_t)(ns % 1000000000) / 1000;
	char digits[8] = "000000  ";

	if (second != l->second || !*l->clock) {
		time_t t = (time_t)second;
		struct tm tm = { 0 };

		l->second = second;
		if (!localtime_r(&t, &tm) || !strftime(l->clock, sizeof(l->clock), "%H:%M:%S.", &tm))
			strcpy(l->clock, "??:??:??.");
	}
	strbuf_puts(out, l->clock);
	for (int i = 5; i >= 0; i--, us /= 10)
		digits[i] = (char)('0' + us % 10);
	strbuf_add(out, digits, sizeof(digits));
}

static enum severity severity(uint32_t type)
{
	if (type == EVENT_FAULT)
		return SEVERITY_ERROR;
	if (type == EVENT_REGISTER_FAILED || type == EVENT_UNREGISTER_FAILED)
		return SEVERITY_WARNING;
	return SEVERITY_NONE;
}

static void add_type(struct event_lines *l, uint32_t type, struct strbuf *out)
{
	bool colored = severity(type) > SEVERITY_NONE && l->output->color;
	const char *name = event_type_names[type];
	size_t w = strlen(name);

	if (colored)
		strbuf_puts(out, output_color(l->output, severity(type)));
	strbuf_add(out, name, w);
	if (colored)
		strbuf_puts(out, output_plain(l->output));
	l->type = w > l->type ? w : l->type;
	add_blanks(out, 2 + l->type - w);
}

/* What every event has. */
static void add_head(struct event_lines *l, const struct event *e, struct strbuf *out)
{
	size_t from;

	add_time(l, e->time_ns, out);
	from = out->len;
	add_decimal(out, e->pid);
	strbuf_add(out, "/", 1);
	add_decimal(out, e->tid);
	end_column(out, from, &l->ids);
	from = out->len;
	add_text(out, *e->comm ? e->comm : "-");
	end_column(out, from, &l->comm);
	add_type(l, e->type, out);
	strbuf_puts(out, e->cpu < 10 ? "cpu  " : "cpu ");
	add_decimal(out, e->cpu);
	strbuf_add(out, "  ", 2);
}

static void add_in_section(const struct event *e, struct strbuf *out)
{
	strbuf_puts(out, "  (section +");
	add_hex(out, e->ip_offset);
	strbuf_puts(out, " of ");
	add_hex(out, e->section.length);
	strbuf_puts(out, ")");
}

static void add_abort(const struct event *e, struct strbuf *out)
{
	const char *cause = e->cause ? abort_cause_names[e->cause] : "-";
	size_t w = strlen(cause);

	strbuf_add(out, cause, w);
	add_blanks(out, 2 + (w < CAUSE_COLUMN ? CAUSE_COLUMN - w : 0));
	if (!(e->has & EVENT_SECTION)) {
		strbuf_puts(out, "-");
		return;
	}
	event_section_text(&e->section, e->ip_offset, out);
	add_in_section(e, out);
}

static void add_stack(const struct event *e, struct strbuf *out)
{
	if (!(e->has & EVENT_STACK))
		strbuf_puts(out, "\n        no stack");
	for (size_t i = 0; (e->has & EVENT_STACK) && i < e->n_stack; i++) {
		strbuf_puts(out, "\n        ");
		event_place_text(&e->stack[i], out);
	}
}

/* " area 0x7f... length 32", as far as it is known; the rows with a label. */
static void add_labelled(const struct event *e, struct strbuf *out)
{
	const struct record_type *type = event_record_type(e->type);
	const char *between = "";

	for (size_t i = 0; i < type->n; i++) {
		const struct field *f = &type->fields[i];
		char buffer[32];

		if (!f->label || !field_is_known(type, f, e))
			continue;
		strbuf_printf(out, "%s%s ", between, f->label);
		add_text(out, field_text(type, f, e, buffer));
		between = " ";
	}
	strbuf_puts(out, *between ? "" : "-");
}

static void add_call(struct event_lines *l, const struct event *e, struct strbuf *out)
{
	size_t from = out->len;

	strbuf_puts(out, e->error ? e->error : "");
	if (e->error && e->reason)
		strbuf_add(out, " ", 1);
	if (e->reason)
		add_text(out, e->reason);
	strbuf_puts(out, e->error || e->reason ? "" : "-");
	end_column(out, from, &l->why);
	add_labelled(e, out);
	if (e->has & EVENT_CALLER) {
		strbuf_puts(out, "  by ");
		event_place_text(&e->caller, out);
	}
	if (e->type == EVENT_FAULT && (e->has & EVENT_SECTION)) {
		strbuf_puts(out, "  section ");
		event_section_text(&e->section, 0, out);
		strbuf_puts(out, " length ");
		add_hex(out, e->section.length);
	}
	if (e->detail) {
		strbuf_puts(out, ": ");
		add_text(out, e->detail);
	}
}

void event_line(struct event_lines *l, const struct event *e, struct strbuf *out)
{
	add_head(l, e, out);
	if (e->type == EVENT_ABORT)
		add_abort(e, out);
	else
		add_call(l, e, out);
	if (e->type == EVENT_ABORT && l->stack)
		add_stack(e, out);
	strbuf_puts(out, "\n");
}
