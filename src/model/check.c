/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/check.h"

#include <string.h>

#include "util/array.h"

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

void promise_add(struct kernel_promise *p, const struct check_result *r)
{
	if (!strcmp(r->id, "syscall")) {
		p->call = r->verdict;
		p->error = r->error;
	}
	/* A process that was killed has told nothing of what is rewritten. */
	if (!strcmp(r->id, "cpu_id_start"))
		p->cpu_id_start = r->verdict == VERDICT_FAIL && !r->n_rows ? VERDICT_UNKNOWN : r->verdict;
	for (size_t i = 0; i < ARRAY_SIZE(aborts); i++)
		if (!strcmp(r->id, aborts[i].id))
			p->aborts[aborts[i].length][aborts[i].abort] = r->verdict;
}

int check_id_matches(const char *id, const char *word, size_t len)
{
	return strncmp(id, word, len) == 0 && (!id[len] || id[len] == '-');
}
