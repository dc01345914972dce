/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trace tells, as it comes: lines of text, JSON Lines, or a summary that is kept up to date. */
#ifndef REPORT_TRACE_H
#define REPORT_TRACE_H

#include "model/trace_tally.h"
#include "report/output.h"

struct trace_report;

struct trace_report_options {
	const char *command, *version; /* borrowed */
	uint32_t types; /* what was asked for: bits 1 << enum event_type; these are named also when 0 */
	bool events;	/* each event is written; else text keeps the last ones that are no aborts */
	bool stack;
};

/* The output is borrowed until trace_report_free. NULL when there is no memory. */
struct trace_report *trace_report_new(const struct output *output, const struct trace_report_options *options);
void trace_report_free(struct trace_report *r);

/* Before anything else. */
void trace_report_start(struct trace_report *r, const struct trace_start *start);

/* Into the output's buffer: who calls flushes. */
void trace_report_event(struct trace_report *r, const struct event *e);

/* Totals so far on a terminal of that size, in the place of those shown before. Text only. Flushes. */
void trace_report_live(struct trace_report *r, const struct trace_tally *t, int columns, int rows);

/* The terminal has another size: what was shown may stand in other lines now. */
void trace_report_resized(struct trace_report *r);

/* Takes away what trace_report_live showed, and writes the end: the summary. */
void trace_report_summary(struct trace_report *r, const struct trace_tally *t);

#endif
