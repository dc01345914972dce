/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose/ask.h"

#include <string.h>

#include "model/abi.h"
#include "model/known.h"

bool ask_is_regular(const struct thread_facts *f)
{
	return !f->worker && !f->exiting && !f->changed;
}

uint32_t ask_regular_threads(const struct process_facts *p)
{
	uint32_t n = 0;

	for (size_t i = 0; i < p->n_threads; i++)
		n += ask_is_regular(&p->threads[i]);
	return n;
}

bool ask_is_registered(const struct thread_facts *f)
{
	return ask_is_regular(f) && f->has & THREAD_REGISTRATION;
}

const struct object_facts *ask_owner_object(const struct process_facts *p, const struct thread_facts *f)
{
	for (size_t i = 0; f->owner.kind == OWNER_OBJECT && i < p->n_objects; i++)
		if (p->objects[i].path == f->owner.object)
			return &p->objects[i];
	return NULL;
}

bool ask_is_owned(const struct thread_facts *f)
{
	return f->owner.kind == OWNER_LIBC || f->owner.kind == OWNER_OBJECT ||
	       f->owner.kind == OWNER_RAW;
}

bool ask_is_winner(const struct thread_facts *f, const struct candidate *c)
{
	if (f->has & THREAD_REGISTRATION)
		return c->has & CANDIDATE_ADDRESS && c->address == f->area;
	return f->owner.kind == OWNER_OBJECT && f->owner.object == c->object;
}

static const struct symbol_facts *find_symbol(const struct object_facts *o, uint8_t role)
{
	for (size_t i = 0; i < o->n_symbols; i++)
		if (o->symbols[i].role == role && o->symbols[i].defined)
			return &o->symbols[i];
	return NULL;
}

/* An executable that uses a library's variable has a copy of it, and that copy is the live one. */
const struct symbol_facts *ask_live_symbol(const struct process_facts *p, size_t object, uint8_t role)
{
	const struct symbol_facts *own = find_symbol(&p->objects[object], role);

	if (!own || own->wins != 0)
		return own;
	for (size_t i = 0; i < p->n_objects; i++) {
		const struct symbol_facts *s = find_symbol(&p->objects[i], role);

		if (s && s->wins == 1 && p->objects[i].namespace == p->objects[object].namespace)
			return s;
	}
	return own;
}

bool ask_cooperates(const struct process_facts *p, size_t object)
{
	const struct symbol_facts *offset;

	if (object >= p->n_objects)
		return false;
	offset = ask_live_symbol(p, object, ROLE_LIBRSEQ_OFFSET);
	return offset && offset->has & SYMBOL_VALUE && p->libc.has & LIBC_OFFSET &&
	       p->libc.has & LIBC_SIZE && p->libc.rseq_size &&
	       (int64_t)offset->value == p->libc.rseq_offset;
}

bool ask_is_lazy(const struct process_facts *p, const struct thread_facts *f)
{
	if (p->owner.kind != OWNER_OBJECT || !p->owner.name || strcmp(p->owner.name, "tcmalloc"))
		return false;
	for (size_t i = 0; i < f->n_candidates; i++)
		if (f->candidates[i].object == p->owner.object && f->candidates[i].has & CANDIDATE_CPU_ID)
			return f->candidates[i].cpu_id == RSEQ_CPU_ID_UNINITIALIZED;
	return false;
}

bool ask_has_cached_pointer(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_objects; i++)
		if (find_symbol(&p->objects[i], ROLE_SLABS))
			return true;
	return false;
}

static void count(const struct thread_facts *f, const struct candidate *c, struct standing *s)
{
	s->name = c->name;
	s->path = c->object;
	if (!(c->has & CANDIDATE_CPU_ID) || !ask_is_owned(f) || ask_is_winner(f, c))
		return;
	if (c->cpu_id == RSEQ_CPU_ID_REGISTRATION_FAILED && !s->refused++) {
		s->first_refused = f->tid;
		s->refused_area = c->address;
	}
	/* A counter above 0 says that it had started, and was unregistered since. */
	if (c->cpu_id == RSEQ_CPU_ID_UNINITIALIZED && !(c->has & CANDIDATE_REFCOUNT && c->refcount) &&
	    !s->not_started++)
		s->first_not_started = f->tid;
}

struct standing ask_standing(const struct process_facts *p, size_t object)
{
	struct standing s = { .object = object };

	if (!p->objects[object].has_area || ask_cooperates(p, object))
		return s;
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		for (size_t k = 0; ask_is_regular(f) && k < f->n_candidates; k++)
			if (f->candidates[k].object_index == object)
				count(f, &f->candidates[k], &s);
	}
	return s;
}

const char *ask_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *ask_owner_words(struct arena *arena, const struct process_facts *p, const struct owner *o)
{
	const char *version = p->libc.version;

	switch (o->kind) {
	case OWNER_LIBC:
		return version ? arena_printf(arena, "%s %s", o->name ? o->name : "libc", version) :
				 arena_strdup(arena, o->name ? o->name : "libc");
	case OWNER_OBJECT:
		if (o->name)
			return arena_printf(arena, "%s (%s)", o->name, ask_base_name(o->object));
		return arena_printf(arena, "%s", o->object ? ask_base_name(o->object) : "an object");
	case OWNER_MIXED:
		return "another owner";
	case OWNER_RAW:
		if (o->detail)
			return arena_printf(arena, "memory of no object (%s, %s)",
					    o->object ? o->object : "unmapped", o->detail);
		return arena_printf(arena, "memory of no object (%s)",
				    o->place == PLACE_UNMAPPED ? "not mapped any more" :
				    o->object		       ? o->object :
								 "unknown mapping");
	}
	return "nobody";
}
