/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/trace.h"

#include <stdlib.h>
#include <string.h>

#include "model/facts.h"
#include "report/event_line.h"
#include "report/jsonw.h"
#include "report/tally_text.h"
#include "util/strbuf.h"

/* Where events are not written, the last ones that are no aborts: what a summary cannot tell. */
enum { KEPT_LINES = 8 };
/* Of a summary that is text. */
enum { SECTIONS_SHOWN = 20, STACK_SECTIONS = 5 };

struct trace_report {
	const struct output *output;
	struct trace_report_options options;
	struct jsonw json;
	struct event_lines lines;
	struct strbuf line; /* kept, so that a line costs no allocation */
	struct strbuf kept[KEPT_LINES];
	uint64_t n_kept; /* in all */
	size_t shown; /* lines of the terminal that the live summary takes */
	bool resized, has_lines; /* of events */
};

struct trace_report *trace_report_new(const struct output *output, const struct trace_report_options *options)
{
	struct trace_report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->output = output;
	r->options = *options;
	r->json = (struct jsonw){ .file = output->file, .first = true, .compact = true };
	r->lines = (struct event_lines){ .output = output, .stack = options->stack };
	return r;
}

void trace_report_free(struct trace_report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < KEPT_LINES; i++)
		strbuf_done(&r->kept[i]);
	strbuf_done(&r->line);
	free(r);
}

void trace_report_start(struct trace_report *r, const struct trace_start *start)
{
	static const struct host_facts nothing;
	struct jsonw *j = &r->json;

	r->lines.realtime_offset_ns = start->realtime_offset_ns;
	if (r->output->format != FORMAT_JSON)
		return;
	jsonw_open(j, NULL, '{');
	jsonw_string(j, "type", "start");
	jsonw_number(j, "schema", 1);
	jsonw_string(j, "command", r->options.command);
	jsonw_string(j, "version", r->options.version);
	jsonw_record(j, "host", &host_type, start->host ? start->host : &nothing);
	jsonw_string(j, "clock", "boottime");
	jsonw_number(j, "realtime_offset_ns", start->realtime_offset_ns);
	jsonw_close(j, '}');
}

/* --- events --- */

static void keep(struct trace_report *r, const struct event *e)
{
	struct strbuf *slot = &r->kept[r->n_kept++ % KEPT_LINES];

	strbuf_clear(slot);
	event_line(&r->lines, e, slot);
}

void trace_report_event(struct trace_report *r, const struct event *e)
{
	if (r->output->format == FORMAT_JSON) {
		if (r->options.events)
			jsonw_record(&r->json, NULL, event_record_type(e->type), e);
		return;
	}
	if (!r->options.events) {
		if (e->type != EVENT_ABORT)
			keep(r, e);
		return;
	}
	strbuf_clear(&r->line);
	event_line(&r->lines, e, &r->line);
	fwrite_unlocked(strbuf_str(&r->line), 1, r->line.len, r->output->file);
	r->has_lines = true;
}

static void print_kept(const struct trace_report *r, const struct output *o, size_t n)
{
	uint64_t from = r->n_kept > n ? r->n_kept - n : 0;

	if (!r->n_kept || !n)
		return;
	fprintf(o->file, "\n  %slast events%s\n", output_bold(o), output_plain(o));
	for (uint64_t i = from; i < r->n_kept; i++)
		fprintf(o->file, "  %s", strbuf_str(&r->kept[i % KEPT_LINES]));
}

/* --- the live summary --- */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* All of it, as many lines as it takes: they are cut when they are shown. */
static void print_live(struct trace_report *r, const struct output *o, const struct trace_tally *t, int rows)
{
	const struct tally_options options = { r->options.types, r->options.stack };
	size_t room = rows > 11 ? (size_t)rows - 6 - (t->n_reasons > 0) : 4, events = smaller(smaller(r->n_kept, KEPT_LINES), room / 3);

	tally_totals(o, t, &options);
	tally_causes(o, t);
	tally_reasons(o, t);
	if (t->n_sections) {
		fputc('\n', o->file);
		tally_sections(o, t, SIZE_MAX, room - (events ? events + 2 : 0));
		tally_livelocks(o, t);
	}
	print_kept(r, o, events);
}

/* Up to where the last one began. A line that is too long is cut by the terminal, not continued. */
static void begin_frame(struct trace_report *r, FILE *file)
{
	if (r->resized)
		fputs("\033[H\033[2J", file);
	else if (r->shown)
		fprintf(file, "\033[%zuA\r", r->shown);
	fputs("\033[?7l", file);
	r->resized = false;
	r->shown = 0;
}

static void put_frame(struct trace_report *r, const char *text, size_t rows)
{
	FILE *file = r->output->file;

	begin_frame(r, file);
	for (; *text && r->shown + 1 < rows; r->shown++) {
		size_t len = strcspn(text, "\n");

		fwrite(text, 1, len, file);
		fprintf(file, "%s\033[K\n", output_plain(r->output));
		text += len + (text[len] == '\n');
	}
	fputs("\033[J\033[?7h", file);
	fflush(file);
}

void trace_report_live(struct trace_report *r, const struct trace_tally *t, int columns, int rows)
{
	struct output o = *r->output;
	char *text = NULL;
	size_t len = 0;

	o.file = open_memstream(&text, &len);
	if (!o.file)
		return;
	o.width = columns;
	print_live(r, &o, t, rows);
	if (fclose(o.file) == 0)
		put_frame(r, text, rows > 1 ? (size_t)rows : 25);
	free(text);
}

void trace_report_resized(struct trace_report *r)
{
	r->resized = r->shown > 0;
}

/* --- the end --- */

static void print_summary(struct trace_report *r, const struct trace_tally *t)
{
	const struct tally_options options = { r->options.types, r->options.stack };
	const struct output *o = r->output;

	if (r->has_lines)
		fputc('\n', o->file);
	tally_totals(o, t, &options);
	if (o->verbosity < 0)
		return;
	tally_causes(o, t);
	tally_reasons(o, t);
	if (t->n_sections)
		fprintf(o->file, "\n  %scritical sections%s\n", output_bold(o), output_plain(o));
	tally_sections(o, t, SECTIONS_SHOWN, SIZE_MAX);
	tally_livelocks(o, t);
	if (r->options.stack)
		tally_stacks(o, t, STACK_SECTIONS);
	print_kept(r, o, KEPT_LINES);
	tally_notes(o, t);
}

static void write_summary(struct trace_report *r, const struct trace_tally *t)
{
	jsonw_open(&r->json, NULL, '{');
	jsonw_string(&r->json, "type", "summary");
	jsonw_fields(&r->json, &tally_type, t);
	jsonw_close(&r->json, '}');
}

/* At the end a rate is that of the whole trace, not of its last moments. NULL: no memory, or none. */
static struct section_tally *over_all(const struct trace_tally *t)
{
	struct section_tally *sections = t->n_sections ? calloc(t->n_sections, sizeof(*sections)) : NULL;

	if (!sections)
		return NULL;
	memcpy(sections, t->sections, t->n_sections * sizeof(*sections));
	for (size_t i = 0; i < t->n_sections; i++)
		sections[i].per_second =
			t->duration_ns ? (double)sections[i].aborts * 1e9 / (double)t->duration_ns : 0;
	return sections;
}

void trace_report_summary(struct trace_report *r, const struct trace_tally *t)
{
	struct section_tally *sections = over_all(t);
	struct trace_tally whole = *t;

	if (sections)
		whole.sections = sections;
	if (r->output->format == FORMAT_JSON) {
		write_summary(r, &whole);
	} else {
		if (r->shown) {
			begin_frame(r, r->output->file);
			fputs("\033[J\033[?7h", r->output->file);
		}
		print_summary(r, &whole);
	}
	fflush(r->output->file);
	free(sections);
}
