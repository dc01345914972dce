/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Laying out what was learned and concluded. Looks nothing up and knows no command. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "model/facts.h"
#include "model/finding.h"
#include "model/summary.h"
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

/* What is known only when every process was seen. */
struct report_totals {
	const struct host_facts *host;
	const struct findings *findings;
	const struct summary *summary;
	const struct failure *failures;
	size_t n_failures;
	unsigned int vanished, unreadable, skipped;
	size_t ignored; /* findings that were left out */
	bool many;	/* the processes were searched for: text says how many */
};

struct report *report_new(const struct output *output, const struct report_options *options);
void report_free(struct report *r);

/*
 * Many processes will come: text then begins with the summary, so it is kept until the end, and
 * shows in full only those with something to look at. Before the first process.
 */
void report_audit(struct report *r);

/* One process with its verdict and its findings (those about it are taken). Before report_end. */
void report_process(struct report *r, const struct process_facts *p, const char *verdict,
		    const struct findings *findings);

/* The end: machine, summary, what failed. 0, or -ENOMEM when something of the report is missing. */
int report_end(struct report *r, const struct report_totals *totals);

#endif
