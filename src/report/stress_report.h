/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came of a stress run, in every format that it has. */
#ifndef REPORT_STRESS_REPORT_H
#define REPORT_STRESS_REPORT_H

#include "model/stress.h"
#include "report/output.h"

/* 0, or -ENOMEM when a part is missing. */
int stress_report(const struct output *o, const struct stress_facts *facts, const char *version);

#endif
