/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd.h"
#include "diagnose/diagnose.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/strbuf.h"
#include "util/whole_file.h"

enum { KEY_FORMAT = 0x100, KEY_JSON, KEY_OUTPUT, KEY_COLOR };

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Common options:", 90 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "text (default) or what else the command has", 90 },
	{ "json", KEY_JSON, NULL, 0, "The same as --format json", 90 },
	{ "output", KEY_OUTPUT, "FILE", 0, "Write to FILE instead of standard output", 90 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default), always or never; NO_COLOR is obeyed", 90 },
	{ "verbose", 'v', NULL, 0, "Say more, also what libbpf says", 90 },
	{ "quiet", 'q', NULL, 0, "Only the first line of each answer", 90 },
	{ 0 },
};

static void set_format(struct common_options *o, const char *arg, struct argp_state *state)
{
	for (unsigned int i = 0; format_names[i]; i++)
		if (!strcmp(arg, format_names[i])) {
			o->format = (enum format)i;
			return;
		}
	argp_error(state, "there is no format '%s'", arg);
}

static unsigned int formats_of(const struct common_options *o)
{
	return o->formats ? o->formats : 1u << FORMAT_TEXT | 1u << FORMAT_JSON;
}

static void list_formats(unsigned int formats, struct strbuf *list)
{
	for (unsigned int i = 0; format_names[i]; i++)
		if (formats & 1u << i)
			strbuf_printf(list, "%s%s", list->len ? ", " : "", format_names[i]);
}

/* At the end, for it may stand before the command. */
static void check_format(const struct common_options *o, struct argp_state *state)
{
	_cleanup_strbuf_ struct strbuf list = { 0 };

	if (formats_of(o) & 1u << o->format)
		return;
	list_formats(formats_of(o), &list);
	argp_error(state, "this command has no format '%s': %s", format_names[o->format], strbuf_str(&list));
}

/* An empty variable of a script is no name. */
static void set_output(struct common_options *o, const char *arg, struct argp_state *state)
{
	if (!*arg)
		argp_error(state, "--output is the path of a file, not ''");
	o->output = arg;
}

static void set_color(struct common_options *o, const char *arg, struct argp_state *state)
{
	static const char *const words[] = { "auto", "always", "never" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(arg, words[i])) {
			o->color = (enum color)i;
			return;
		}
	argp_error(state, "--color is auto, always or never, not '%s'", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct common_options *o = state->input;

	switch (key) {
	case ARGP_KEY_END:
		check_format(o, state);
		return 0;
	case KEY_FORMAT:
		set_format(o, arg, state);
		return 0;
	case KEY_JSON:
		o->format = FORMAT_JSON;
		return 0;
	case KEY_OUTPUT:
		set_output(o, arg, state);
		return 0;
	case KEY_COLOR:
		set_color(o, arg, state);
		return 0;
	case 'v':
		o->verbosity = 1;
		return 0;
	case 'q':
		o->verbosity = -1;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* Each command's help names its own formats. */
static char *help_filter(int key, const char *text, void *input)
{
	const struct common_options *o = input;
	_cleanup_strbuf_ struct strbuf list = { 0 };

	if (key != KEY_FORMAT || !o || o->formats == COMMON_FORMATS_ALL)
		return (char *)text;
	list_formats(formats_of(o), &list);
	return strdup(strbuf_str(&list));
}

const struct argp common_argp = { .options = option_table, .parser = parse, .help_filter = help_filter };

static bool wants_color(const struct common_options *options, FILE *file)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (options->color != COLOR_AUTO)
		return options->color == COLOR_ALWAYS;
	return isatty(fileno(file)) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

static int terminal_width(FILE *file)
{
	struct winsize w;

	if (!isatty(fileno(file)) || ioctl(fileno(file), TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

enum status common_open(const struct common_options *options, struct output *ret)
{
	struct whole_file *whole = NULL;
	FILE *file = stdout;
	int r = 0;

	/* A file that may not grow is an error to report. A stream may yet start a command, which would inherit this. */
	if (!options->as_it_comes)
		signal(SIGXFSZ, SIG_IGN);
	if (options->output && options->as_it_comes)
		r = (file = fopen(options->output, "we")) ? 0 : -errno;
	else if (options->output)
		r = whole_file_open(options->output, &file, &whole);
	if (r < 0) {
		fprintf(stderr, "rseqctl: cannot open '%s': %s\n", options->output, strerror(-r));
		return STATUS_INTERNAL;
	}
	*ret = (struct output){
		.file = file,
		.whole = whole,
		.format = options->format,
		.color = wants_color(options, file),
		.width = terminal_width(file),
		.verbosity = options->verbosity,
	};
	return STATUS_OK;
}

enum status common_close(struct output *output, enum status status)
{
	bool failed = ferror(output->file) || fflush(output->file);
	int err = errno, r;

	if (output->file != stdout && fclose(output->file) != 0 && !failed) {
		failed = true;
		err = errno;
	}
	/* A report that is not complete does not replace one that was. */
	if (failed || status == STATUS_INTERNAL)
		whole_file_drop(output->whole);
	else if (output->whole && (r = whole_file_keep(output->whole)) < 0) {
		failed = true;
		err = -r;
	}
	if (!failed)
		return status;
	fprintf(stderr, "rseqctl: cannot write the output: %s\n", strerror(err));
	return STATUS_INTERNAL;
}

/* Edit distance of short words; both are bounded by the caller's table and by 31 characters. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b), m = strlen(a);

	if (n > 31 || m > 31)
		return SIZE_MAX;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[n];
}

const char *common_nearest(const char *word, const char *const *words, size_t n)
{
	const char *nearest = NULL;
	size_t best = 3;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, words[i]);

		/* Where no letter is right it was no slip of the hand. */
		if (d >= strlen(words[i]) || d >= strlen(word))
			continue;

		if (d < best) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}

const char *common_nearest_finding(const char *id)
{
	const char **ids = calloc(rules_n, sizeof(*ids)), *near = NULL;

	for (size_t i = 0; ids && i < rules_n; i++)
		ids[i] = rules[i].id;
	if (ids)
		near = common_nearest(id, ids, rules_n);
	free(ids);
	return near;
}

void common_no_such(struct argp_state *state, const char *kind, const char *word, const char *near)
{
	if (near)
		argp_error(state, "no %s is called '%s': did you mean '%s'?", kind, word, near);
	else
		argp_error(state, "no %s is called '%s'", kind, word);
}

unsigned int common_fail_on(const char *word, struct argp_state *state)
{
	unsigned int severity = strcmp(word, "never") ? name_find(severity_names, word) : FAIL_NEVER;

	if (!severity)
		argp_error(state, "--fail-on is error, warning, info or never, not '%s'", word);
	return severity;
}

void common_add_id(int32_t **ids, size_t *n, const char *kind, const char *word, struct argp_state *state)
{
	uint64_t id;
	int32_t *slot;

	if (!parse_str_u64(word, 10, &id) || !id || id > INT32_MAX)
		argp_error(state, "'%s' is no %s id", word, kind);
	slot = ARRAY_ADD(*ids, *n);
	if (!slot)
		argp_failure(state, STATUS_INTERNAL, ENOMEM, "cannot go on");
	*slot = (int32_t)id;
}
