/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose/summary.h"

#include <stdlib.h>
#include <string.h>

#include "util/array.h"

/*
 * What makes processes alike: a name, with libc's version, where there is one. An object without a
 * name is told by its path, since different programs have different reasons; plain memory by its kind.
 */
static const char *owner_key(struct arena *arena, const struct process_facts *p)
{
	const struct owner *o = &p->owner;

	if (o->kind == OWNER_LIBC && o->name && p->libc.version)
		return arena_printf(arena, "%s %s", o->name, p->libc.version);
	if (o->kind == OWNER_LIBC || o->kind == OWNER_OBJECT) {
		if (o->name)
			return o->name;
		if (o->kind == OWNER_OBJECT && o->object)
			return o->object;
	}
	return owner_kind_names[o->kind];
}

static void count_owner(struct summary *s, const struct process_facts *p)
{
	struct arena scratch = { 0 };
	const char *key = owner_key(&scratch, p);
	struct summary_owner *o = NULL;

	for (size_t i = 0; i < s->n_owners && !o; i++)
		if (!strcmp(s->owners[i].owner, key))
			o = &s->owners[i];
	if (!o && (o = ARRAY_ADD(s->owners, s->n_owners)))
		o->owner = arena_strdup(&s->arena, key);
	if (o)
		o->processes++;
	arena_done(&scratch);
}

static bool is_counted(const struct findings *all, size_t first, size_t i)
{
	for (size_t k = first; k < i; k++)
		if (all->items[k].severity == all->items[i].severity && !strcmp(all->items[k].id, all->items[i].id))
			return true;
	return false;
}

static void count_finding(struct summary *s, const struct finding *finding)
{
	struct summary_finding *f = NULL;

	for (size_t i = 0; i < s->n_findings && !f; i++)
		if (s->findings[i].severity == finding->severity && !strcmp(s->findings[i].id, finding->id))
			f = &s->findings[i];
	if (!f && (f = ARRAY_ADD(s->findings, s->n_findings))) {
		f->id = arena_strdup(&s->arena, finding->id);
		f->severity = finding->severity;
	}
	if (f)
		f->processes++;
}

void summary_add(struct summary *s, const struct process_facts *p, const struct findings *findings,
		 size_t first)
{
	enum severity worst = SEVERITY_NONE;

	s->processes++;
	count_owner(s, p);
	for (size_t i = first; i < findings->n; i++) {
		if (findings->items[i].severity > worst)
			worst = findings->items[i].severity;
		if (!is_counted(findings, first, i))
			count_finding(s, &findings->items[i]);
	}
	s->worst[worst]++;
}

static int by_number(uint32_t a, uint32_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int by_owner(const void *a, const void *b)
{
	const struct summary_owner *x = a, *y = b;
	int r = by_number(x->processes, y->processes);

	return r ? r : strcmp(x->owner, y->owner);
}

static int by_finding(const void *a, const void *b)
{
	const struct summary_finding *x = a, *y = b;
	int r = by_number(x->severity, y->severity);

	if (!r)
		r = by_number(x->processes, y->processes);
	return r ? r : strcmp(x->id, y->id);
}

void summary_sort(struct summary *s)
{
	if (s->n_owners)
		qsort(s->owners, s->n_owners, sizeof(*s->owners), by_owner);
	if (s->n_findings)
		qsort(s->findings, s->n_findings, sizeof(*s->findings), by_finding);
}
