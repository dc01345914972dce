/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_kernel.h"

#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>

#include "diagnose/diagnose.h"
#include "model/behaviour.h"
#include "probe/probes.h"
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

static void ask_one(struct kernel_facts *facts, const struct probe *p, uint64_t limit_ns, struct arena *arena)
{
	struct probe_options options = { .limit_ns = limit_ns, .rseq_class = facts->host->rseq_class, .first = true };
	struct check_result result;

	probe_run(p, &options, arena, &result);
	promise_add(&facts->promise, &result);
	/* A failure counts only as far as it was seen: one that did not end in time tells nothing. */
	if (result.verdict != VERDICT_PASS && !facts->why_unseen)
		facts->why_unseen = result.detail;
}

void cmd_kernel_ask(struct cmd_kernel *k, const struct host_facts *host, struct arena *arena)
{
	uint32_t class = host->rseq_class;
	uint64_t end = probe_now() + LIMIT_NS;

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
		uint64_t left = end > probe_now() ? end - probe_now() : 0;

		if (p && left > LEAST_NS)
			ask_one(&k->facts, p, left, arena);
		else if (!k->facts.why_unseen)
			k->facts.why_unseen = "no time was left to ask";
	}
}

/* Without /proc, which a container may not have. */
static uint32_t own_seccomp(void)
{
	switch (prctl(PR_GET_SECCOMP)) {
	case SECCOMP_MODE_DISABLED:
		return SECCOMP_DISABLED;
	case SECCOMP_MODE_FILTER:
		return SECCOMP_FILTERED;
	}
	return SECCOMP_UNKNOWN;
}

static void settle_class(const struct check_facts *checks, const struct probe_options *plan, struct host_facts *host,
			 struct arena *arena)
{
	struct kernel_behaviour b = { 0 };
	struct check_result result;

	if (host->has & HOST_AUXV)
		behaviour_add_size(&b, host->feature_size);
	for (size_t i = 0; i < checks->n_checks; i++)
		behaviour_add(&b, &checks->checks[i]);
	probe_run(&probe_unwritable, plan, arena, &result);
	behaviour_add(&b, &result);
	behaviour_settle(&b, host, arena);
}

bool cmd_kernel_conclude(const struct check_facts *checks, const struct probe_options *plan, struct host_facts *host,
			 struct findings *findings, struct arena *arena)
{
	struct kernel_facts facts = { .host = host, .seccomp = own_seccomp() };
	struct kernel_promise *p = &facts.promise;
	struct check_result result;

	for (size_t i = 0; i < checks->n_checks; i++)
		promise_add(p, &checks->checks[i]);
	/* It was not asked for, and everything stands on it. */
	if (!p->call && probe_run(&probe_syscall, plan, arena, &result) == 0)
		promise_add(p, &result);
	/* Where rseq() does not come to the kernel, what was seen is not the kernel's doing. */
	if (p->call == VERDICT_FAIL)
		*p = (struct kernel_promise){ .call = VERDICT_FAIL, .error = p->error, .call_detail = p->call_detail };
	else
		settle_class(checks, plan, host, arena);
	diagnose_kernel(&facts, findings);
	return p->call != VERDICT_FAIL;
}
