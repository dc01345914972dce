/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trace counted, for people: while it runs and at its end. */
#ifndef REPORT_TALLY_TEXT_H
#define REPORT_TALLY_TEXT_H

#include <stdbool.h>

#include "model/trace_tally.h"
#include "report/output.h"

struct tally_options {
	uint32_t types; /* what was asked for: bits 1 << enum event_type; these are named also when 0 */
	bool stack;
};

/* One line that answers: how many of each, in what time, and how many were lost. */
void tally_totals(const struct output *o, const struct trace_tally *t, const struct tally_options *options);

/* The shares of the causes; nothing where there were no aborts. */
void tally_causes(const struct output *o, const struct trace_tally *t);

/* How often each reason was told of a refusal, fault or the like; nothing where there were none. */
void tally_reasons(const struct output *o, const struct trace_tally *t);

/* The sections with most aborts, at most so many, in about so many lines; says how many there are more. */
void tally_sections(const struct output *o, const struct trace_tally *t, size_t sections, size_t lines);

/* Where the aborts of these sections came from. */
void tally_stacks(const struct output *o, const struct trace_tally *t, size_t sections);

/* Sections that threads hardly get through, called out. */
void tally_livelocks(const struct output *o, const struct trace_tally *t);

/* What else there is to say: notes, and how the command ended. */
void tally_notes(const struct output *o, const struct trace_tally *t);

#endif
