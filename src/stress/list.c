/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A linked list per CPU, of nodes that are pushed and popped. */
#include "stress/items.h"
#include "stress/workload.h"

static void give(struct worker *w)
{
	struct item *item = items_give(w);

	if (WORKER_TRY(w, index, slot, critical_push(&w->critical, index, &slot->head, &item->node)) != CRITICAL_DONE)
		items_keep(w, item);
}

static void take(struct worker *w)
{
	struct critical_node *got = NULL;

	if (WORKER_TRY(w, index, slot, critical_pop(&w->critical, index, &slot->head, &got)) == CRITICAL_DONE)
		items_take(w, (struct item *)got);
}

static void work(struct worker *w)
{
	items_work(w, give, take);
}

static void check(struct run *run)
{
	items_check_begin(run);
	for (uint32_t i = 0; i < run->n_slots; i++)
		for (struct critical_node *n = run->slots[i].head; n; n = n->next)
			if (!items_check(run, (struct item *)n, i))
				return;
	items_check_end(run);
}

const struct workload workload_list = {
	.choice = { "list", "a linked list per CPU: push and pop", true },
	.has_section = true,
	.keys = KEY_ANY,
	.faults = FAULTS_OF_SECTIONS,
	.invariants = { ITEMS_INVARIANTS },
	.start = items_start,
	.work = work,
	.check = check,
};
