/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test Anything Protocol, version 13: inconclusive is not ok; not-applicable, skip and unknown are skipped,
 * for what nobody could find out is no fault of what is tested.
 */
#ifndef REPORT_TAP_H
#define REPORT_TAP_H

#include "model/test_case.h"
#include "report/output.h"

void tap_write(const struct output *o, const struct test_case *cases, size_t n);

#endif
