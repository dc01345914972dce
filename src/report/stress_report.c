/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/stress_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/jsonw.h"
#include "report/junit.h"
#include "report/table.h"
#include "report/tap.h"
#include "util/array.h"
#include "util/strbuf.h"

static const struct invariant_facts *first_broken(const struct stress_result *r)
{
	for (size_t i = 0; i < r->n_invariants; i++)
		if (r->invariants[i].ok == 0)
			return &r->invariants[i];
	return NULL;
}

/* --- JSON --- */

static void write_json(const struct output *o, const struct stress_facts *facts, const char *version)
{
	struct jsonw j = { .file = o->file, .first = true };

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "stress");
	jsonw_string(&j, "version", version);
	jsonw_record(&j, "host", &host_type, facts->host);
	jsonw_fields(&j, &stress_type, facts);
	jsonw_close(&j, '}');
}

/* --- TAP and JUnit --- */

static struct strbuf describe(const struct stress_result *r)
{
	const struct invariant_facts *broken = first_broken(r);
	struct strbuf text = { 0 };

	if (broken)
		strbuf_printf(&text, "%s: %s", broken->title, broken->detail ? broken->detail : "");
	else if (r->why)
		strbuf_puts(&text, r->why);
	return text;
}

static struct test_case *make_cases(const struct stress_facts *facts, struct strbuf *details)
{
	struct test_case *cases = calloc(facts->n_results + facts->n_failures + 1, sizeof(*cases));

	for (size_t i = 0; cases && i < facts->n_results; i++) {
		const struct stress_result *r = &facts->results[i];

		details[i] = describe(r);
		cases[i] = (struct test_case){ r->workload, "no invariant is broken", r->verdict,
					       strbuf_str(&details[i]), r->duration_ns, NULL };
	}
	/* What could not be run proves nothing. */
	for (size_t i = 0; cases && i < facts->n_failures; i++)
		cases[facts->n_results + i] = (struct test_case){ facts->failure[i].what, "it can be run here",
								  VERDICT_INCONCLUSIVE, facts->failure[i].why, 0, NULL };
	return cases;
}

static void write_junit(const struct output *o, const struct stress_facts *facts, const struct test_case *cases)
{
	char seed[24], threads[12];
	const struct junit_property properties[] = {
		{ "kernel", facts->host->kernel }, { "arch", facts->host->arch }, { "seed", seed }, { "threads", threads },
		{ "registered-by", facts->environment.owner ? facts->environment.owner : "" },
	};

	snprintf(seed, sizeof(seed), "%" PRIu64, facts->seed);
	snprintf(threads, sizeof(threads), "%" PRIu32, facts->threads);
	junit_write(o, "rseqctl.stress", properties, ARRAY_SIZE(properties), cases, facts->n_results + facts->n_failures);
}

static int write_cases(const struct output *o, const struct stress_facts *facts)
{
	struct strbuf *details = calloc(facts->n_results + 1, sizeof(*details));
	struct test_case *cases = details ? make_cases(facts, details) : NULL;

	if (cases && o->format == FORMAT_TAP)
		tap_write(o, cases, facts->n_results + facts->n_failures);
	else if (cases)
		write_junit(o, facts, cases);
	for (size_t i = 0; details && i < facts->n_results; i++)
		strbuf_done(&details[i]);
	free(details);
	free(cases);
	return cases ? 0 : -ENOMEM;
}

/* --- text --- */

static enum severity severity_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_FAIL:
		return SEVERITY_ERROR;
	case VERDICT_INCONCLUSIVE:
		return SEVERITY_WARNING;
	default:
		return SEVERITY_NONE;
	}
}

static void write_count(const struct output *o, uint64_t n, const char *one)
{
	fprintf(o->file, "%" PRIu64 " %s%s", n, one, n == 1 ? "" : "s");
}

static void write_answer(const struct output *o, const struct stress_facts *facts)
{
	size_t counts[VERDICT_NOT_APPLICABLE + 1] = { 0 };
	uint64_t operations = 0, aborts = 0;

	for (size_t i = 0; i < facts->n_results; i++) {
		counts[facts->results[i].verdict]++;
		operations += facts->results[i].operations;
		aborts += facts->results[i].aborts;
	}
	fprintf(o->file, "%s%s%s: ", output_color(o, severity_of(facts->verdict)), verdict_names[facts->verdict],
		output_plain(o));
	write_count(o, facts->threads, "thread");
	fputs(" on ", o->file);
	write_count(o, facts->environment.cpus_used, "CPU");
	fprintf(o->file, ", seed %" PRIu64 "%s%s%s: ", facts->seed, facts->inject ? ", " : "",
		facts->inject ? facts->inject : "", facts->inject ? " injected" : "");
	write_count(o, operations, "operation");
	fputs(" and ", o->file);
	write_count(o, aborts, "abort");
	fputs(" in ", o->file);
	write_count(o, facts->n_results - counts[VERDICT_NOT_APPLICABLE], "workload");
	for (int v = VERDICT_FAIL; v <= VERDICT_NOT_APPLICABLE; v++)
		if (counts[v])
			fprintf(o->file, ", %zu %s", counts[v], v == VERDICT_FAIL ? "failed" : verdict_names[v]);
	fputc('\n', o->file);
}

/* "  broken: counter: words that go on below". */
static void write_words(const struct output *o, const char *color, const char *what, const char *workload, const char *words)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	strbuf_printf(&line, "%s: %s", workload, words ? words : "");
	fprintf(o->file, "  %s%s%s: ", color, what, output_plain(o));
	output_wrapped_behind(o, 4, strlen(what) + 4, strbuf_str(&line));
}

/* What is broken or missing, and how to see it again. */
static void write_complaint(const struct output *o, const struct stress_facts *facts, const struct stress_result *r)
{
	const char *color = output_color(o, severity_of(r->verdict));

	if (r->verdict == VERDICT_PASS)
		return;
	if (r->verdict != VERDICT_FAIL) {
		write_words(o, color, verdict_names[r->verdict], r->workload, r->why);
		return;
	}
	for (size_t i = 0; i < r->n_invariants; i++) {
		const struct invariant_facts *f = &r->invariants[i];
		_cleanup_strbuf_ struct strbuf line = { 0 };

		if (f->ok != 0)
			continue;
		strbuf_printf(&line, "%s: %s", f->title, f->detail ? f->detail : "");
		write_words(o, color, "broken", r->workload, strbuf_str(&line));
	}
	fprintf(o->file, "    again: rseqctl stress --workload %s --threads %" PRIu32 " --seed %" PRIu64 "%s%s --disturb ",
		r->workload, facts->threads, facts->seed, facts->inject ? " --inject " : "", facts->inject ? facts->inject : "");
	for (size_t i = 0; i < r->n_disturb; i++)
		fprintf(o->file, "%s%s", i ? "," : "", r->disturb[i]);
	for (size_t i = 0; i < r->n_index; i++)
		fprintf(o->file, "%s%s", i ? "," : " --index ", r->index[i]);
	if (facts->cpus)
		fprintf(o->file, " --cpus %s", facts->cpus);
	fprintf(o->file, " --owner %s", facts->environment.owner);
	if (!strcmp(facts->environment.owner, "self"))
		fprintf(o->file, " --length %" PRIu32, facts->environment.length);
	fputc('\n', o->file);
}

static void write_table(const struct output *o, const struct record_type *type, const void *records, size_t n)
{
	struct table table = { 0 };

	for (size_t i = 0; i < type->n; i++)
		if (type->fields[i].label)
			table_column(&table, type->fields[i].label);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < type->n; i++)
			if (type->fields[i].label)
				table_field(&table, type, &type->fields[i], (const char *)records + k * type->size);
	if (n)
		fputc('\n', o->file);
	table_print(&table, o, 2);
}

static void write_invariants(const struct output *o, const struct stress_result *r)
{
	if (!r->n_invariants)
		return;
	fprintf(o->file, "\n  %s%s%s\n", output_bold(o), r->workload, output_plain(o));
	for (size_t i = 0; i < r->n_invariants; i++) {
		const struct invariant_facts *f = &r->invariants[i];

		fprintf(o->file, "    %-8s %s%s%s%s\n", f->ok < 0 ? "untried" : f->ok ? "holds" : "broken", f->title,
			f->detail ? " (" : "", f->detail ? f->detail : "", f->detail ? ")" : "");
	}
}

static void write_environment(const struct output *o, const struct stress_facts *facts)
{
	const struct environment_facts *e = &facts->environment;
	char buffer[32];

	fprintf(o->file, "\n  kernel: %s %s\n", facts->host->kernel, facts->host->arch);
	for (size_t i = 0; i < environment_type.n; i++) {
		const struct field *f = &environment_type.fields[i];

		if (!f->label || !field_is_known(&environment_type, f, e))
			continue;
		fprintf(o->file, "  %s: ", f->label);
		output_text(o, field_text(&environment_type, f, e, buffer));
		fputc('\n', o->file);
	}
}

static bool is_unknown(const struct stress_result *r, const struct unknown *u)
{
	for (size_t i = 0; i < r->n_unknown; i++)
		if (!strcmp(r->unknown[i].what, u->what) && !strcmp(r->unknown[i].why, u->why))
			return true;
	return false;
}

static void write_unknown(const struct output *o, const struct stress_facts *facts)
{
	for (size_t k = 0; k < facts->n_results; k++) {
		const struct stress_result *r = &facts->results[k];

		/* Mostly the same for all of them. */
		for (size_t i = 0; i < r->n_unknown; i++)
			if (!k || !is_unknown(&facts->results[k - 1], &r->unknown[i]))
				fprintf(o->file, "  unknown: %s: %s\n", r->unknown[i].what, r->unknown[i].why);
	}
}

static void write_text(const struct output *o, const struct stress_facts *facts)
{
	if (facts->n_results)
		write_answer(o, facts);
	if (!facts->n_results && !facts->n_compare)
		return; /* why was said */
	if (o->verbosity < 0 && facts->n_results)
		return;
	for (size_t i = 0; i < facts->n_results; i++)
		write_complaint(o, facts, &facts->results[i]);
	write_table(o, &stress_result_type, facts->results, facts->n_results);
	write_table(o, &compare_type, facts->compare, facts->n_compare);
	for (size_t i = 0; o->verbosity > 0 && i < facts->n_results; i++)
		write_invariants(o, &facts->results[i]);
	write_environment(o, facts);
	write_unknown(o, facts);
}

int stress_report(const struct output *o, const struct stress_facts *facts, const char *version)
{
	switch (o->format) {
	case FORMAT_JSON:
		write_json(o, facts, version);
		return 0;
	case FORMAT_TAP:
	case FORMAT_JUNIT:
		return write_cases(o, facts);
	default:
		write_text(o, facts);
		return 0;
	}
}
