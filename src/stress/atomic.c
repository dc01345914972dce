/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What another one writes while a section is interrupted must never be seen inside that section. Three
 * who write: a thread that takes the section's CPU, the thread's own signal handler, and one that takes
 * something away after a membarrier. Plain counters do not notice what this does: an abort that is missed
 * when the thread comes back to the same CPU.
 */
#include "stress/worker.h"
#include "stress/workload.h"

enum { PREEMPTION, SIGNAL, MEMBARRIER, SUM };

#define MARK_PREEMPTED UINT64_C(0xfffffffffffffff0)
#define MARK_SIGNALLED UINT64_C(0xfffffffffffffff1)
#define MARK_TAKEN UINT64_C(0xfffffffffffffff2)

/* Two places, of which one is in use; the other is poisoned for a while after a membarrier. */
struct places {
	_Alignas(128) uint64_t places[2];
	uint64_t *active;
};

static int start(struct run *run)
{
	static struct places places;

	places.active = &places.places[0];
	run->data = &places;
	return 0;
}

/* On that CPU: no section is running there, and one that is interrupted has to begin anew. */
static void preempted(struct run *run, uint32_t cpu)
{
	uint64_t *mark = &run->slots[cpu].mark;

	if (cpu >= run->n_indexes)
		return;
	__atomic_store_n(mark, MARK_PREEMPTED, __ATOMIC_RELAXED);
}

static void signalled(struct worker *w)
{
	atomic_store_explicit(&w->mark, MARK_SIGNALLED, memory_order_relaxed);
}

static void before_barrier(struct run *run)
{
	struct places *p = run->data;

	__atomic_store_n(&p->active, &p->places[p->active == &p->places[0]], __ATOMIC_RELEASE);
}

static void after_barrier(struct run *run)
{
	struct places *p = run->data;
	uint64_t *old = &p->places[p->active == &p->places[0]];

	__atomic_store_n(old, MARK_TAKEN, __ATOMIC_RELAXED);
	for (volatile int i = 0; i < 20000; i++)
		;
	__atomic_store_n(old, 0, __ATOMIC_RELAXED);
}

static const char *who(const struct worker *w)
{
	if (w->critical.seen == MARK_PREEMPTED)
		return "the thread that took the CPU";
	return w->critical.seen == w->id + 1 ? "the kernel (another CPU)" : "another worker";
}

/* Aborted, and there is what it must not see: without the abort it would have. */
static enum critical_result window(struct worker *w, unsigned int invariant, uint32_t index, uint64_t *mark,
				   uint64_t of_others, uint64_t *counter, uint64_t n)
{
	enum critical_result r = critical_window(&w->critical, index, mark, w->id + 1, counter, n);

	if (r == CRITICAL_ABORTED && __atomic_load_n(mark, __ATOMIC_RELAXED) == of_others)
		run_tried(w->run, invariant, 1);
	return r;
}

static enum critical_result deref(struct worker *w, uint32_t index, struct places *p, uint64_t *counter,
				  uint64_t n)
{
	const uint64_t *before = __atomic_load_n(&p->active, __ATOMIC_RELAXED);
	enum critical_result r = critical_deref(&w->critical, index, &p->active, counter, n);

	if (r == CRITICAL_ABORTED && __atomic_load_n(&p->active, __ATOMIC_RELAXED) != before)
		run_tried(w->run, MEMBARRIER, 1);
	return r;
}

/* Whether it was done. */
static bool see_preemption(struct worker *w, uint64_t n)
{
	enum critical_result r = WORKER_TRY(w, index, slot,
		window(w, PREEMPTION, index, &slot->mark, MARK_PREEMPTED, &slot->counter, n));

	if (r == CRITICAL_OTHER)
		run_break(w->run, PREEMPTION, "worker %u saw inside a section on CPU %u what %s wrote meanwhile", w->id,
			  w->index_copy, who(w));
	return r == CRITICAL_DONE;
}

static bool see_signal(struct worker *w, uint64_t n)
{
	uint64_t *mark = (uint64_t *)&w->mark;
	enum critical_result r = WORKER_TRY(w, index, slot,
		((void)slot, window(w, SIGNAL, index, mark, MARK_SIGNALLED, &w->count, n)));

	if (r == CRITICAL_OTHER)
		run_break(w->run, SIGNAL, "worker %u saw inside a section what its signal handler wrote meanwhile", w->id);
	return r == CRITICAL_DONE;
}

static bool see_membarrier(struct worker *w, uint64_t n)
{
	struct places *p = w->run->data;
	enum critical_result r = WORKER_TRY(w, index, slot, deref(w, index, p, &slot->counter, n));

	if (r == CRITICAL_OTHER)
		run_break(w->run, MEMBARRIER, "worker %u used with %s %u what had been taken away before the membarrier",
			  w->id, w->key == KEY_MM_CID ? "mm_cid" : "cpu_id", w->index_copy);
	return r == CRITICAL_DONE;
}

static void work(struct worker *w)
{
	static bool (*const ways[])(struct worker *, uint64_t) = { see_signal, see_membarrier, see_preemption };
	/* Who takes a CPU knows nothing of mm_cids. */
	unsigned int n_ways;

	worker_vary(w);
	/* Between the first step and the last one there is always time for the others. */
	w->critical.delay[w->ops / WORKER_BATCH % 2 ? DELAY_STORING : DELAY_LOADED] |= 256;
	n_ways = w->key == KEY_CPU_ID ? 3 : 2;
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++) {
		uint64_t n = worker_amount(w);

		if (!ways[w->ops % n_ways](w, n))
			continue;
		w->in += n;
		w->ops++;
	}
}

static void check(struct run *run)
{
	run_check_sum(run, SUM);
}

const struct workload workload_atomic = {
	.choice = { "atomic-section", "what others write meanwhile is never seen inside a section", true },
	.has_section = true,
	.keys = KEY_ANY,
	.faults = FAULTS_OF_SECTIONS | FAULT_BIT(FAULT_NO_MEMBARRIER),
	.invariants = {
		[PREEMPTION] = { "preemption", "not what the thread wrote that took the CPU" },
		[SIGNAL] = { "signal", "not what the thread's own signal handler wrote" },
		[MEMBARRIER] = { "membarrier", "not what was taken away before a membarrier" },
		[SUM] = { "sum", "no increment is lost or doubled" },
	},
	.start = start,
	.work = work,
	.check = check,
	.preempted = preempted,
	.signalled = signalled,
	.before_barrier = before_barrier,
	.after_barrier = after_barrier,
};
