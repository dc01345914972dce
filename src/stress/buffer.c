/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of pointers per CPU. */
#include <errno.h>
#include <stdlib.h>

#include "stress/items.h"
#include "stress/workload.h"

static int start(struct run *run)
{
	uint64_t capacity = (uint64_t)run->n_workers * WORKER_HELD / 4 + 1;
	int r = items_start(run);

	for (uint32_t i = 0; r == 0 && i < run->n_slots; i++) {
		run->slots[i].ring = (struct critical_ring){ 0, capacity, calloc(capacity, sizeof(uint64_t)) };
		if (!run->slots[i].ring.items)
			r = -ENOMEM;
	}
	return r;
}

static void give(struct worker *w)
{
	struct item *item = items_give(w);

	if (WORKER_TRY(w, index, slot, critical_put(&w->critical, index, &slot->ring, (uint64_t)(uintptr_t)item)) !=
	    CRITICAL_DONE)
		items_keep(w, item);
}

static void take(struct worker *w)
{
	uint64_t got = 0;

	if (WORKER_TRY(w, index, slot, critical_take(&w->critical, index, &slot->ring, &got)) == CRITICAL_DONE)
		items_take(w, (struct item *)(uintptr_t)got);
}

static void work(struct worker *w)
{
	items_work(w, give, take);
}

static void check(struct run *run)
{
	items_check_begin(run);
	for (uint32_t i = 0; i < run->n_slots; i++) {
		const struct critical_ring *ring = &run->slots[i].ring;

		for (uint64_t k = 0; k < ring->used && k < ring->capacity; k++)
			if (!items_check(run, (struct item *)(uintptr_t)ring->items[k], i))
				return;
	}
	items_check_end(run);
}

const struct workload workload_buffer = {
	.choice = { "buffer", "a ring of pointers per CPU: push and pop", true },
	.has_section = true,
	.keys = KEY_ANY,
	.faults = FAULTS_OF_SECTIONS,
	.invariants = { ITEMS_INVARIANTS },
	.start = start,
	.work = work,
	.check = check,
};
