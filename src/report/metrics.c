/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/metrics.h"

#include <string.h>

#include "util/text.h"

void metrics_family(const struct output *o, const char *name, const char *help)
{
	fprintf(o->file, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* The three characters that the format escapes; what is no UTF-8 is made so before. */
static void put_value(const struct output *o, const char *s)
{
	_cleanup_strbuf_ struct strbuf valid = { 0 };

	text_utf8(&valid, s, strlen(s));
	for (const char *p = strbuf_str(&valid); *p; p++)
		if (*p == '\n')
			fputs("\\n", o->file);
		else
			fprintf(o->file, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
}

void metrics_sample(const struct output *o, const char *name, const struct metrics_label *labels, size_t n, double value)
{
	bool any = false;

	fputs(name, o->file);
	for (size_t i = 0; i < n; i++) {
		if (!labels[i].value)
			continue;
		fprintf(o->file, "%c%s=\"", any ? ',' : '{', labels[i].name);
		put_value(o, labels[i].value);
		fputc('"', o->file);
		any = true;
	}
	fprintf(o->file, "%s %.10g\n", any ? "}" : "", value);
}

void metrics_end(const struct output *o)
{
	fputs("# EOF\n", o->file);
}
