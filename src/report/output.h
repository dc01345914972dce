/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a report goes, and how it may look. */
#ifndef REPORT_OUTPUT_H
#define REPORT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "model/names.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_TAP, FORMAT_JUNIT, FORMAT_OPENMETRICS };

/* Indexed by enum format; the list ends with NULL. */
extern const char *const format_names[];

struct whole_file;

struct output {
	FILE *file;
	struct whole_file *whole; /* that file replaces another when it is complete; NULL: it is written as it comes */
	enum format format;
	bool color;
	int width; /* columns; 0: as wide as it gets */
	int verbosity; /* -1 quiet, 0, 1 verbose */
};

/* Escape sequences for a severity, or "" without colour. */
const char *output_color(const struct output *o, enum severity severity);
const char *output_bold(const struct output *o);
const char *output_plain(const struct output *o);

/* Text of a target: escaped for a terminal. */
void output_text(const struct output *o, const char *s);

/* Words broken at blanks to fit the width, each line after the first indented. */
void output_wrapped(const struct output *o, int indent, const char *s);

/* The same where the line has so many columns already. */
void output_wrapped_behind(const struct output *o, int indent, size_t columns, const char *s);

/* The same of a list, broken behind commas and semicolons alone. */
void output_wrapped_list(const struct output *o, int indent, const char *s);

#endif
