/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/audit.h"

#include <errno.h>

#include "report/table.h"
#include "report/text.h"

/* Text that waits until the summary is there. */
struct waiting {
	struct output output;
	char *data;
	size_t len;
};

struct audit {
	const struct output *output;
	struct waiting full, brief;
};

static bool wait_open(struct waiting *w, const struct output *o)
{
	w->output = *o;
	w->output.file = open_memstream(&w->data, &w->len);
	return w->output.file != NULL;
}

static void wait_close(struct waiting *w)
{
	if (w->output.file)
		fclose(w->output.file);
	free(w->data);
}

struct audit *audit_new(const struct output *output)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->output = output;
	if (wait_open(&a->full, output) && wait_open(&a->brief, output))
		return a;
	audit_free(a);
	return NULL;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	wait_close(&a->full);
	wait_close(&a->brief);
	free(a);
}

void audit_process(struct audit *a, const struct process_facts *p, const char *verdict,
		   const struct findings *findings, bool threads)
{
	enum severity worst = findings_worst(findings, p->pid);

	if (worst >= SEVERITY_WARNING || a->output->verbosity > 0)
		text_process(&a->full.output, p, verdict, findings, threads);
	else if (worst == SEVERITY_INFO)
		text_note(&a->brief.output, p, verdict, findings);
}

static void print_table(const struct output *o, const struct record_type *type, const void *items, size_t n)
{
	struct table t = { 0 };

	for (size_t c = 0; c < type->n; c++)
		table_column(&t, type->fields[c].label);
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < type->n; c++)
			table_field(&t, type, &type->fields[c], (const char *)items + i * type->size);
	table_print(&t, o, 2);
}

static void print_summary(const struct output *o, const struct summary *s)
{
	for (size_t i = 0; i < summary_type.n; i++) {
		const struct field *f = &summary_type.fields[i];
		size_t n;
		const void *items = field_items(f, s, &n);

		if (!n)
			continue;
		fputc('\n', o->file);
		print_table(o, f->type, items, n);
	}
}

/* What was written into memory is there only after a flush. */
static bool wait_end(struct waiting *w)
{
	return fflush(w->output.file) == 0 && !ferror(w->output.file);
}

int audit_end(struct audit *a, const struct report_totals *totals)
{
	bool whole = wait_end(&a->full) && wait_end(&a->brief);

	text_end(a->output, totals);
	print_summary(a->output, totals->summary);
	if (a->full.len || a->brief.len)
		fputc('\n', a->output->file);
	if (a->full.len)
		fwrite(a->full.data, 1, a->full.len, a->output->file);
	if (a->brief.len)
		fwrite(a->brief.data, 1, a->brief.len, a->output->file);
	return whole ? 0 : -ENOMEM;
}
