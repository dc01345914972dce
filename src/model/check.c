/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/check.h"

#include <string.h>

#include "model/field_rows.h"
#include "util/array.h"

static const struct field row_fields[] = {
	F(struct check_row, FIELD_STRING, what, "WHAT", 0, "what"),
	F(struct check_row, FIELD_STRING, expected, "EXPECTED", 0, "expected"),
	F(struct check_row, FIELD_STRING, seen, "SEEN", 0, "seen"),
	F(struct check_row, FIELD_TRI, ok, "OK", 0, "ok"),
};
const struct record_type check_row_type = TYPE(struct check_row, RECORD_NO_HAS, row_fields);

static const struct field result_fields[] = {
	F(struct check_result, FIELD_STRING, id, "CHECK", 0, "id"),
	F(struct check_result, FIELD_STRING, title, NULL, 0, "title"),
	{ .key = "verdict", .label = "VERDICT", .kind = FIELD_WORD, .names = verdict_names,
	  .offset = offsetof(struct check_result, verdict) },
	F(struct check_result, FIELD_STRING, detail, NULL, 0, "detail"),
	F(struct check_result, FIELD_STRING, meaning, NULL, 0, "meaning"),
	F(struct check_result, FIELD_STRING, fix, NULL, 0, "fix"),
	F(struct check_result, FIELD_STRING, because, NULL, 0, "because"),
	F(struct check_result, FIELD_U64, duration_ns, NULL, 0, "duration_ns"),
	F_LIST(struct check_result, rows, n_rows, check_row_type, 0, "rows"),
};
const struct record_type check_result_type = TYPE(struct check_result, RECORD_NO_HAS, result_fields);

static const struct field check_fields[] = {
	F_RECORD(struct check_facts, environment, environment_type, "environment"),
	F(struct check_facts, FIELD_STRING, inject, NULL, 0, "inject"),
	F(struct check_facts, FIELD_TRI, interrupted, NULL, 0, "interrupted"),
	F_LIST(struct check_facts, checks, n_checks, check_result_type, 0, "checks"),
	F(struct check_facts, FIELD_U32, passed, "checks that passed", 0, "passed"),
	F(struct check_facts, FIELD_U32, failed, "checks that failed", 0, "failed"),
	F(struct check_facts, FIELD_U32, skipped, "checks that cannot be done here", 0, "skipped"),
	F(struct check_facts, FIELD_U32, unknown, "checks whose answer could not be found out", 0, "unknown"),
};
const struct record_type check_type = TYPE(struct check_facts, RECORD_NO_HAS, check_fields);

static const struct {
	const char *id;
	uint32_t length, abort;
} aborts[] = {
	{ "abort-preempt", PROMISE_ORIGINAL, PROMISE_PREEMPTION },
	{ "abort-preempt-long", PROMISE_LONGER, PROMISE_PREEMPTION },
	{ "abort-migrate", PROMISE_ORIGINAL, PROMISE_MIGRATION },
	{ "abort-migrate-long", PROMISE_LONGER, PROMISE_MIGRATION },
	{ "abort-signal", PROMISE_ORIGINAL, PROMISE_SIGNAL },
	{ "abort-signal-long", PROMISE_LONGER, PROMISE_SIGNAL },
	{ "abort-membarrier", PROMISE_ORIGINAL, PROMISE_MEMBARRIER },
	{ "abort-membarrier-long", PROMISE_LONGER, PROMISE_MEMBARRIER },
};

/*
 * Whether the kernel was seen breaking it, in an answer that differs: what could not be registered, or died,
 * has failed and tells nothing of this.
 */
static uint32_t seen_in(const struct check_result *r)
{
	if (r->verdict != VERDICT_FAIL)
		return r->verdict;
	for (size_t i = 0; i < r->n_rows; i++)
		if (r->rows[i].ok == 0)
			return VERDICT_FAIL;
	return VERDICT_UNKNOWN;
}

void promise_add(struct kernel_promise *p, const struct check_result *r)
{
	if (!strcmp(r->id, "syscall")) {
		p->call = r->verdict;
		p->error = r->error;
		p->call_detail = r->detail;
	}
	if (!strcmp(r->id, "cpu_id_start"))
		p->cpu_id_start = seen_in(r);
	for (size_t i = 0; i < ARRAY_SIZE(aborts); i++)
		if (!strcmp(r->id, aborts[i].id))
			p->aborts[aborts[i].length][aborts[i].abort] = seen_in(r);
}

struct check_result *check_add(struct check_facts *facts, const struct check_result *result)
{
	struct check_result *slot = ARRAY_ADD(facts->checks, facts->n_checks);

	if (!slot)
		return NULL;
	*slot = *result;
	facts->passed += result->verdict == VERDICT_PASS;
	facts->failed += result->verdict == VERDICT_FAIL;
	facts->skipped += result->verdict == VERDICT_SKIP;
	facts->unknown += result->verdict == VERDICT_UNKNOWN;
	return slot;
}

int check_id_matches(const char *id, const char *word, size_t len)
{
	return strncmp(id, word, len) == 0 && (!id[len] || id[len] == '-');
}
