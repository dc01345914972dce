/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_checks.h"
#include "diagnose/diagnose.h"
#include "model/check_story.h"
#include "report/jsonw.h"
#include "util/array.h"
#include "util/strbuf.h"

struct explain_options {
	struct common_options common;
	const char *id;
};

/* What is explained: a finding, the checks that a word means, or all. */
struct topic {
	const char *word; /* NULL: all */
	const struct rule *rule;
	const struct check_list *checks;
};

static bool has_check(const struct topic *t, size_t i)
{
	return !t->word || check_list_means(t->checks, t->word, i);
}

/* How many checks it means; one of them is the last. */
static size_t count_checks(const struct topic *t, const struct probe **ret_last)
{
	size_t n = 0;

	for (size_t i = 0; i < t->checks->n; i++)
		if (has_check(t, i)) {
			*ret_last = &t->checks->items[i].probe;
			n++;
		}
	return n;
}

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

static void json_check(struct jsonw *j, const struct probe *p)
{
	const struct check_story *s = check_story_find(p->id);

	jsonw_open(j, NULL, '{');
	jsonw_string(j, "id", p->id);
	jsonw_string(j, "title", p->title);
	jsonw_string(j, "asked", s ? s->asked : NULL);
	jsonw_string(j, "meaning", s ? s->failure : NULL);
	jsonw_string(j, "fix", s ? s->fix : NULL);
	jsonw_string(j, "since", s ? s->since : NULL);
	jsonw_close(j, '}');
}

static void print_json(FILE *file, const struct topic *t)
{
	struct jsonw j = { .file = file, .first = true };

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "explain");
	jsonw_string(&j, "version", RSEQCTL_VERSION);
	jsonw_open(&j, "findings", '[');
	for (size_t i = 0; i < rules_n; i++)
		if (!t->word || t->rule == &rules[i])
			json_rule(&j, &rules[i]);
	jsonw_close(&j, ']');
	jsonw_open(&j, "checks", '[');
	for (size_t i = 0; i < t->checks->n; i++)
		if (has_check(t, i))
			json_check(&j, &t->checks->items[i].probe);
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

static void print_story(const struct output *o, const struct check_story *s)
{
	fprintf(o->file, "check: %s?\nsince: %s\n\na failure means: %s\nto do: %s\n", s->asked, s->since, s->failure, s->fix);
}

static void print_check(const struct output *o, const struct probe *p)
{
	const struct check_story *s = check_story_find(p->id);

	fprintf(o->file, "%s%s%s: %s\n", output_bold(o), p->id, output_plain(o), p->title);
	if (o->verbosity >= 0 && s)
		print_story(o, s);
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

static void print_checks(const struct output *o, const struct topic *t)
{
	for (size_t i = 0; i < t->checks->n; i++)
		if (has_check(t, i)) {
			fprintf(o->file, "  %-*s", ID_COLUMNS, t->checks->items[i].probe.id);
			output_wrapped(o, 2 + ID_COLUMNS, t->checks->items[i].probe.title);
		}
}

/* Either they have one story, or each has its own. */
static void print_group(const struct output *o, const struct topic *t, size_t n)
{
	const struct check_story *s = check_story_find(t->word);

	fprintf(o->file, "%s%s%s: %zu checks (rseqctl check --only %s)\n", output_bold(o), t->word, output_plain(o), n, t->word);
	if (o->verbosity < 0)
		return;
	print_checks(o, t);
	fputc('\n', o->file);
	if (s)
		print_story(o, s);
	else
		fputs("rseqctl explain ID tells the story of each\n", o->file);
}

/* Quietly findings alone: the names of checks are those of check --list. */
static void print_list(const struct output *o, const struct topic *t)
{
	if (o->verbosity < 0)
		for (size_t i = 0; i < rules_n; i++)
			fprintf(o->file, "%s\n", rules[i].id);
	for (size_t i = 0; o->verbosity >= 0 && i < ARRAY_SIZE(tables); i++)
		print_table(o, (enum rule_table)i);
	if (o->verbosity < 0)
		return;
	fprintf(o->file, "\n%sChecks%s\n", output_bold(o), output_plain(o));
	print_checks(o, t);
}

static enum status no_such_id(const char *id, struct check_list *checks)
{
	const char *near = common_nearest_finding(id);

	if (!near)
		near = check_list_nearest(checks, id);
	fprintf(stderr, "rseqctl explain: no finding or check '%s'%s%s%s\n", id, near ? ": did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	return STATUS_USAGE;
}

static void print_topic(const struct output *o, const struct topic *t)
{
	const struct probe *check = NULL;
	size_t n = count_checks(t, &check);

	if (o->format == FORMAT_JSON)
		print_json(o->file, t);
	else if (!t->word)
		print_list(o, t);
	else if (t->rule)
		print_rule(o, t->rule);
	else if (n == 1)
		print_check(o, check);
	else
		print_group(o, t, n);
}

static enum status explain(const struct explain_options *options, struct check_list *checks)
{
	struct topic topic = { .word = options->id, .checks = checks };
	const struct probe *check;
	struct output output;
	enum status status;

	topic.rule = options->id ? rule_find(options->id) : NULL;
	if (!topic.rule && !count_checks(&topic, &check))
		return no_such_id(options->id, checks);
	status = common_open(&options->common, &output);
	if (status)
		return status;
	print_topic(&output, &topic);
	return common_close(&output, STATUS_OK);
}

static enum status run(int argc, char **argv, const struct common_options *common)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "[ID]",
		.doc = "Explain a finding, a check, or the checks that begin with a word (abort, stress): what it means, and "
		       "what to do. Without ID, list them all; with -q only the names of findings.",
		.children = children,
	};
	struct explain_options options = { .common = *common };
	enum status status = STATUS_INTERNAL;
	struct check_list checks;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (check_list_make(&checks) < 0)
		fputs("rseqctl explain: no memory\n", stderr);
	else
		status = explain(&options, &checks);
	check_list_done(&checks);
	return status;
}

const struct cmd cmd_explain = { "explain", "[ID]", "what a finding or check means, and what to do", run, 0 };
