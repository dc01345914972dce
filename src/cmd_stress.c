/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_stress_list.h"
#include "cmd_stress_plan.h"
#include "report/stress_report.h"
#include "util/array.h"

static uint32_t all_workloads(void)
{
	const struct stress_choice *w;
	uint32_t bits = 0;

	for (size_t i = 0; (w = stress_workload(i)); i++)
		bits |= w->by_default ? 1u << i : 0;
	return bits;
}

static uint32_t chosen_workloads(const struct stress_session *s)
{
	return s->wish->workloads ? s->wish->workloads : all_workloads();
}

static void show_progress(void *data, const char *workload, uint64_t done, uint64_t all)
{
	struct stress_session *s = data;
	char what[128];

	if (s->plan.operations)
		snprintf(what, sizeof(what), "workloads: %s, %" PRIu64 " of %" PRIu64 " operations", workload, done, all);
	else
		snprintf(what, sizeof(what), "workloads: %s, %.1f of %.1f s", workload, (double)(done < all ? done : all) / 1e3,
			 (double)all / 1e3);
	progress_show(&s->progress, s->facts.n_results + 1, (size_t)__builtin_popcount(chosen_workloads(s)), what);
}

static enum status run_one(struct stress_session *s, size_t workload)
{
	struct stress_result result, *slot;
	const char *why = "";
	int r = stress_run(&s->plan, workload, show_progress, s, &s->arena, &result, &why);

	progress_erase(&s->progress);
	if (r < 0 && r != -EINTR) {
		/* Those before it may have passed; that is not all that was asked for. */
		s->facts.verdict = verdict_worst(s->facts.verdict, VERDICT_INCONCLUSIVE);
		return cmd_stress_refuse(s, stress_workload(workload)->name, "%s: %s", stress_workload(workload)->name, why);
	}
	slot = ARRAY_ADD(s->facts.results, s->facts.n_results);
	if (!slot)
		return STATUS_INTERNAL;
	*slot = result;
	s->facts.verdict = verdict_worst(s->facts.verdict, result.verdict);
	return r == -EINTR ? STATUS_IMPOSSIBLE : STATUS_OK;
}

static enum status run_workloads(struct stress_session *s)
{
	uint32_t chosen = chosen_workloads(s);
	enum status status = STATUS_OK;
	const struct stress_choice *w;

	s->plan.duration_ns = s->wish->duration_ns / (uint64_t)__builtin_popcount(chosen);
	for (size_t i = 0; (w = stress_workload(i)) && status == STATUS_OK; i++)
		if (chosen & 1u << i) {
			status = run_one(s, i);
			if (s->facts.verdict == VERDICT_FAIL && s->plan.fault >= 0)
				break;
		}
	return status;
}

static enum status compare(struct stress_session *s)
{
	struct stress_options plan = s->plan;
	const char *why;
	int r;

	plan.duration_ns = s->wish->duration_ns;
	r = stress_compare(&plan, &s->arena, &s->facts.compare, &s->facts.n_compare, &why);
	if (r == -EIO)
		return cmd_stress_refuse(s, "compare", "--compare: %s", why);
	return r < 0 ? cmd_stress_refuse(s, "compare", "--compare: %s: %s", why, strerror(-r)) : STATUS_OK;
}

static enum status conclude(struct stress_session *s, enum status status)
{
	if (s->facts.verdict == VERDICT_FAIL)
		return STATUS_FINDINGS;
	if (status)
		return status;
	if (s->wish->compare && !s->facts.n_results)
		return STATUS_OK;
	return s->facts.verdict == VERDICT_PASS ? STATUS_OK : STATUS_IMPOSSIBLE;
}

static enum status stress(struct stress_session *s, const struct output *output)
{
	enum status status = cmd_stress_plan(s);

	progress_init(&s->progress, output);
	if (status == STATUS_OK && s->wish->compare)
		status = compare(s);
	if (status == STATUS_OK && (!s->wish->compare || s->wish->workloads))
		status = run_workloads(s);
	s->facts.seed = s->plan.seed;
	s->facts.threads = s->plan.threads;
	s->facts.duration_ns = s->wish->duration_ns;
	s->facts.min_aborts = s->plan.min_aborts;
	s->facts.cpus = s->wish->cpus_named;
	s->facts.inject = s->wish->fault < 0 ? NULL : stress_fault((size_t)s->wish->fault)->name;
	if (stress_report(output, &s->facts, RSEQCTL_VERSION) < 0)
		return STATUS_INTERNAL;
	return conclude(s, status);
}

static enum status write_output(const struct stress_wish *wish)
{
	struct stress_session s = { .wish = wish, .counter = COUNTER_NONE };
	struct output output;
	enum status status = common_open(&wish->common, &output);

	if (status)
		return status;
	if (wish->list)
		cmd_stress_list(&output);
	else
		status = stress(&s, &output);
	status = common_close(&output, status);
	counter_done(&s.counter);
	free(s.facts.results);
	arena_done(&s.arena);
	return status;
}

static enum status run_stress(int argc, char **argv, const struct common_options *common)
{
	struct stress_wish wish;

	cmd_stress_parse(argc, argv, common, &wish);
	/* Whoever ignores it hands that down, and then no child could be waited for. */
	signal(SIGCHLD, SIG_DFL);
	if (wish.exec_check)
		return stress_check_exec(!strcmp(wish.exec_check, "self")) ? STATUS_FINDINGS : STATUS_OK;
	return write_output(&wish);
}

const struct cmd cmd_stress = {
	"stress",
	"",
	"whether this kernel keeps the rseq promise",
	run_stress,
	1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_TAP | 1u << FORMAT_JUNIT,
};
