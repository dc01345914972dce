/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/items.h"

#include <errno.h>
#include <stdlib.h>

enum { PER_WORKER = WORKER_HELD / 2 };

int items_start(struct run *run)
{
	size_t n = (size_t)run->n_workers * PER_WORKER;
	struct items *all = calloc(1, sizeof(*all) + n * sizeof(all->items[0]));

	if (!all)
		return -ENOMEM;
	all->n = n;
	for (size_t i = 0; i < n; i++) {
		struct worker *w = &run->workers[i / PER_WORKER];

		all->items[i].held = true;
		w->held[w->n_held++] = &all->items[i];
	}
	run->data = all;
	return 0;
}

void items_keep(struct worker *w, struct item *item)
{
	atomic_store(&item->held, true);
	w->held[w->n_held++] = item;
}

void items_take(struct worker *w, struct item *item)
{
	run_tried(w->run, ITEMS_DOUBLED, 1);
	if (!item) /* of an abort that was taken for success */
		return;
	if (atomic_exchange(&item->held, true))
		run_break(w->run, ITEMS_DOUBLED, "worker %u took out what another one already held", w->id);
	else
		w->held[w->n_held++] = item;
}

struct item *items_give(struct worker *w)
{
	struct item *item = w->held[--w->n_held];

	atomic_store(&item->held, false);
	return item;
}

bool items_should_give(struct worker *w)
{
	if (w->n_held == 0 || w->n_held == WORKER_HELD)
		return w->n_held != 0;
	return worker_random(w) & 1 << 20;
}

void items_check_begin(struct run *run)
{
	struct items *all = run->data;

	for (size_t i = 0; i < all->n; i++)
		all->items[i].found = false;
}

bool items_check(struct run *run, struct item *item, uint32_t slot)
{
	struct items *all = run->data;

	if (item < all->items || item >= all->items + all->n) {
		run_break(run, ITEMS_DOUBLED, "slot %u holds what nobody put in", slot);
		return false;
	}
	if (item->found || atomic_load(&item->held)) {
		run_break(run, ITEMS_DOUBLED, "item %zu is in slot %u and %s", (size_t)(item - all->items), slot,
			  item->found ? "in a slot before it, or twice there" : "held by a worker");
		return false;
	}
	item->found = true;
	return true;
}

void items_check_end(struct run *run)
{
	struct items *all = run->data;
	size_t lost = 0, first = 0;

	run_tried(run, ITEMS_LOST, 1);
	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i].found && !atomic_load(&all->items[i].held)) {
			first = lost ? first : i;
			lost++;
		}
	if (lost)
		run_break(run, ITEMS_LOST, "%zu of %zu items are in no slot and held by nobody, first item %zu",
			  lost, all->n, first);
}
