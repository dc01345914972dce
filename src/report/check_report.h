/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks found, in every format that they have. */
#ifndef REPORT_CHECK_REPORT_H
#define REPORT_CHECK_REPORT_H

#include "model/check.h"
#include "model/finding.h"
#include "report/output.h"

/* 0, or -ENOMEM when a part is missing. */
int check_report(const struct output *o, const struct check_facts *facts, const struct findings *findings,
		 const char *version);

#endif
