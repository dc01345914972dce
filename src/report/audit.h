/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text about many processes: the summary first, then those with something to look at. */
#ifndef REPORT_AUDIT_H
#define REPORT_AUDIT_H

#include "report/report.h"

struct audit;

/* The output is borrowed until audit_free. NULL when there is no memory. */
struct audit *audit_new(const struct output *output);
void audit_free(struct audit *a);

void audit_process(struct audit *a, const struct process_facts *p, const char *verdict,
		   const struct findings *findings, bool threads);

/* Writes it all. 0, or -ENOMEM when there was no memory for a part of it. */
int audit_end(struct audit *a, const struct report_totals *totals);

#endif
