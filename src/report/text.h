/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report for people. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "report/report.h"

void text_process(const struct output *o, const struct process_facts *p, const char *verdict,
		  const struct findings *findings, bool threads);

/* One line: the verdict, and the names of the findings, of which none is more than info. */
void text_note(const struct output *o, const struct process_facts *p, const char *verdict,
	       const struct findings *findings);

void text_end(const struct output *o, const struct report_totals *totals);

#endif
