/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/text.h"

#include <string.h>

#include "model/field.h"
#include "report/table.h"
#include "util/array.h"
#include "util/strbuf.h"

/* --- the answer --- */

static void print_name(const struct output *o, const struct process_facts *p)
{
	fprintf(o->file, "%s%d ", output_bold(o), p->pid);
	output_text(o, p->comm ? p->comm : "?");
	fprintf(o->file, ":%s ", output_plain(o));
}

static void print_verdict(const struct output *o, const struct process_facts *p, const char *verdict,
			  enum severity worst)
{
	print_name(o, p);
	if (worst >= SEVERITY_WARNING)
		fputs(output_color(o, worst), o->file);
	output_text(o, verdict);
	fprintf(o->file, "%s\n", worst >= SEVERITY_WARNING ? output_plain(o) : "");
}

static void print_finding(const struct output *o, const struct finding *f)
{
	fprintf(o->file, "  %s%s %s%s", output_color(o, f->severity), severity_names[f->severity], f->id,
		output_plain(o));
	if (f->confidence == CONFIDENCE_INFERRED)
		fputs(" (inferred)", o->file);
	fputs(": ", o->file);
	output_wrapped(o, 4, f->detail);
	for (size_t i = 0; i < f->n_evidence; i++) {
		fputs("    evidence: ", o->file);
		output_wrapped(o, 14, f->evidence[i]);
	}
	fputs("    advice: ", o->file);
	output_wrapped(o, 12, f->advice);
}

/* --- threads --- */

struct group {
	const struct thread_facts *first;
	uint32_t n;
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_group(const struct thread_facts *a, const struct thread_facts *b)
{
	return a->registered == b->registered && a->length == b->length && a->signature == b->signature &&
	       a->mode == b->mode && a->owner.kind == b->owner.kind && a->owner.place == b->owner.place &&
	       a->worker == b->worker && a->exiting == b->exiting &&
	       same_text(a->owner.object, b->owner.object) && same_text(a->owner.symbol, b->owner.symbol);
}

static void table_fields(struct table *t, const struct thread_facts *f, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		table_field(t, &thread_type, field_find(&thread_type, keys[i]), f);
}

static void table_columns(struct table *t, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		table_column(t, field_find(&thread_type, keys[i])->label);
}

static const char *owner_text(const struct thread_facts *f)
{
	if (f->worker)
		return "none (kernel worker)";
	if (f->exiting)
		return "none (exiting)";
	return f->owner.name ? f->owner.name : owner_kind_names[f->owner.kind];
}

static void owner_cells(struct table *t, const struct thread_facts *f)
{
	table_cell(t, owner_text(f));
	table_cell(t, f->owner.place ? owner_place_names[f->owner.place] : "-");
	table_cell(t, f->owner.object ? f->owner.object : "-");
	table_cell(t, f->owner.symbol ? f->owner.symbol : "-");
}

static void owner_columns(struct table *t)
{
	table_column(t, "OWNER");
	table_column(t, "PLACE");
	table_column(t, "OBJECT");
	table_column(t, "SYMBOL");
}

/* Groups are few; a process where every thread differs is shown by --threads. */
enum { GROUPS_MAX = 64 };
static const char *const group_keys[] = { "registered", "length", "signature", "mode" };

static void print_groups(const struct output *o, const struct process_facts *p)
{
	struct group groups[GROUPS_MAX];
	struct table t = { 0 };
	size_t n = 0, more = 0;

	for (size_t i = 0; i < p->n_threads; i++) {
		size_t k = 0;

		while (k < n && !same_group(groups[k].first, &p->threads[i]))
			k++;
		if (k == n && n == GROUPS_MAX) {
			more++;
			continue;
		}
		if (k == n)
			groups[n++] = (struct group){ &p->threads[i], 0 };
		groups[k].n++;
	}
	table_column(&t, "THREADS");
	owner_columns(&t);
	table_columns(&t, group_keys, ARRAY_SIZE(group_keys));
	for (size_t k = 0; k < n; k++) {
		char count[16];

		snprintf(count, sizeof(count), "%u", groups[k].n);
		table_cell(&t, count);
		owner_cells(&t, groups[k].first);
		table_fields(&t, groups[k].first, group_keys, ARRAY_SIZE(group_keys));
	}
	table_print(&t, o, 2);
	if (more)
		fprintf(o->file, "  and %zu threads more, each different: see --threads\n", more);
}

static const char *const row_keys[] = { "length",  "mode",  "area",   "tp_offset", "cpu_id_start",
					"cpu_id",  "rseq_cs", "flags", "node_id", "mm_cid",
					"slice_ctrl", "in_section" };

static void print_threads(const struct output *o, const struct process_facts *p)
{
	static const char *const first[] = { "tid", "comm" };
	struct table t = { 0 };

	table_columns(&t, first, ARRAY_SIZE(first));
	owner_columns(&t);
	table_columns(&t, row_keys, ARRAY_SIZE(row_keys));
	for (size_t i = 0; i < p->n_threads; i++) {
		table_fields(&t, &p->threads[i], first, ARRAY_SIZE(first));
		owner_cells(&t, &p->threads[i]);
		table_fields(&t, &p->threads[i], row_keys, ARRAY_SIZE(row_keys));
	}
	table_print(&t, o, 2);
}

/* --- the rest --- */

static void print_scalars(const struct output *o, const struct record_type *type, const void *record)
{
	for (size_t i = 0; i < type->n; i++) {
		const struct field *f = &type->fields[i];
		char buffer[32];
		size_t n;

		if (f->kind == FIELD_RECORD && f->type != &owner_type)
			print_scalars(o, f->type, field_items(f, record, &n));
		if (!f->label || f->kind == FIELD_RECORD || f->kind == FIELD_LIST)
			continue;
		if (!field_is_known(type, f, record) || !*field_text(type, f, record, buffer))
			continue;
		fprintf(o->file, "  %s%s%s ", type == &libc_type && f->label[0] != '_' ? "libc " : "",
			f->label, ":");
		output_text(o, field_text(type, f, record, buffer));
		fputc('\n', o->file);
	}
}

static bool is_among(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* What an object's symbols say; how the linker made them only for those who ask for more. */
static void print_symbols(const struct output *o, const struct object_facts *object)
{
	static const char *const more[] = { "type", "bind", "binds" };
	struct table t = { 0 };

	for (size_t k = 0; k < object->n_symbols; k++)
		for (size_t c = 0; c < symbol_type.n; c++) {
			const struct field *f = &symbol_type.fields[c];

			if (o->verbosity <= 0 && is_among(f->key, more, ARRAY_SIZE(more)))
				continue;
			if (!k)
				table_column(&t, f->label);
			table_field(&t, &symbol_type, f, &object->symbols[k]);
		}
	table_print(&t, o, 4);
}

static void print_objects(const struct output *o, const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_objects; i++) {
		const struct object_facts *object = &p->objects[i];

		fputs("  ", o->file);
		output_text(o, object->path);
		if (object->name)
			fprintf(o->file, " (%s)", object->name);
		/* The program's own namespace is 0 and needs no mention. */
		if (!(object->has & OBJECT_NAMESPACE))
			fputs(", in no list of the dynamic linker", o->file);
		else if (object->namespace)
			fprintf(o->file, ", link namespace %u", object->namespace);
		if (object->sections_total)
			fprintf(o->file, ", %lu critical section%s", (unsigned long)object->sections_total,
				object->sections_total == 1 ? "" : "s");
		fputc('\n', o->file);
		print_symbols(o, object);
	}
}

static void print_unknown(const struct output *o, const struct unknown *unknown, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fputs("  unknown: ", o->file);
		output_text(o, unknown[i].what);
		fputs(": ", o->file);
		output_text(o, unknown[i].why);
		fputc('\n', o->file);
	}
}

static void heading(const struct output *o, const char *words)
{
	fprintf(o->file, "\n  %s%s%s\n", output_bold(o), words, output_plain(o));
}

void text_process(const struct output *o, const struct process_facts *p, const char *verdict,
		  const struct findings *findings, bool threads)
{
	print_verdict(o, p, verdict, findings_worst(findings, p->pid));
	if (o->verbosity < 0)
		return;
	for (size_t i = 0; i < findings->n; i++)
		if (findings->items[i].subject.pid == p->pid)
			print_finding(o, &findings->items[i]);
	if (p->n_threads) {
		heading(o, "threads");
		(threads ? print_threads : print_groups)(o, p);
	}
	heading(o, "process");
	print_scalars(o, &process_type, p);
	if (p->n_objects) {
		heading(o, "rseq symbols");
		print_objects(o, p);
	}
	if (p->n_unknown) {
		heading(o, "unknown");
		print_unknown(o, p->unknown, p->n_unknown);
	}
	fputc('\n', o->file);
}

void text_note(const struct output *o, const struct process_facts *p, const char *verdict,
	       const struct findings *findings)
{
	const char *between = "info ";

	print_name(o, p);
	for (size_t i = 0; i < findings->n; i++) {
		if (findings->items[i].subject.pid != p->pid)
			continue;
		fprintf(o->file, "%s%s", between, findings->items[i].id);
		between = ", ";
	}
	fputs(": ", o->file);
	output_text(o, verdict);
	fputc('\n', o->file);
}

static void print_host(const struct output *o, const struct host_facts *host)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	strbuf_printf(&line, "kernel %s %s, rseq class %s", host->kernel, host->arch,
		      rseq_class_names[host->rseq_class]);
	if (host->feature_size)
		strbuf_printf(&line, " (feature size %lu, alignment %lu)", (unsigned long)host->feature_size,
			      (unsigned long)host->align);
	output_wrapped(o, 2, strbuf_str(&line));
	print_unknown(o, host->unknown, host->n_unknown);
}

/* ": 2 with errors, 30 with notes, 484 without findings"; what no process has is left out. */
static void add_worst(struct strbuf *line, const struct summary *s)
{
	static const struct {
		enum severity severity;
		const char *words;
	} kinds[] = {
		{ SEVERITY_ERROR, "with errors" },
		{ SEVERITY_WARNING, "with warnings" },
		{ SEVERITY_INFO, "with notes" },
		{ SEVERITY_NONE, "without findings" },
	};
	const char *between = ":";

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t n = s->worst[kinds[i].severity];

		if (!n)
			continue;
		strbuf_printf(line, "%s %u %s", between, n, kinds[i].words);
		between = ",";
	}
}

static void print_counts(const struct output *o, const struct report_totals *t)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	if (t->many) {
		strbuf_printf(&line, "%u process%s", t->summary->processes,
			      t->summary->processes == 1 ? "" : "es");
		add_worst(&line, t->summary);
		strbuf_printf(&line, "; %u vanished, %u unreadable, %u skipped (kernel threads, zombies)",
			      t->vanished, t->unreadable, t->skipped);
	}
	if (t->ignored)
		strbuf_printf(&line, "%s%zu finding%s ignored", line.len ? "; " : "", t->ignored,
			      t->ignored == 1 ? "" : "s");
	if (line.len)
		output_wrapped(o, 2, strbuf_str(&line));
}

void text_end(const struct output *o, const struct report_totals *totals)
{
	if (o->verbosity < 0)
		return;
	print_counts(o, totals);
	print_host(o, totals->host);
}
