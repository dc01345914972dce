/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "diagnose/diagnose.h"
#include "report/jsonw.h"
#include "util/array.h"
#include "util/strbuf.h"

struct explain_options {
	struct common_options common;
	const char *id;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct explain_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->common;
		return 0;
	case ARGP_KEY_ARG:
		if (o->id)
			argp_error(state, "one ID at a time");
		o->id = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct {
	const char *key, *heading;
} tables[] = {
	[RULES_PROCESS] = { "process", "Ownership and conflicts in a process" },
	[RULES_KERNEL] = { "kernel", "Kernel" },
	[RULES_ELF] = { "elf", "ELF files" },
};

/* The severities that a finding can have, the worst first: those that the words about it name. */
static size_t severities_of(const struct rule *r, const char *ret[SEVERITY_ERROR])
{
	size_t n = 0;

	for (int s = SEVERITY_ERROR; s > SEVERITY_NONE; s--)
		if (strstr(r->levels, severity_names[s]))
			ret[n++] = severity_names[s];
	return n;
}

static void json_rule(struct jsonw *j, const struct rule *r)
{
	const char *severities[SEVERITY_ERROR];
	size_t n = severities_of(r, severities);

	jsonw_open(j, NULL, '{');
	jsonw_string(j, "id", r->id);
	jsonw_string(j, "table", tables[r->table].key);
	jsonw_string(j, "title", r->title);
	jsonw_string(j, "severity", r->levels);
	jsonw_open(j, "severities", '[');
	for (size_t i = 0; i < n; i++)
		jsonw_string(j, NULL, severities[i]);
	jsonw_close(j, ']');
	jsonw_string(j, "story", r->story);
	jsonw_string(j, "advice", r->advice);
	jsonw_close(j, '}');
}

static void print_json(FILE *file, const struct rule *only)
{
	struct jsonw j = { .file = file, .first = true };

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "explain");
	jsonw_string(&j, "version", RSEQCTL_VERSION);
	jsonw_open(&j, "findings", '[');
	for (size_t i = 0; i < rules_n; i++)
		if (!only || only == &rules[i])
			json_rule(&j, &rules[i]);
	jsonw_close(&j, ']');
	jsonw_close(&j, '}');
}

static void print_rule(const struct output *o, const struct rule *r)
{
	fprintf(o->file, "%s%s%s: %s\n", output_bold(o), r->id, output_plain(o), r->title);
	if (o->verbosity < 0)
		return;
	fprintf(o->file, "severity: %s\n\n%s\nadvice: %s\n", r->levels, r->story, r->advice);
}

enum { ID_COLUMNS = 26, SEVERITY_COLUMNS = 16 };

static void print_row(const struct output *o, const struct rule *r)
{
	_cleanup_strbuf_ struct strbuf words = { 0 };
	const char *severities[SEVERITY_ERROR];
	size_t n = severities_of(r, severities);

	for (size_t i = 0; i < n; i++)
		strbuf_printf(&words, "%s%s", i ? ", " : "", severities[i]);
	fprintf(o->file, "  %-*s%-*s", ID_COLUMNS, r->id, SEVERITY_COLUMNS, strbuf_str(&words));
	output_wrapped(o, 2 + ID_COLUMNS + SEVERITY_COLUMNS, r->title);
}

static void print_table(const struct output *o, enum rule_table table)
{
	bool any = false;

	for (size_t i = 0; i < rules_n; i++) {
		if (rules[i].table != table)
			continue;
		if (!any)
			fprintf(o->file, "%s%s%s%s\n", table ? "\n" : "", output_bold(o),
				tables[table].heading, output_plain(o));
		any = true;
		print_row(o, &rules[i]);
	}
}

static void print_list(const struct output *o)
{
	if (o->verbosity < 0)
		for (size_t i = 0; i < rules_n; i++)
			fprintf(o->file, "%s\n", rules[i].id);
	else
		for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
			print_table(o, (enum rule_table)i);
}

static enum status no_such_id(const char *id)
{
	const char *near = common_nearest_finding(id);

	fprintf(stderr, "rseqctl explain: no finding '%s'%s%s%s\n", id, near ? ": did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	return STATUS_USAGE;
}

static enum status run(int argc, char **argv, const struct common_options *common)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "[ID]",
		.doc = "Explain a finding: what it means, and what to do. Without ID, list them all; with -q only their names.",
		.children = children,
	};
	struct explain_options options = { .common = *common };
	const struct rule *rule = NULL;
	struct output output;
	enum status status;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (options.id) {
		rule = rule_find(options.id);
		if (!rule)
			return no_such_id(options.id);
	}
	status = common_open(&options.common, &output);
	if (status)
		return status;
	if (output.format == FORMAT_JSON)
		print_json(output.file, rule);
	else if (rule)
		print_rule(&output, rule);
	else
		print_list(&output);
	return common_close(&output, STATUS_OK);
}

const struct cmd cmd_explain = { "explain", "[ID]", "what a finding means, and what to do", run, 0 };
