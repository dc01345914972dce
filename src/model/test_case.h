/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What formats of test results know: a name, how it ended, and why. */
#ifndef MODEL_TEST_CASE_H
#define MODEL_TEST_CASE_H

#include <stdint.h>

#include "model/stress.h"

struct test_case {
	const char *name, *title;
	enum verdict verdict;
	const char *detail; /* of everything but a pass; NULL: nothing to add */
	uint64_t duration_ns;
	const char *rows; /* of a failure: what differs, a line each; NULL: nothing to add */
};

#endif
