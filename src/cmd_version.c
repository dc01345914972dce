/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd.h"
#include "report/jsonw.h"
#include "util/array.h"

#ifndef HAVE_BPF
#define HAVE_BPF 0
#endif
#ifndef HAVE_STATIC
#define HAVE_STATIC 0
#endif

static const struct {
	const char *name;
	bool built_in;
} features[] = {
	{ "bpf", HAVE_BPF },
	{ "static", HAVE_STATIC },
#ifdef __SANITIZE_ADDRESS__
	{ "sanitizers", true },
#else
	{ "sanitizers", false },
#endif
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		argp_error(state, "too many arguments");
	return ARGP_ERR_UNKNOWN;
}

static void print_json(FILE *file)
{
	struct jsonw j = { .file = file, .first = true };

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "version");
	jsonw_string(&j, "version", RSEQCTL_VERSION);
	jsonw_open(&j, "features", '{');
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		jsonw_bool(&j, features[i].name, features[i].built_in);
	jsonw_close(&j, '}');
	jsonw_close(&j, '}');
}

static void print_text(const struct output *o)
{
	fprintf(o->file, "rseqctl %s\n", RSEQCTL_VERSION);
	for (size_t i = 0; o->verbosity >= 0 && i < ARRAY_SIZE(features); i++)
		fprintf(o->file, "%s: %s\n", features[i].name, features[i].built_in ? "yes" : "no");
}

static enum status run(int argc, char **argv, const struct common_options *given)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.parser = parse,
		.doc = "Show the version and what was built in.",
		.children = children,
	};
	struct common_options common = *given;
	struct output output;
	enum status status;

	argp_parse(&argp, argc, argv, 0, NULL, &common);
	status = common_open(&common, &output);
	if (status)
		return status;
	if (output.format == FORMAT_JSON)
		print_json(output.file);
	else
		print_text(&output);
	return common_close(&output, STATUS_OK);
}

const struct cmd cmd_version = { "version", "", "version, and what was built in", run, 0 };
