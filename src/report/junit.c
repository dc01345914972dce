/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/junit.h"

#include <inttypes.h>
#include <string.h>

#include "util/text.h"

/* Characters that XML does not allow at all are escaped as for a terminal. */
static void put(const struct output *o, const char *s)
{
	_cleanup_strbuf_ struct strbuf safe = { 0 };

	text_escape(&safe, s, strlen(s));
	for (const char *p = strbuf_str(&safe); *p; p++)
		switch (*p) {
		case '&':
			fputs("&amp;", o->file);
			break;
		case '<':
			fputs("&lt;", o->file);
			break;
		case '>':
			fputs("&gt;", o->file);
			break;
		case '"':
			fputs("&quot;", o->file);
			break;
		default:
			fputc(*p, o->file);
		}
}

static void put_attribute(const struct output *o, const char *name, const char *value)
{
	fprintf(o->file, " %s=\"", name);
	put(o, value);
	fputc('"', o->file);
}

static void put_seconds(const struct output *o, uint64_t ns)
{
	fprintf(o->file, " time=\"%" PRIu64 ".%03" PRIu64 "\"", ns / 1000000000, ns / 1000000 % 1000);
}

static void put_message(const struct output *o, const struct test_case *c)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_printf(&text, "%s%s", c->verdict == VERDICT_UNKNOWN ? "unknown: " : "", c->detail ? c->detail : "");
	put_attribute(o, "message", strbuf_str(&text));
}

static void put_lines(const struct output *o, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, "\n");
		_cleanup_strbuf_ struct strbuf line = { 0 };

		strbuf_add(&line, s, len);
		put(o, strbuf_str(&line));
		s += len + (s[len] == '\n');
		fputs(*s ? "\n" : "", o->file);
	}
}

static void write_case(const struct output *o, const char *suite, const struct test_case *c)
{
	static const char *const elements[] = {
		[VERDICT_FAIL] = "failure", [VERDICT_INCONCLUSIVE] = "error", [VERDICT_NOT_APPLICABLE] = "skipped",
		[VERDICT_SKIP] = "skipped", [VERDICT_UNKNOWN] = "skipped",
	};

	fputs("  <testcase", o->file);
	put_attribute(o, "classname", suite);
	put_attribute(o, "name", c->name);
	put_seconds(o, c->duration_ns);
	if (c->verdict == VERDICT_PASS) {
		fputs("/>\n", o->file);
		return;
	}
	fprintf(o->file, ">\n    <%s", elements[c->verdict]);
	put_message(o, c);
	if (c->rows) {
		fputc('>', o->file);
		put_lines(o, c->rows);
		fprintf(o->file, "</%s>\n  </testcase>\n", elements[c->verdict]);
	} else
		fputs("/>\n  </testcase>\n", o->file);
}

static size_t count(const struct test_case *cases, size_t n, enum verdict verdict)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += cases[i].verdict == verdict;
	return found;
}

static void write_properties(const struct output *o, const struct junit_property *properties, size_t n)
{
	fputs("  <properties>\n", o->file);
	for (size_t i = 0; i < n; i++) {
		fputs("    <property", o->file);
		put_attribute(o, "name", properties[i].name);
		put_attribute(o, "value", properties[i].value);
		fputs("/>\n", o->file);
	}
	fputs("  </properties>\n", o->file);
}

void junit_write(const struct output *o, const char *suite, const struct junit_property *properties,
		 size_t n_properties, const struct test_case *cases, size_t n)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < n; i++)
		ns += cases[i].duration_ns;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite", o->file);
	put_attribute(o, "name", suite);
	fprintf(o->file, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", n,
		count(cases, n, VERDICT_FAIL), count(cases, n, VERDICT_INCONCLUSIVE),
		count(cases, n, VERDICT_NOT_APPLICABLE) + count(cases, n, VERDICT_SKIP) + count(cases, n, VERDICT_UNKNOWN));
	put_seconds(o, ns);
	fputs(">\n", o->file);
	write_properties(o, properties, n_properties);
	for (size_t i = 0; i < n; i++)
		write_case(o, suite, &cases[i]);
	fputs("</testsuite>\n", o->file);
}
