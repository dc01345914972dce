/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JUnit's XML, as CI systems read it: inconclusive is an error; not-applicable, skip and unknown are skipped. */
#ifndef REPORT_JUNIT_H
#define REPORT_JUNIT_H

#include "model/test_case.h"
#include "report/output.h"

struct junit_property {
	const char *name, *value;
};

void junit_write(const struct output *o, const char *suite, const struct junit_property *properties,
		 size_t n_properties, const struct test_case *cases, size_t n);

#endif
