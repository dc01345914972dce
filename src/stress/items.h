/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Things that are in one place at a time: in a slot, or held by one worker. */
#ifndef STRESS_ITEMS_H
#define STRESS_ITEMS_H

#include "stress/worker.h"

struct item {
	struct critical_node node; /* the first member: a node is an item */
	_Atomic bool held;
	bool found;
};

struct items {
	size_t n;
	struct item items[];
};

/* The invariants of every workload with items, in this order. */
enum { ITEMS_LOST, ITEMS_DOUBLED };
#define ITEMS_INVARIANTS                                                                           \
	[ITEMS_LOST] = { "lost", "nothing that was put in is lost" },                              \
	[ITEMS_DOUBLED] = { "doubled", "nothing comes out twice" }

/* As run->data, half of what workers can hold; all of it is held. 0 or -errno. */
int items_start(struct run *run);

/* Taken out by w, or given away by it: before it is put in. */
void items_take(struct worker *w, struct item *item);
struct item *items_give(struct worker *w);

/* A thing was not taken after all. */
void items_keep(struct worker *w, struct item *item);

/* Whether the worker should put one in, rather than take one out. */
bool items_should_give(struct worker *w);

/* A batch of operations, each of which puts one in or takes one out. */
static inline void items_work(struct worker *w, void (*give)(struct worker *w), void (*take)(struct worker *w))
{
	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++) {
		if (items_should_give(w))
			give(w);
		else
			take(w);
		w->ops++;
	}
}

/* Checking, while all rest: first begin, then each that was found in a slot, then end. False: no item at all. */
void items_check_begin(struct run *run);
bool items_check(struct run *run, struct item *item, uint32_t slot);
void items_check_end(struct run *run);

#endif
