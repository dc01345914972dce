/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/kernel.h"

struct making {
	struct tally *t;
	const struct tally_room *room;
	double seconds; /* that rates are over */
	bool last;
};

static uint64_t sum(const uint64_t *values, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += values[i];
	return total;
}

_Static_assert((int)TRACE_CAUSES == (int)CAUSES && (int)TRACE_CAUSE_UNKNOWN == (int)CAUSE_UNKNOWN &&
		       (int)TRACE_CAUSE_SIGNAL == (int)CAUSE_SIGNAL,
	       "causes have the same numbers on both sides");

static void take_counts(struct trace_tally *t, const struct trace_totals *totals)
{
	const struct trace_counts *c = &totals->counts;

	memcpy(t->causes, c->causes, sizeof(t->causes));
	t->events[EVENT_ABORT] = sum(c->causes, TRACE_CAUSES);
	t->other_sections = sum(c->sections_other, TRACE_CAUSES);
	t->events[EVENT_REGISTER] = c->registered;
	t->events[EVENT_REGISTER_FAILED] = c->register_failed;
	t->events[EVENT_UNREGISTER] = c->unregistered;
	t->events[EVENT_UNREGISTER_FAILED] = c->unregister_failed;
	t->events[EVENT_GONE] = sum(c->gone, TRACE_GONE_HOWS);
	/* A section that could not be told is named when the tally meets it. */
	t->lost = sum(c->lost, TRACE_TYPES) - c->lost[TRACE_SECTION];
	t->missed = totals->missed;
	t->missed_aborts = totals->missed_aborts;
	t->stacks_lost = c->stacks_lost;
}

static int more_first(const void *a, const void *b)
{
	const struct offset_count *x = a, *y = b;

	return x->count == y->count ? (x->offset > y->offset) - (x->offset < y->offset) :
				      (x->count < y->count) - (x->count > y->count);
}

static void take_offsets(struct arena *arena, const struct trace_section *from, struct section_tally *to)
{
	to->offsets = arena_alloc(arena, TRACE_OFFSETS * sizeof(*to->offsets));
	for (size_t i = 0; to->offsets && i < TRACE_OFFSETS && from->offsets[i].count; i++)
		to->offsets[to->n_offsets++] =
			(struct offset_count){ from->offsets[i].offset, from->offsets[i].count };
	if (to->n_offsets)
		qsort(to->offsets, to->n_offsets, sizeof(*to->offsets), more_first);
	to->offsets_other = from->offsets_other;
}

static void take_section(const struct making *m, const struct trace_section_total *from, struct section_tally *to)
{
	struct section_name *name = section_names_get(m->room->sections, &from->key, NULL, 0);
	uint64_t before = name && !m->last ? name->aborts : 0;

	to->pid = from->key.tgid;
	memcpy(to->comm, from->section.comm, sizeof(from->section.comm));
	to->section.start = from->key.start;
	to->section.length = from->key.length;
	if (name)
		to->section = name->names;
	memcpy(to->causes, from->section.causes, sizeof(to->causes));
	to->aborts = sum(to->causes, CAUSES);
	if (m->seconds > 0)
		to->per_second = (double)(to->aborts - before) / m->seconds;
	if (name && !m->last)
		name->aborts = to->aborts;
	take_offsets(&m->t->arena, &from->section, to);
}

/* --- stacks --- */

/* Found again by start, generation and process. */
struct found {
	struct trace_section_key key;
	struct section_tally *tally;
};

static int by_place(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->key.start != y->key.start)
		return x->key.start < y->key.start ? -1 : 1;
	if (x->key.generation != y->key.generation)
		return x->key.generation < y->key.generation ? -1 : 1;
	return (x->key.tgid > y->key.tgid) - (x->key.tgid < y->key.tgid);
}

static struct section_tally *find_section(const struct found *all, size_t n, const struct trace_stack_key *key)
{
	struct found wanted = { .key = { key->start, key->generation, key->tgid, 0 } };
	const struct found *f = n ? bsearch(&wanted, all, n, sizeof(*all), by_place) : NULL;

	return f ? f->tally : NULL;
}

static int most_first(const void *a, const void *b)
{
	const struct stack_count *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

static void add_stack(const struct making *m, const struct trace_stack_total *from, struct section_tally *to)
{
	struct stack_count *s = &to->stacks[to->n_stacks++];

	s->count = from->count;
	s->frames = (struct code_place *)stacks_get(m->room->stacks, &from->key, from->key.start, &s->n_frames);
}

static int take_stacks(const struct making *m, const struct found *all, size_t n)
{
	struct service_request request = { TRACE_OP_STACKS, NULL, 0 };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int r = service_call(m->room->kernel, &request, &reply, NULL);
	const struct trace_stack_total *totals = (const struct trace_stack_total *)reply.data;
	size_t n_totals = reply.len / sizeof(*totals);

	if (r < 0)
		return r;
	symbolizer_happened(m->room->symbolizer);
	/* n_stacks counts twice: first for the room, then while filling. */
	for (size_t i = 0; i < n_totals; i++) {
		struct section_tally *to = find_section(all, n, &totals[i].key);

		if (to)
			to->n_stacks++;
	}
	for (size_t i = 0; i < n; i++) {
		struct section_tally *to = all[i].tally;

		to->stacks = to->n_stacks ? arena_alloc(&m->t->arena, to->n_stacks * sizeof(*to->stacks)) : NULL;
		to->n_stacks = 0;
	}
	for (size_t i = 0; i < n_totals; i++) {
		struct section_tally *to = find_section(all, n, &totals[i].key);

		if (to && to->stacks)
			add_stack(m, &totals[i], to);
	}
	for (size_t i = 0; i < n; i++)
		if (all[i].tally->n_stacks)
			qsort(all[i].tally->stacks, all[i].tally->n_stacks, sizeof(struct stack_count), most_first);
	return 0;
}

/* --- all --- */

static int more_aborts_first(const void *a, const void *b)
{
	const struct section_tally *x = a, *y = b;

	return (x->aborts < y->aborts) - (x->aborts > y->aborts);
}

/* A section, to be brought together with the others of its process. */
struct share {
	const struct trace_section_total *from;
	struct section_tally *to;
};

static int by_process(const void *a, const void *b)
{
	const struct trace_section_key *x = &((const struct share *)a)->from->key;
	const struct trace_section_key *y = &((const struct share *)b)->from->key;

	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

/* Signals and membarrier choose their moment: only the scheduler's interruptions say something of time. */
static void share_out(const struct share *shares, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += shares[i].from->section.interruptions;
	for (size_t i = 0; i < n; i++) {
		struct section_tally *to = shares[i].to;
		uint64_t hit = to->causes[CAUSE_MIGRATE] + to->causes[CAUSE_PREEMPT] -
			       shares[i].from->section.not_measured;

		if (!all || hit > all)
			continue;
		to->interruptions = all;
		to->occupancy = (double)hit / (double)all;
		to->section.has |= EVENT_SECTION_OCCUPANCY;
	}
}

static int take_occupancy(const struct trace_section_total *from, struct section_tally *to, size_t n)
{
	_cleanup_free_ struct share *shares = calloc(n + 1, sizeof(*shares));
	size_t first = 0;

	if (!shares)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		shares[i] = (struct share){ &from[i], &to[i] };
	qsort(shares, n, sizeof(*shares), by_process);
	for (size_t i = 1; i <= n; i++)
		if (i == n || by_process(&shares[first], &shares[i]) != 0) {
			share_out(&shares[first], i - first);
			first = i;
		}
	return 0;
}

static int take_sections(const struct making *m, const struct trace_section_total *from, size_t n)
{
	struct trace_tally *t = &m->t->tally;
	_cleanup_free_ struct found *all = m->room->stacks ? calloc(n + 1, sizeof(*all)) : NULL;
	int r = 0;

	t->sections = arena_alloc(&m->t->arena, (n + 1) * sizeof(*t->sections));
	if (!t->sections || (m->room->stacks && !all))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		take_section(m, &from[i], &t->sections[i]);
	t->n_sections = n;
	if (m->room->causes && n)
		r = take_occupancy(from, t->sections, n);
	for (size_t i = 0; all && i < n; i++)
		all[i] = (struct found){ from[i].key, &t->sections[i] };
	if (all && r == 0) {
		qsort(all, n, sizeof(*all), by_place);
		r = take_stacks(m, all, n);
	}
	qsort(t->sections, n, sizeof(*t->sections), more_aborts_first);
	return r;
}

int tally_make(struct tally *t, const struct tally_room *room, uint64_t duration_ns, bool last)
{
	struct service_request request = { TRACE_OP_TOTALS, NULL, 0 };
	uint64_t since = last ? 0 : t->previous_ns;
	struct making m = { t, room, (double)(duration_ns - since) / 1e9, last };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	struct trace_totals totals;
	int r = service_call(room->kernel, &request, &reply, NULL);

	if (r < 0)
		return r;
	if (reply.len < sizeof(totals))
		return -EPIPE;
	memcpy(&totals, reply.data, sizeof(totals));
	if (reply.len != sizeof(totals) + totals.n_sections * sizeof(struct trace_section_total))
		return -EPIPE;
	symbolizer_happened(room->symbolizer);
	arena_done(&t->arena);
	t->tally = (struct trace_tally){ .has = room->causes ? TALLY_CAUSES : 0, .duration_ns = duration_ns };
	t->previous_ns = duration_ns;
	take_counts(&t->tally, &totals);
	return take_sections(&m, (const struct trace_section_total *)(reply.data + sizeof(totals)), totals.n_sections);
}

void tally_done(struct tally *t)
{
	arena_done(&t->arena);
}
