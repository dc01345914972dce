/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far long work is, on standard error when that is a terminal, and nowhere else. */
#ifndef REPORT_PROGRESS_H
#define REPORT_PROGRESS_H

#include "report/output.h"

struct progress {
	bool wanted, shown;
};

/* Whether it can be seen without spoiling what goes to the output meanwhile. */
void progress_init(struct progress *p, const struct output *output);

/* "123 of 517 processes" */
void progress_show(struct progress *p, size_t i, size_t n, const char *what);

/* Before anything else is written to a terminal, and at the end. */
void progress_erase(struct progress *p);

#endif
