/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/conclude.h"

#include <string.h>

static bool same_string(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_owner(const struct owner *a, const struct owner *b)
{
	if (a->kind != b->kind || !same_string(a->name, b->name))
		return false;
	/* Raw areas of one owner may lie in several mappings; objects and libc are told apart. */
	return a->kind == OWNER_RAW || same_string(a->object, b->object);
}

/* A table indexed by thread id: area = base + tid * stride for every thread; at least two needed. */
static const char *describe_table(struct process_facts *p)
{
	const struct thread_facts *first = NULL;
	int64_t stride = 0;

	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];
		int64_t tids, bytes;

		if (!(f->has & THREAD_REGISTRATION))
			continue;
		if (f->owner.place != PLACE_ANONYMOUS && f->owner.place != PLACE_FILE)
			return NULL;
		if (!first) {
			first = f;
			continue;
		}
		tids = (int64_t)f->tid - first->tid;
		bytes = (int64_t)(f->area - first->area);
		if (!same_string(f->owner.object, first->owner.object) || !tids || bytes % tids ||
		    (stride && bytes / tids != stride) || bytes / tids <= 0)
			return NULL;
		stride = bytes / tids;
	}
	return stride ? arena_printf(&p->arena, "a table indexed by thread id, %ld bytes each",
				     (long)stride) :
			NULL;
}

static const char *describe_raw(struct process_facts *p)
{
	const char *table = describe_table(p);

	for (size_t i = 0; !table && i < p->n_threads; i++)
		if (p->threads[i].owner.kind == OWNER_RAW &&
		    !same_string(p->threads[i].owner.object, p->owner.object))
			return "and other mappings";
	return table;
}

/* Of hundreds of objects, those stay that have to do with rseq. */
static void keep_what_matters(struct process_facts *p)
{
	_cleanup_free_ size_t *moved = calloc(p->n_objects + 1, sizeof(*moved));
	size_t n = 0;

	if (!moved)
		return;
	for (size_t i = 0; i < p->n_threads; i++)
		for (size_t k = 0; k < p->n_objects; k++)
			if (p->threads[i].owner.object == p->objects[k].path)
				p->objects[k].matters = 1;
	for (size_t k = 0; k < p->n_objects; k++) {
		moved[k] = n;
		if (p->objects[k].matters)
			p->objects[n++] = p->objects[k];
		else
			free(p->objects[k].symbols);
	}
	p->n_objects = n;
	for (size_t i = 0; i < p->n_threads; i++)
		for (size_t k = 0; k < p->threads[i].n_candidates; k++)
			p->threads[i].candidates[k].object_index = moved[p->threads[i].candidates[k].object_index];
}

static void count_threads(struct process_facts *p, bool from_kernel)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		p->threads_total++;
		if (f->registered == 1)
			p->threads_registered++;
		else if (f->registered == 0 && !f->worker && !f->exiting)
			p->threads_unregistered++;
	}
	if (from_kernel)
		p->has |= PROCESS_REGISTERED;
}

void conclude_process(struct target *t)
{
	struct process_facts *p = t->facts;
	bool any_unknown = false, any_none = false;

	count_threads(p, t->from_kernel);
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		if (f->worker || f->exiting)
			continue;
		if (f->owner.kind == OWNER_UNKNOWN)
			any_unknown = true;
		else if (f->owner.kind == OWNER_NONE)
			any_none = true;
		else if (p->owner.kind == OWNER_UNKNOWN)
			p->owner = f->owner;
		else if (p->owner.kind != OWNER_MIXED && !same_owner(&p->owner, &f->owner))
			p->owner = (struct owner){ .kind = OWNER_MIXED,
						   .confidence = f->owner.confidence };
	}
	if (p->owner.kind == OWNER_UNKNOWN && any_none && !any_unknown)
		p->owner = (struct owner){ .kind = OWNER_NONE, .confidence = CONFIDENCE_CERTAIN };
	if (p->owner.kind == OWNER_RAW)
		p->owner.detail = describe_raw(p);
	if (p->owner.kind == OWNER_UNKNOWN && p->n_threads && t->n_objects)
		process_unknown(p, "owner", "%s",
				t->from_kernel ?
					"the area is not libc's as far as is known, nor in an object that could be read" :
					"no area in its memory looks registered, and the kernel was not asked");
	keep_what_matters(p);
}
