/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of records per CPU, copied in and out by sections. Every word of a record follows from its first. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "stress/worker.h"
#include "stress/workload.h"

enum { SUM, TORN };
enum { CAPACITY = 64 };

static int start(struct run *run)
{
	for (uint32_t i = 0; i < run->n_slots; i++) {
		run->slots[i].ring.capacity = CAPACITY;
		run->slots[i].ring.items = calloc((size_t)CAPACITY * CRITICAL_RECORD_WORDS, sizeof(uint64_t));
		if (!run->slots[i].ring.items)
			return -ENOMEM;
	}
	return 0;
}

static void fill(uint64_t *record, uint64_t value)
{
	for (uint64_t i = 0; i < CRITICAL_RECORD_WORDS; i++)
		record[i] = value * (i + 1);
}

static bool is_whole(const uint64_t *record)
{
	for (uint64_t i = 0; i < CRITICAL_RECORD_WORDS; i++)
		if (record[i] != record[0] * (i + 1))
			return false;
	return true;
}

static void put(struct worker *w)
{
	uint64_t record[CRITICAL_RECORD_WORDS], value = worker_random(w);

	fill(record, value);
	if (WORKER_TRY(w, index, slot, critical_copy_in(&w->critical, index, &slot->ring, record)) == CRITICAL_DONE)
		w->in += value;
}

static void take(struct worker *w)
{
	uint64_t record[CRITICAL_RECORD_WORDS] = { 0 };

	if (WORKER_TRY(w, index, slot, critical_copy_out(&w->critical, index, &slot->ring, record)) != CRITICAL_DONE)
		return;
	w->tried++;
	w->out += record[0];
	if (!is_whole(record))
		run_break(w->run, TORN, "worker %u took a record that begins with %#" PRIx64 " and ends with %#" PRIx64,
			  w->id, record[0], record[CRITICAL_RECORD_WORDS - 1]);
}

static void work(struct worker *w)
{
	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++) {
		if (worker_random(w) & 1 << 20)
			put(w);
		else
			take(w);
		w->ops++;
	}
	run_tried(w->run, TORN, w->tried);
	w->tried = 0;
}

static void check(struct run *run)
{
	uint64_t in = 0, out = 0, inside = 0;

	for (uint32_t i = 0; i < run->n_workers; i++) {
		in += run->workers[i].in;
		out += run->workers[i].out;
	}
	for (uint32_t i = 0; i < run->n_slots; i++) {
		const struct critical_ring *ring = &run->slots[i].ring;

		for (uint64_t k = 0; k < ring->used && k < ring->capacity; k++) {
			const uint64_t *record = &ring->items[k * CRITICAL_RECORD_WORDS];

			inside += record[0];
			if (!is_whole(record))
				run_break(run, TORN, "slot %u holds a record of two halves", i);
		}
	}
	run_tried(run, SUM, 1);
	if (in != out + inside)
		run_break(run, SUM, "the sum of what was put in (%#" PRIx64 ") is not that of what came out (%#" PRIx64
			  ") and is still there (%#" PRIx64 ")", in, out, inside);
}

const struct workload workload_memcpy = {
	.choice = { "memcpy", "a ring of records per CPU: copy in and out", true },
	.has_section = true,
	.keys = KEY_ANY,
	.faults = FAULTS_OF_SECTIONS,
	.invariants = {
		[SUM] = { "sum", "no record is lost or doubled" },
		[TORN] = { "torn", "every record is whole" },
	},
	.start = start,
	.work = work,
	.check = check,
};
