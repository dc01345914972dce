/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/check_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/jsonw.h"
#include "report/junit.h"
#include "report/metrics.h"
#include "report/table.h"
#include "report/tap.h"
#include "util/array.h"
#include "util/strbuf.h"

/* --- JSON --- */

static void write_json(const struct output *o, const struct check_facts *facts, const struct findings *findings,
		       const char *version)
{
	struct jsonw j = { .file = o->file, .first = true };

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "check");
	jsonw_string(&j, "version", version);
	jsonw_record(&j, "host", &host_type, facts->host);
	jsonw_fields(&j, &check_type, facts);
	jsonw_records(&j, "findings", &finding_type, findings->items, findings->n);
	jsonw_close(&j, '}');
}

/* --- TAP and JUnit --- */

/* The rows that differ, a line each. */
static struct strbuf list_bad(const struct check_result *c)
{
	struct strbuf text = { 0 };

	for (size_t i = 0; i < c->n_rows; i++)
		if (c->rows[i].ok == 0)
			strbuf_printf(&text, "%s%s: expected %s, seen %s", text.len ? "\n" : "", c->rows[i].what,
				      c->rows[i].expected, c->rows[i].seen);
	return text;
}

static void write_junit(const struct output *o, const struct check_facts *facts, const struct test_case *cases)
{
	const struct environment_facts *e = &facts->environment;
	const struct junit_property properties[] = {
		{ "kernel", facts->host->kernel },
		{ "arch", facts->host->arch },
		{ "rseq-class", rseq_class_names[facts->host->rseq_class] },
		{ "libc", e->libc ? e->libc : "" },
		{ "inject", facts->inject ? facts->inject : "" },
	};

	junit_write(o, "rseqctl.check", properties, ARRAY_SIZE(properties), cases, facts->n_checks);
}

static void write_tap(const struct output *o, const struct check_facts *facts, const struct test_case *cases)
{
	tap_write(o, cases, facts->n_checks);
	if (facts->interrupted)
		fputs("Bail out! interrupted by a signal\n", o->file);
}

static int write_cases(const struct output *o, const struct check_facts *facts)
{
	struct strbuf *rows = calloc(facts->n_checks + 1, sizeof(*rows));
	struct test_case *cases = calloc(facts->n_checks + 1, sizeof(*cases));

	for (size_t i = 0; rows && cases && i < facts->n_checks; i++) {
		const struct check_result *c = &facts->checks[i];

		rows[i] = list_bad(c);
		cases[i] = (struct test_case){ c->id, c->title, c->verdict, c->detail, c->duration_ns,
					       rows[i].len ? strbuf_str(&rows[i]) : NULL };
	}
	if (rows && cases && o->format == FORMAT_TAP)
		write_tap(o, facts, cases);
	else if (rows && cases)
		write_junit(o, facts, cases);
	for (size_t i = 0; rows && i < facts->n_checks; i++)
		strbuf_done(&rows[i]);
	free(cases);
	free(rows);
	return rows && cases ? 0 : -ENOMEM;
}

/* --- OpenMetrics --- */

static void write_host_metrics(const struct output *o, const struct check_facts *facts, const char *version)
{
	const struct metrics_label labels[] = {
		{ "version", version },
		{ "kernel", facts->host->kernel },
		{ "arch", facts->host->arch },
		{ "rseq_class", rseq_class_names[facts->host->rseq_class] },
		{ "libc", facts->environment.libc },
		{ "inject", facts->inject },
	};

	metrics_family(o, "rseqctl_check_info", "what was checked; always 1");
	metrics_sample(o, "rseqctl_check_info", labels, ARRAY_SIZE(labels), 1);
}

static void write_count_metrics(const struct output *o, const struct check_facts *facts)
{
	for (size_t i = 0; i < check_type.n; i++) {
		const struct field *f = &check_type.fields[i];
		char name[64];

		if (f->kind != FIELD_U32)
			continue;
		snprintf(name, sizeof(name), "rseqctl_check_%s", f->key);
		metrics_family(o, name, f->label);
		metrics_sample(o, name, NULL, 0, *(const uint32_t *)((const char *)facts + f->offset));
	}
}

static void write_each_metrics(const struct output *o, const struct check_facts *facts)
{
	metrics_family(o, "rseqctl_check_verdict", "how a check ended, by the label verdict; always 1");
	for (size_t i = 0; i < facts->n_checks; i++) {
		const struct check_result *c = &facts->checks[i];
		const struct metrics_label labels[] = { { "check", c->id }, { "verdict", verdict_names[c->verdict] } };

		metrics_sample(o, "rseqctl_check_verdict", labels, ARRAY_SIZE(labels), 1);
	}
	metrics_family(o, "rseqctl_check_duration_seconds", "how long a check took");
	for (size_t i = 0; i < facts->n_checks; i++) {
		const struct metrics_label label = { "check", facts->checks[i].id };

		metrics_sample(o, "rseqctl_check_duration_seconds", &label, 1, (double)facts->checks[i].duration_ns / 1e9);
	}
}

static void write_finding_metrics(const struct output *o, const struct findings *findings)
{
	if (findings->n)
		metrics_family(o, "rseqctl_check_finding", "what follows for this machine, by the labels id and severity; always 1");
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *f = &findings->items[i];
		const struct metrics_label labels[] = { { "id", f->id }, { "severity", severity_names[f->severity] } };

		metrics_sample(o, "rseqctl_check_finding", labels, ARRAY_SIZE(labels), 1);
	}
}

static void write_metrics(const struct output *o, const struct check_facts *facts, const struct findings *findings,
			  const char *version)
{
	write_host_metrics(o, facts, version);
	write_count_metrics(o, facts);
	write_each_metrics(o, facts);
	write_finding_metrics(o, findings);
	metrics_end(o);
}

/* --- text --- */

enum { VERDICT_COLUMNS = 9, ID_COLUMNS = 24, DETAIL_INDENT = 6 };

static enum severity severity_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_FAIL:
		return SEVERITY_ERROR;
	case VERDICT_UNKNOWN:
		return SEVERITY_WARNING;
	case VERDICT_SKIP:
		return SEVERITY_INFO;
	default:
		return SEVERITY_NONE;
	}
}

static void write_names(const struct output *o, const struct check_facts *facts, enum verdict verdict)
{
	const char *before = " (";

	for (size_t i = 0; i < facts->n_checks; i++)
		if (facts->checks[i].verdict == verdict) {
			fprintf(o->file, "%s%s", before, facts->checks[i].id);
			before = ", ";
		}
	fputc(')', o->file);
}

/* How many failed because of that one, from this one on; 0 where they were counted before. */
static size_t count_because(const struct check_facts *facts, size_t from)
{
	const char *id = facts->checks[from].because;
	size_t n = 0;

	for (size_t i = 0; id && i < facts->n_checks; i++) {
		if (!facts->checks[i].because || strcmp(facts->checks[i].because, id) != 0)
			continue;
		if (i < from)
			return 0;
		n++;
	}
	return n;
}

static bool has_failed_itself(const struct check_result *c)
{
	return c->verdict == VERDICT_FAIL && !c->because;
}

static void write_failed(const struct output *o, const struct check_facts *facts)
{
	const char *before = " (";

	fprintf(o->file, "%u failed", facts->failed);
	for (size_t i = 0; i < facts->n_checks; i++)
		if (has_failed_itself(&facts->checks[i])) {
			fprintf(o->file, "%s%s", before, facts->checks[i].id);
			before = ", ";
		}
	for (size_t i = 0; i < facts->n_checks; i++) {
		size_t n = count_because(facts, i);

		if (n) {
			fprintf(o->file, "%s%zu because of %s", before, n, facts->checks[i].because);
			before = ", ";
		}
	}
	fputs("), ", o->file);
}

/* The line that answers. */
static void write_answer(const struct output *o, const struct check_facts *facts)
{
	enum verdict verdict = facts->failed ? VERDICT_FAIL :
		facts->passed && !facts->interrupted ? VERDICT_PASS : VERDICT_UNKNOWN;

	fprintf(o->file, "%s%s%s: %skernel %s %s", output_color(o, severity_of(verdict)), verdict_names[verdict],
		output_plain(o), facts->interrupted ? "interrupted: " : "", facts->host->kernel, facts->host->arch);
	if (facts->inject)
		fprintf(o->file, ", %s injected", facts->inject);
	fputs(": ", o->file);
	if (facts->failed)
		write_failed(o, facts);
	fprintf(o->file, "%u of %zu checks passed", facts->passed, facts->n_checks);
	if (facts->skipped)
		fprintf(o->file, ", %u skipped", facts->skipped);
	if (facts->unknown) {
		fprintf(o->file, ", %u unknown", facts->unknown);
		write_names(o, facts, VERDICT_UNKNOWN);
	}
	fputc('\n', o->file);
}

static void write_rows(const struct output *o, const struct check_result *c, bool all)
{
	struct table table = { 0 };

	for (size_t i = 0; i < check_row_type.n; i++)
		table_column(&table, check_row_type.fields[i].label);
	for (size_t k = 0; k < c->n_rows; k++)
		for (size_t i = 0; (all || c->rows[k].ok == 0) && i < check_row_type.n; i++)
			table_field(&table, &check_row_type, &check_row_type.fields[i], &c->rows[k]);
	table_print(&table, o, DETAIL_INDENT);
}

static void write_line(const struct output *o, const char *label, const char *text)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	if (!text)
		return;
	strbuf_printf(&line, "%s%s%s", label, label[0] ? ": " : "", text);
	fprintf(o->file, "%*s", DETAIL_INDENT, "");
	output_wrapped(o, DETAIL_INDENT, strbuf_str(&line));
}

static void write_check(const struct output *o, const struct check_result *c)
{
	const char *color = output_color(o, severity_of(c->verdict));
	bool itself = has_failed_itself(c);

	fprintf(o->file, "  %s%-*s%s%-*s", color, VERDICT_COLUMNS, verdict_names[c->verdict], output_plain(o), ID_COLUMNS,
		c->id);
	/* Why it was not asked says more than what. */
	if (c->detail && !itself && c->verdict != VERDICT_PASS) {
		output_wrapped(o, 2 + VERDICT_COLUMNS + ID_COLUMNS, c->detail);
	} else {
		output_wrapped(o, 2 + VERDICT_COLUMNS + ID_COLUMNS, c->title);
		if (itself || o->verbosity > 0)
			write_line(o, "", c->detail);
	}
	if (itself || o->verbosity > 0)
		write_rows(o, c, o->verbosity > 0);
	write_line(o, "means", c->meaning);
	write_line(o, "to do", c->fix);
}

static void write_finding(const struct output *o, const struct finding *f)
{
	fprintf(o->file, "\n  %s%s%s %s: ", output_color(o, (enum severity)f->severity), severity_names[f->severity],
		output_plain(o), f->id);
	output_wrapped(o, DETAIL_INDENT, f->title);
	write_line(o, "", f->detail);
	write_line(o, "advice", f->advice);
}

static void write_environment(const struct output *o, const struct check_facts *facts)
{
	const struct host_facts *h = facts->host;

	fprintf(o->file, "\n  class: %s", rseq_class_names[h->rseq_class]);
	if (facts->environment.libc)
		fprintf(o->file, ", libc: %s", facts->environment.libc);
	fputc('\n', o->file);
	for (size_t i = 0; i < h->n_unknown; i++)
		fprintf(o->file, "  unknown: %s: %s\n", h->unknown[i].what, h->unknown[i].why);
}

/* In few words, what failed because of another one stands in the first line alone. */
static bool is_shown(const struct output *o, const struct check_facts *facts, const struct check_result *c)
{
	if (o->verbosity >= 0 || has_failed_itself(c))
		return true;
	for (size_t i = 0; i < facts->n_checks; i++)
		if (has_failed_itself(&facts->checks[i]))
			return false;
	return c->verdict == VERDICT_FAIL;
}

static void write_text(const struct output *o, const struct check_facts *facts, const struct findings *findings)
{
	write_answer(o, facts);
	for (size_t i = 0; i < facts->n_checks; i++)
		if (is_shown(o, facts, &facts->checks[i]))
			write_check(o, &facts->checks[i]);
	if (o->verbosity < 0)
		return;
	for (size_t i = 0; i < findings->n; i++)
		write_finding(o, &findings->items[i]);
	write_environment(o, facts);
}

int check_report(const struct output *o, const struct check_facts *facts, const struct findings *findings,
		 const char *version)
{
	switch (o->format) {
	case FORMAT_JSON:
		write_json(o, facts, findings, version);
		return 0;
	case FORMAT_TAP:
	case FORMAT_JUNIT:
		return write_cases(o, facts);
	case FORMAT_OPENMETRICS:
		write_metrics(o, facts, findings, version);
		return 0;
	default:
		write_text(o, facts, findings);
		return 0;
	}
}
