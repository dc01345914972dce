/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report for people. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "report/report.h"

void text_process(const struct output *o, const struct process_facts *p, const char *verdict,
		  const struct findings *findings, bool threads);
void text_end(const struct output *o, const struct host_facts *host, const struct findings *findings,
	      const struct report_counts *counts);

#endif
