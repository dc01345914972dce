/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/tap.h"

#include <string.h>

#include "util/text.h"

/* On one line, and without what TAP takes for a directive. */
static void put(const struct output *o, const char *s)
{
	_cleanup_strbuf_ struct strbuf safe = { 0 };

	text_escape(&safe, s, strlen(s));
	for (const char *p = strbuf_str(&safe); *p; p++)
		fprintf(o->file, *p == '#' ? "\\#" : "%c", *p);
}

static void put_quoted(const struct output *o, const char *s)
{
	_cleanup_strbuf_ struct strbuf safe = { 0 };

	text_escape(&safe, s, strlen(s));
	fputc('\'', o->file);
	for (const char *p = strbuf_str(&safe); *p; p++)
		fprintf(o->file, *p == '\'' ? "''" : "%c", *p);
	fputc('\'', o->file);
}

/* A block of text, each line at the same depth. */
static void put_block(const struct output *o, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, "\n");
		_cleanup_strbuf_ struct strbuf safe = { 0 };

		text_escape(&safe, s, len);
		fprintf(o->file, "    %s\n", strbuf_str(&safe));
		s += len + (s[len] == '\n');
	}
}

static bool is_skipped(enum verdict verdict)
{
	return verdict == VERDICT_NOT_APPLICABLE || verdict == VERDICT_SKIP || verdict == VERDICT_UNKNOWN;
}

static void write_case(const struct output *o, size_t number, const struct test_case *c)
{
	bool bad = c->verdict == VERDICT_FAIL || c->verdict == VERDICT_INCONCLUSIVE;

	fprintf(o->file, "%sok %zu - ", bad ? "not " : "", number);
	put(o, c->name);
	fputs(": ", o->file);
	put(o, c->title);
	if (is_skipped(c->verdict)) {
		fputs(c->verdict == VERDICT_UNKNOWN ? " # SKIP unknown: " : " # SKIP ", o->file);
		put(o, c->detail ? c->detail : "");
	}
	fputc('\n', o->file);
	if (!bad)
		return;
	fprintf(o->file, "  ---\n  verdict: %s\n  message: ", verdict_names[c->verdict]);
	put_quoted(o, c->detail ? c->detail : "");
	fputc('\n', o->file);
	if (c->rows) {
		fputs("  rows: |\n", o->file);
		put_block(o, c->rows);
	}
	fputs("  ...\n", o->file);
}

void tap_write(const struct output *o, const struct test_case *cases, size_t n)
{
	fprintf(o->file, "TAP version 13\n1..%zu\n", n);
	for (size_t i = 0; i < n; i++)
		write_case(o, i + 1, &cases[i]);
}
