/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "stress/worker.h"
#include "stress/workload.h"

/* The names of a table's rows whose bit is set. */
static const char **names_of(const struct stress_choice *table(size_t i), uint32_t bits, struct arena *arena, size_t *ret_n)
{
	const char **names = arena_alloc(arena, STRESS_DISTURBERS_MAX * sizeof(*names));
	const struct stress_choice *c;

	for (size_t i = 0; names && (c = table(i)); i++)
		if (bits & 1u << i)
			names[(*ret_n)++] = c->name;
	return names;
}

static void add_figures(const struct run *run, struct stress_result *r)
{
	uint64_t cpu_ns = 0;

	for (uint32_t i = 0; i < run->n_workers; i++) {
		r->retries += run->workers[i].retries;
		r->aborts += run->workers[i].critical.aborts;
		cpu_ns += run->workers[i].cpu_ns;
	}
	r->aborts += atomic_load(&run->shared->child_aborts);
	r->operations = run_operations(run);
	r->duration_ns = run->shared->worked_ns;
	r->has |= STRESS_ABORTS;
	if (r->operations && cpu_ns) {
		r->picoseconds = (uint64_t)((double)cpu_ns * 1000 / (double)r->operations);
		r->has |= STRESS_NS_PER_OP;
	}
}

static const char *untried(const struct run *run)
{
	return run->options->fault >= 0 ? "the run stopped at the first broken invariant" : "there was no occasion";
}

static void add_invariants(const struct run *run, struct stress_result *r, struct arena *arena)
{
	const struct invariant *inv = run->workload->invariants;

	for (unsigned int i = 0; i < INVARIANTS_MAX && inv[i].name; i++) {
		uint64_t tried = atomic_load(&run->shared->tried[i]);
		uint32_t breaks = atomic_load(&run->shared->breaks[i]);
		struct invariant_facts *f = &r->invariants[r->n_invariants++];

		*f = (struct invariant_facts){ inv[i].name, inv[i].title, breaks ? 0 : tried ? 1 : -1, NULL };
		if (breaks)
			f->detail = arena_strdup(arena, run->shared->detail[i]);
		else if (!tried)
			f->detail = untried(run);
	}
}

bool outcome_is_fatal(int sig)
{
	switch (sig) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGFPE:
		return true;
	default:
		return false;
	}
}

static bool died_of_rseq(const struct outcome *o)
{
	/* Not ours: a handler of the sanitizers got hold of the signal. */
	return WIFSIGNALED(o->status) ? outcome_is_fatal(WTERMSIG(o->status)) : WEXITSTATUS(o->status) != 0;
}

static const char *how_it_ended(const struct outcome *o, struct arena *arena)
{
	if (!WIFSIGNALED(o->status))
		return arena_printf(arena, "the workers' process ended with %d", WEXITSTATUS(o->status));
	return arena_printf(arena, "the workers' process was killed by signal %d (%s)", WTERMSIG(o->status),
			    strsignal(WTERMSIG(o->status)));
}

static void add_own_invariants(const struct outcome *o, struct stress_result *r, struct arena *arena)
{
	/* Killed by hand, or for want of memory: what it would have come to is not known. */
	bool died = died_of_rseq(o), cut = o->ended && !died && WIFSIGNALED(o->status);

	r->invariants[r->n_invariants++] = (struct invariant_facts){
		"alive", "no thread is killed", died ? 0 : cut ? -1 : 1, died || cut ? how_it_ended(o, arena) : NULL
	};
	r->invariants[r->n_invariants++] = (struct invariant_facts){
		"progress", "operations come to an end", !o->hung,
		o->hung ? arena_printf(arena, "no operation ended in %" PRIu64 " ms", o->still_ms) : NULL
	};
}

static bool any_broken(const struct stress_result *r)
{
	for (size_t i = 0; i < r->n_invariants; i++)
		if (r->invariants[i].ok == 0)
			return true;
	return false;
}

static bool is_disturbed(const struct stress_options *options)
{
	const struct stress_choice *d;

	for (size_t i = 0; (d = stress_disturber(i)); i++)
		if (options->disturb & 1u << i && strcmp(d->name, "none") != 0)
			return true;
	return false;
}

static void judge_gate(const struct run *run, struct stress_result *r)
{
	if (!run->workload->has_section || !is_disturbed(run->options))
		r->gate = VERDICT_NOT_APPLICABLE;
	else
		r->gate = r->aborts >= run->options->min_aborts ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

static void judge(const struct outcome *o, struct stress_result *r, struct arena *arena)
{
	judge_gate(o->run, r);
	r->verdict = VERDICT_INCONCLUSIVE;
	if (any_broken(r))
		r->verdict = VERDICT_FAIL;
	else if (o->interrupted)
		r->why = "interrupted by a signal";
	else if (WIFSIGNALED(o->status))
		r->why = how_it_ended(o, arena);
	else if (o->run->options->fault >= 0)
		r->why = "what is broken on purpose was not noticed";
	else if (r->gate == VERDICT_INCONCLUSIVE)
		r->why = arena_printf(arena, "%" PRIu64 " aborts met, %" PRIu64 " asked for", r->aborts,
				      o->run->options->min_aborts);
	else
		r->verdict = VERDICT_PASS;
}

int outcome_judge(const struct outcome *o, struct arena *arena, struct stress_result *r, const char **ret_why)
{
	int error = atomic_load(&o->run->shared->error);

	if (error) {
		*ret_why = arena_strdup(arena, o->run->shared->error_why);
		return -error;
	}
	r->invariants = arena_alloc(arena, (INVARIANTS_MAX + 2) * sizeof(*r->invariants));
	if (!r->invariants)
		return -ENOMEM;
	r->disturb = names_of(stress_disturber, o->run->options->disturb, arena, &r->n_disturb);
	if (o->run->workload->has_section)
		r->index = names_of(stress_index, o->run->keys, arena, &r->n_index);
	add_figures(o->run, r);
	add_invariants(o->run, r, arena);
	add_own_invariants(o, r, arena);
	judge(o, r, arena);
	return o->interrupted ? -EINTR : 0;
}
