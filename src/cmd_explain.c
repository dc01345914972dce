/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "diagnose/diagnose.h"
#include "report/jsonw.h"

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

static void json_rule(struct jsonw *j, const struct rule *r)
{
	jsonw_open(j, NULL, '{');
	jsonw_string(j, "id", r->id);
	jsonw_string(j, "title", r->title);
	jsonw_string(j, "severity", r->levels);
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

static void print_list(const struct output *o)
{
	for (size_t i = 0; i < rules_n; i++)
		fprintf(o->file, "%-24s %s\n", rules[i].id, rules[i].title);
}

static enum status no_such_id(const char *id)
{
	const char **ids = calloc(rules_n, sizeof(*ids)), *near = NULL;

	for (size_t i = 0; ids && i < rules_n; i++)
		ids[i] = rules[i].id;
	if (ids)
		near = common_nearest(id, ids, rules_n);
	fprintf(stderr, "rseqctl explain: no finding '%s'%s%s%s\n", id, near ? ": did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	free(ids);
	return STATUS_USAGE;
}

static enum status run(int argc, char **argv, const struct common_options *common)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "[ID]",
		.doc = "Explain a finding: what it means, and what to do. Without ID, list them all.",
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

const struct cmd cmd_explain = { "explain", "[ID]", "what a finding means, and what to do", run };
