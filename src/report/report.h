/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Laying out what was learned and concluded. Looks nothing up and knows no command. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "model/facts.h"
#include "model/finding.h"
#include "report/output.h"

/* What a report is about, written process by process as they come. */
struct report;

struct report_options {
	const char *command, *version;
	bool threads; /* a row per thread */
};

struct failure {
	const char *subject, *what, *why;
};

struct report_counts {
	unsigned int processes, vanished, unreadable, skipped;
	bool all; /* say them */
};

struct report *report_new(const struct output *output, const struct report_options *options);
void report_free(struct report *r);

/* One process with its verdict and its findings (those about it are taken). Before report_end. */
void report_process(struct report *r, const struct process_facts *p, const char *verdict,
		    const struct findings *findings);

/* The end: what is known of the machine, what failed, and all findings again where the format wants it. */
void report_end(struct report *r, const struct host_facts *host, const struct findings *findings,
		const struct failure *failures, size_t n_failures, const struct report_counts *counts);

#endif
