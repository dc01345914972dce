/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lock per CPU. Who holds it may be anywhere meanwhile, and releases it from there. */
#include <inttypes.h>

#include "stress/worker.h"
#include "stress/workload.h"

enum { SUM, EXCLUSIVE };

/* NULL: something was broken meanwhile. */
static struct slot *take_lock(struct worker *w)
{
	enum critical_result r;
	struct slot *locked;

	do {
		r = WORKER_TRY(w, index, slot, (locked = slot, critical_lock(&w->critical, index, &slot->lock)));
		if (r == CRITICAL_OTHER)
			sched_yield();
	} while (r == CRITICAL_OTHER && !atomic_load_explicit(&w->run->shared->broken, memory_order_relaxed));
	return r == CRITICAL_DONE ? locked : NULL;
}

/* Protected by the lock alone. */
static void hold(struct worker *w, struct slot *slot)
{
	uint64_t sum = __atomic_load_n(&slot->counter, __ATOMIC_RELAXED), r = worker_random(w), n = worker_amount(w), owner;
	/* Sometimes so long that others come while it is held. */
	uint64_t rounds = (r >> 8) % (r % 8 ? 256 : 32768);

	__atomic_store_n(&slot->owner, w->id + 1, __ATOMIC_RELAXED);
	for (volatile uint64_t i = 0; i < rounds; i++)
		;
	__atomic_store_n(&slot->counter, sum + n, __ATOMIC_RELAXED);
	w->in += n;
	owner = __atomic_load_n(&slot->owner, __ATOMIC_RELAXED);
	if (owner != w->id + 1)
		run_break(w->run, EXCLUSIVE, "worker %u and worker %" PRIu64 " held the lock of slot %zu together",
			  w->id, owner - 1, (size_t)(slot - w->run->slots));
}

static void work(struct worker *w)
{
	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++) {
		struct slot *slot = take_lock(w);

		if (!slot)
			break;
		hold(w, slot);
		critical_unlock(&slot->lock);
		w->ops++;
	}
	run_tried(w->run, EXCLUSIVE, 1);
}

static void check(struct run *run)
{
	run_check_sum(run, SUM);
}

const struct workload workload_lock = {
	.choice = { "lock", "a lock per CPU, released from anywhere", true },
	.has_section = true,
	.keys = KEY_ANY,
	.faults = FAULTS_OF_SECTIONS,
	.invariants = {
		[SUM] = { "sum", "no increment under the lock is lost" },
		[EXCLUSIVE] = { "exclusive", "one thread at a time holds a lock" },
	},
	.work = work,
	.check = check,
};
