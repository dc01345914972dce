/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/tally_text.h"

#include <inttypes.h>
#include <string.h>

#include "model/field.h"
#include "report/event_line.h"
#include "report/table.h"
#include "util/array.h"
#include "util/strbuf.h"
#include "util/text.h"

/* --- totals --- */

static const struct {
	enum event_type type;
	const char *one, *many;
	bool also_none; /* that there were none is worth a word, where they were asked for */
} type_words[] = {
	{ EVENT_ABORT, "abort", "aborts", true },
	{ EVENT_REGISTER, "registration", "registrations", true },
	{ EVENT_REGISTER_FAILED, "refused registration", "refused registrations", false },
	{ EVENT_UNREGISTER, "unregistration", "unregistrations", false },
	{ EVENT_UNREGISTER_FAILED, "refused unregistration", "refused unregistrations", false },
	{ EVENT_GONE, "thread gone while registered", "threads gone while registered", false },
	{ EVENT_FAULT, "fault", "faults", true },
};

void tally_totals(const struct output *o, const struct trace_tally *t, const struct tally_options *options)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	const char *between = "";

	for (size_t i = 0; i < ARRAY_SIZE(type_words); i++) {
		uint64_t n = t->events[type_words[i].type];
		bool asked = options->types & 1u << type_words[i].type;

		if (!n && !(asked && type_words[i].also_none))
			continue;
		if (n)
			strbuf_printf(&line, "%s%" PRIu64, between, n);
		else
			strbuf_printf(&line, "%sno", between);
		strbuf_printf(&line, " %s", n == 1 ? type_words[i].one : type_words[i].many);
		between = ", ";
	}
	strbuf_printf(&line, "%s in %.1f s; %" PRIu64 " lost, %" PRIu64 " missed", *between ? "" : "nothing",
		      (double)t->duration_ns / 1e9, t->lost, t->missed);
	if (options->stack || t->stacks_lost)
		strbuf_printf(&line, ", %" PRIu64 " stacks lost", t->stacks_lost);
	fputs(output_bold(o), o->file);
	output_wrapped(o, 2, strbuf_str(&line));
	fputs(output_plain(o), o->file);
}

/* "12.3%"; nothing that was seen is shown as 0, and not all as 100. */
static void add_share(struct strbuf *b, uint64_t part, uint64_t whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;

	if (part && share < 0.05)
		strbuf_puts(b, "<0.1%");
	else if (part < whole && share >= 99.95)
		strbuf_puts(b, ">99.9%");
	else
		strbuf_printf(b, "%.1f%%", share);
}

void tally_causes(const struct output *o, const struct trace_tally *t)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	const char *between = "";

	if (!(t->has & TALLY_CAUSES) || t->causes[CAUSE_NONE] || !t->events[EVENT_ABORT])
		return;
	for (size_t i = CAUSE_NONE + 1; i < CAUSES; i++) {
		/* How many could not be told belongs to the answer, even where there are none. */
		if (!t->causes[i] && i != CAUSE_UNKNOWN)
			continue;
		strbuf_printf(&line, "%s%s %" PRIu64 " (", between, abort_cause_names[i], t->causes[i]);
		add_share(&line, t->causes[i], t->events[EVENT_ABORT]);
		strbuf_puts(&line, ")");
		between = ", ";
	}
	fputs("  causes: ", o->file);
	output_wrapped_list(o, 10, strbuf_str(&line));
}

void tally_reasons(const struct output *o, const struct trace_tally *t)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	if (!t->n_reasons)
		return;
	for (size_t i = 0; i < t->n_reasons; i++)
		strbuf_printf(&line, "%s%s %s %" PRIu64, i ? ", " : "", event_type_names[t->reasons[i].type],
			      t->reasons[i].reason, t->reasons[i].count);
	fputs("  reasons: ", o->file);
	output_wrapped_list(o, 11, strbuf_str(&line));
}

/* --- sections --- */

static void add_offsets(struct strbuf *b, const struct section_tally *s, size_t n)
{
	for (size_t i = 0; i < s->n_offsets && i < n; i++) {
		strbuf_printf(b, "%s+0x%" PRIx64 " ", i ? ", " : "", s->offsets[i].offset);
		add_share(b, s->offsets[i].count, s->aborts);
	}
}

static const char *const counts[] = { "aborts", "per_second" };
static const char *const cause_labels[] = {
	[CAUSE_NONE] = "",		[CAUSE_SYSCALL] = "SYSCALL", [CAUSE_SIGNAL] = "SIGNAL",
	[CAUSE_MEMBARRIER] = "MEMBARRIER", [CAUSE_MIGRATE] = "MIGRATE", [CAUSE_PREEMPT] = "PREEMPT",
	[CAUSE_UNKNOWN] = "UNKNOWN",
};
_Static_assert(ARRAY_SIZE(cause_labels) == CAUSES, "a label for each cause");

static void section_columns(struct table *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		table_column(t, field_find(&section_tally_type, counts[i])->label);
	for (size_t i = CAUSE_NONE + 1; i < CAUSES; i++)
		table_column(t, cause_labels[i]);
	table_column(t, field_find(&section_tally_type, "object")->label);
	table_column(t, field_find(&section_tally_type, "function")->label);
	table_column(t, "OFFSETS");
	table_column(t, field_find(&section_tally_type, "pid")->label);
	table_column(t, field_find(&section_tally_type, "comm")->label);
}

static void text_cell(struct table *t, struct strbuf *b)
{
	table_cell(t, b->len ? strbuf_str(b) : "-");
	strbuf_clear(b);
}

static void field_cell(struct table *t, const struct section_tally *s, const char *key)
{
	table_field(t, &section_tally_type, field_find(&section_tally_type, key), s);
}

/* The section's name without its object, which has a column of its own. */
static void name_cell(struct table *t, const struct section_tally *s, struct strbuf *b)
{
	struct event_section in = s->section;

	in.object = NULL;
	if (in.function || in.symbol || !(in.has & EVENT_SECTION_OFFSET))
		event_section_text(&in, 0, b);
	else
		strbuf_printf(b, "+0x%" PRIx64, in.offset);
	text_cell(t, b);
}

static void section_row(struct table *t, const struct section_tally *s, size_t n_offsets)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		field_cell(t, s, counts[i]);
	for (size_t i = CAUSE_NONE + 1; i < CAUSES; i++) {
		if (s->causes[i])
			add_share(&b, s->causes[i], s->aborts);
		text_cell(t, &b);
	}
	field_cell(t, s, "object");
	name_cell(t, s, &b);
	add_offsets(&b, s, n_offsets);
	text_cell(t, &b);
	field_cell(t, s, "pid");
	field_cell(t, s, "comm");
}

static void add_causes(struct strbuf *b, const struct section_tally *s)
{
	const char *between = "";

	for (size_t i = CAUSE_NONE + 1; i < CAUSES; i++) {
		if (!s->causes[i])
			continue;
		strbuf_printf(b, "%s%s ", between, abort_cause_names[i]);
		add_share(b, s->causes[i], s->aborts);
		between = ", ";
	}
	if (s->n_offsets)
		strbuf_puts(b, *between ? "; at " : "at ");
	add_offsets(b, s, 3);
}

/* Where a table is too wide: "12 aborts, 3.4/s  4711 mongod  libx.so push", and below it the rest. */
static void print_narrow(const struct output *o, const struct section_tally *s)
{
	_cleanup_strbuf_ struct strbuf head = { 0 }, b = { 0 };
	size_t used, room;
	const char *name;
	bool was_cut;

	strbuf_printf(&head, "%" PRIu64 " abort%s, %.1f/s  %d ", s->aborts, s->aborts == 1 ? "" : "s",
		      s->per_second, s->pid);
	text_escape(&head, s->comm, strlen(s->comm));
	event_section_text(&s->section, 0, &b);
	used = text_width(strbuf_str(&head)) + 4;
	room = (size_t)o->width > used + 16 ? (size_t)o->width - used : 16;
	name = table_cut(strbuf_str(&b), room, &was_cut);
	fprintf(o->file, "  %s  %s%s\n    ", strbuf_str(&head), was_cut ? "<" : "", name);
	strbuf_clear(&b);
	add_causes(&b, s);
	output_wrapped_list(o, 4, strbuf_str(&b));
}

static void print_more(const struct output *o, const struct trace_tally *t, size_t shown)
{
	uint64_t aborts = 0;

	for (size_t i = shown; i < t->n_sections; i++)
		aborts += t->sections[i].aborts;
	if (shown < t->n_sections)
		fprintf(o->file, "  and %zu section%s more, with %" PRIu64 " abort%s\n", t->n_sections - shown,
			t->n_sections - shown == 1 ? "" : "s", aborts, aborts == 1 ? "" : "s");
	if (t->other_sections)
		fprintf(o->file, "  and %" PRIu64 " aborts of sections that there was no room to count\n",
			t->other_sections);
}

/* Of a section where a table is too wide: one line, and one or two. */
enum { NARROW_LINES = 3 };

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

void tally_sections(const struct output *o, const struct trace_tally *t, size_t sections, size_t lines)
{
	size_t n_offsets = o->width && o->width < 140 ? 1 : 3;
	size_t rows = smallest(sections, lines ? lines - 1 : 0, t->n_sections);
	struct table table = { 0 };

	section_columns(&table);
	for (size_t i = 0; i < rows; i++)
		section_row(&table, &t->sections[i], n_offsets);
	if (table_fits(&table, o, 2)) {
		table_print(&table, o, 2);
	} else {
		table_done(&table);
		rows = smallest(sections, lines / NARROW_LINES, t->n_sections);
		for (size_t i = 0; i < rows; i++)
			print_narrow(o, &t->sections[i]);
	}
	print_more(o, t, rows);
}

/*
 * Nearly every interruption of a thread hits this section: it is too long for this machine, or never gets
 * through. Below so many the share says nothing.
 */
#define LIVELOCK_SHARE 0.8
#define LIVELOCK_INTERRUPTIONS 100

void tally_livelocks(const struct output *o, const struct trace_tally *t)
{
	for (size_t i = 0; i < t->n_sections; i++) {
		_cleanup_strbuf_ struct strbuf b = { 0 };
		const struct section_tally *s = &t->sections[i];

		if (!(s->section.has & EVENT_SECTION_OCCUPANCY) || s->occupancy < LIVELOCK_SHARE ||
		    s->interruptions < LIVELOCK_INTERRUPTIONS)
			continue;
		fprintf(o->file, "  %slivelock?%s ", output_color(o, SEVERITY_WARNING), output_plain(o));
		event_section_text(&s->section, 0, &b);
		strbuf_printf(&b, " (%d) is hit by %.0f%% of all interruptions of its threads: they hardly get through",
			      s->pid, s->occupancy * 100);
		output_wrapped(o, 4, strbuf_str(&b));
	}
}

/* --- stacks --- */

enum { STACKS_SHOWN = 3 };

static void print_stack(const struct output *o, const struct section_tally *s, const struct stack_count *stack)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	add_share(&b, stack->count, s->aborts);
	fprintf(o->file, "    %" PRIu64 " (%s)\n", stack->count, strbuf_str(&b));
	for (size_t i = 0; i < stack->n_frames; i++) {
		strbuf_clear(&b);
		event_place_text(&stack->frames[i], &b);
		fprintf(o->file, "      %s\n", strbuf_str(&b));
	}
}

void tally_stacks(const struct output *o, const struct trace_tally *t, size_t sections)
{
	for (size_t i = 0; i < t->n_sections && i < sections; i++) {
		_cleanup_strbuf_ struct strbuf b = { 0 };
		const struct section_tally *s = &t->sections[i];

		if (!s->n_stacks)
			continue;
		event_section_text(&s->section, 0, &b);
		fprintf(o->file, "  stacks of %s, %d ", strbuf_str(&b), s->pid);
		output_text(o, s->comm);
		fputc('\n', o->file);
		for (size_t k = 0; k < s->n_stacks && k < STACKS_SHOWN; k++)
			print_stack(o, s, &s->stacks[k]);
		if (s->n_stacks > STACKS_SHOWN)
			fprintf(o->file, "    and %zu stacks more\n", s->n_stacks - STACKS_SHOWN);
	}
}

/* --- the end --- */

static void print_command(const struct output *o, const struct trace_command *c)
{
	const char *name = c->has & COMMAND_SIGNAL ? sigabbrev_np(c->signal) : NULL;

	fprintf(o->file, "  command %d ", c->pid);
	if (name)
		fprintf(o->file, "was killed by SIG%s\n", name);
	else if (c->has & COMMAND_SIGNAL)
		fprintf(o->file, "was killed by signal %d\n", c->signal);
	else if (c->has & COMMAND_STATUS)
		fprintf(o->file, "ended with status %d\n", c->status);
	else
		fputs("still runs\n", o->file);
}

void tally_notes(const struct output *o, const struct trace_tally *t)
{
	for (size_t i = 0; i < t->n_notes; i++) {
		fputs("  note: ", o->file);
		output_wrapped(o, 8, t->notes[i]);
	}
	if (t->has & TALLY_COMMAND)
		print_command(o, &t->command);
}
