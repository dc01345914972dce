/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OpenMetrics text, of gauges alone: each family once, its samples behind it, and the end. */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

#include <stddef.h>

#include "report/output.h"

struct metrics_label {
	const char *name, *value; /* a value of NULL is left out */
};

/* The family that the samples behind it belong to; help is one line. */
void metrics_family(const struct output *o, const char *name, const char *help);
void metrics_sample(const struct output *o, const char *name, const struct metrics_label *labels, size_t n, double value);
void metrics_end(const struct output *o);

#endif
