/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/output.h"

#include <string.h>

#include "util/text.h"

const char *const format_names[] = { "text", "json", "tap", "junit", "openmetrics", NULL };

const char *output_color(const struct output *o, enum severity severity)
{
	static const char *const codes[] = { "\033[32m", "\033[36m", "\033[33;1m", "\033[31;1m" };

	return o->color ? codes[severity] : "";
}

const char *output_bold(const struct output *o)
{
	return o->color ? "\033[1m" : "";
}

const char *output_plain(const struct output *o)
{
	return o->color ? "\033[0m" : "";
}

void output_text(const struct output *o, const char *s)
{
	_cleanup_strbuf_ struct strbuf safe = { 0 };

	text_escape(&safe, s, strlen(s));
	fputs(strbuf_str(&safe), o->file);
}

/* Up to the next blank, or of a list up to the one behind the next comma or semicolon. */
static size_t piece(const char *p, bool list)
{
	size_t len = strcspn(p, " ");

	while (list && p[len] && p[len - 1] != ',' && p[len - 1] != ';')
		len += 1 + strcspn(p + len + 1, " ");
	return len;
}

static void wrap(const struct output *o, int indent, size_t used, const char *s, bool list)
{
	_cleanup_strbuf_ struct strbuf safe = { 0 };
	size_t room = o->width > indent + 20 ? (size_t)(o->width - indent) : SIZE_MAX;
	const char *p, *blank = "";

	text_escape(&safe, s, strlen(s));
	p = strbuf_str(&safe);
	while (*p) {
		size_t len = piece(p, list), columns = 0;

		for (size_t i = 0; i < len; i++)
			columns += (p[i] & 0xc0) != 0x80;
		if (used && used + strlen(blank) + columns > room) {
			fprintf(o->file, "\n%*s", indent, "");
			used = 0;
			blank = "";
		}
		fprintf(o->file, "%s%.*s", blank, (int)len, p);
		used += columns + strlen(blank);
		blank = " ";
		p += len;
		p += *p == ' ';
	}
	fputc('\n', o->file);
}

void output_wrapped(const struct output *o, int indent, const char *s)
{
	wrap(o, indent, 0, s, false);
}

void output_wrapped_behind(const struct output *o, int indent, size_t columns, const char *s)
{
	wrap(o, indent, columns > (size_t)indent ? columns - (size_t)indent : 0, s, false);
}

void output_wrapped_list(const struct output *o, int indent, const char *s)
{
	wrap(o, indent, 0, s, true);
}
