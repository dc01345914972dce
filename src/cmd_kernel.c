/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_kernel.h"

#include <string.h>
#include <time.h>

#include "probe/probe.h"
#include "util/array.h"

enum { LIMIT_NS = 200000000, LEAST_NS = 1000000 };

/* The first decides most, and is asked first. */
static const char *const wanted[] = { "cpu_id_start", "abort-preempt", "abort-signal", "abort-membarrier" };

static const struct probe *find(const char *id)
{
	const struct probe *p;

	for (size_t i = 0; (p = probe_at(i)); i++)
		if (!strcmp(p->id, id))
			return p;
	return NULL;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void ask_one(struct kernel_facts *facts, const struct probe *p, uint64_t limit_ns, struct arena *arena)
{
	struct probe_options options = { .limit_ns = limit_ns, .rseq_class = facts->host->rseq_class };
	struct check_result result;

	probe_run(p, &options, arena, &result);
	promise_add(&facts->promise, &result);
	if (result.verdict != VERDICT_PASS && result.verdict != VERDICT_FAIL && !facts->why_unseen)
		facts->why_unseen = result.detail;
}

void cmd_kernel_ask(struct cmd_kernel *k, const struct host_facts *host, struct arena *arena)
{
	uint32_t class = host->rseq_class;
	uint64_t end = now() + LIMIT_NS;

	if (k->asked)
		return;
	k->asked = true;
	k->facts.host = host;
	if (k->never)
		k->facts.why_unseen = "--probe-kernel never";
	else if (!class)
		k->facts.why_unseen = "the kernel's class is unknown";
	if (k->never || (class != CLASS_REWRITE && class != CLASS_SPLIT))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct probe *p = find(wanted[i]);
		uint64_t left = end > now() ? end - now() : 0;

		/* A share each: none may take what the others need. */
		if (p && left > LEAST_NS)
			ask_one(&k->facts, p, left / (ARRAY_SIZE(wanted) - i), arena);
	}
}
