/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/lookup.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "collect/objects.h"
#include "collect/reads.h"
#include "model/known.h"

/* A real process takes some thousands; one with thousands of objects of hundreds of symbols was made to. */
#define STEPS_MAX 50000000

_Static_assert(KNOWN_SYMBOLS_MAX <= 64, "one bit each");

/* --- who needs whom --- */

struct name {
	const char *name;
	uint32_t namespace, object;
};

struct names {
	struct name *items;
	size_t n;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (x->namespace != y->namespace)
		return x->namespace < y->namespace ? -1 : 1;
	return order ? order : x->object < y->object ? -1 : x->object > y->object;
}

/* An object is known by its soname, and by the name of its file. */
static struct names gather_names(const struct target *t)
{
	struct names names = { calloc(2 * t->n_objects + 1, sizeof(*names.items)), 0 };

	for (uint32_t i = 0; names.items && i < t->n_objects; i++) {
		const struct object *o = &t->objects[i];

		names.items[names.n++] = (struct name){ base_name(objects_path(t, o)), o->namespace, i };
		if (o->image && o->image->soname[0])
			names.items[names.n++] = (struct name){ o->image->soname, o->namespace, i };
	}
	if (names.n)
		qsort(names.items, names.n, sizeof(*names.items), by_name);
	return names;
}

/* The first in link order; UINT32_MAX for none. */
static uint32_t find_provider(const struct names *names, uint32_t namespace, const char *needed)
{
	struct name key = { base_name(needed), namespace, 0 };
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_name(&names->items[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < names->n && names->items[low].namespace == namespace &&
			       !strcmp(names->items[low].name, key.name) ?
		       names->items[low].object : UINT32_MAX;
}

static void find_needs(struct target *t)
{
	struct names names = gather_names(t);

	for (size_t i = 0; i < t->n_objects; i++) {
		struct object *o = &t->objects[i];

		if (o->image && o->image->n_needed)
			o->needs = calloc(o->image->n_needed, sizeof(*o->needs));
		for (uint32_t k = 0; o->needs && k < o->image->n_needed; k++) {
			uint32_t found = find_provider(&names, o->namespace, o->image->needed[k]);

			if (found != UINT32_MAX)
				o->needs[o->n_needs++] = found;
		}
	}
	free(names.items);
}

struct closure {
	uint32_t *order;
	bool *seen;
	size_t n;
};

static void closure_done(struct closure *c)
{
	free(c->order);
	free(c->seen);
}

static bool closure_init(struct closure *c, const struct target *t)
{
	*c = (struct closure){ calloc(t->n_objects + 1, sizeof(*c->order)),
			       calloc(t->n_objects + 1, sizeof(*c->seen)), 0 };
	return c->order && c->seen;
}

/* Appends root and all that it needs, directly or not, breadth first, but for what was seen before. */
static void closure_add(struct closure *c, const struct target *t, uint32_t root)
{
	size_t at = c->n;

	if (c->seen[root])
		return;
	c->seen[root] = true;
	for (c->order[c->n++] = root; at < c->n; at++) {
		const struct object *o = &t->objects[c->order[at]];

		for (uint32_t i = 0; i < o->n_needs; i++) {
			if (c->seen[o->needs[i]])
				continue;
			c->seen[o->needs[i]] = true;
			c->order[c->n++] = o->needs[i];
		}
	}
}

/*
 * What the program needs, directly or not, was loaded with it; so was what stands before the last of
 * these in link order (LD_PRELOAD). What follows came by dlopen.
 */
static void mark_startup(struct target *t)
{
	struct closure c;
	uint32_t last = 0;

	if (closure_init(&c, t) && t->n_objects)
		closure_add(&c, t, 0);
	for (size_t i = 0; i < c.n; i++) {
		t->objects[c.order[i]].needed = true;
		if (c.order[i] > last)
			last = c.order[i];
	}
	for (size_t i = 0; i < t->n_objects; i++)
		t->objects[i].startup = t->objects[i].needed || (!t->objects[i].namespace && i < last);
	closure_done(&c);
}

static void mark_kept(struct target *t)
{
	struct closure c;
	bool ok = closure_init(&c, t);

	for (uint32_t i = 0; ok && i < t->n_objects; i++)
		if (t->objects[i].image && t->objects[i].image->nodelete)
			closure_add(&c, t, i);
	for (size_t i = 0; i < c.n; i++)
		t->objects[c.order[i]].kept = true;
	closure_done(&c);
}

/* In the global scope of its namespace: by ld.so's own list, or, unread, as loaded with the program. */
static bool is_global(const struct target *t, const struct object *o)
{
	return t->scoped ? o->scope != 0 : o->startup;
}

/* An object's own scope is that of the dlopen that brought it: the first whose needs lead to it. */
static void mark_roots(struct target *t)
{
	struct closure c;
	bool ok = closure_init(&c, t);

	for (uint32_t i = 0; i < t->n_objects; i++)
		t->objects[i].root = i;
	for (uint32_t i = 0; ok && i < t->n_objects; i++) {
		size_t from = c.n;

		if (is_global(t, &t->objects[i]))
			continue;
		closure_add(&c, t, i);
		for (size_t k = from; k < c.n; k++)
			t->objects[c.order[k]].root = i;
	}
	closure_done(&c);
}

static void mark_exports(struct target *t)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		for (uint32_t k = 0; image && k < image->n_symbols; k++)
			if (image->symbols[k].defined && image->symbols[k].exported)
				t->objects[i].exports |= 1ul << image->symbols[k].known;
	}
}

void lookup_prepare(struct target *t)
{
	t->lookup_steps = STEPS_MAX;
	mark_exports(t);
	find_needs(t);
	mark_startup(t);
	mark_kept(t);
	mark_roots(t);
}

/* --- one definition --- */

/* check_match: a version that is asked for must be the same; none asked for means the default one. */
static bool matches(const struct image_symbol *def, const struct image_symbol *wanted)
{
	if (def->known != wanted->known || !def->defined || !def->exported)
		return false;
	if (!wanted->version[0])
		return !def->hidden;
	return !strcmp(def->version, wanted->version) || (!def->version[0] && !def->hidden);
}

static bool has_match(struct target *t, const struct object *o, const struct image_symbol *wanted)
{
	t->lookup_steps--;
	if (!(o->exports >> wanted->known & 1))
		return false;
	t->lookup_steps -= o->image->n_symbols;
	for (uint32_t k = 0; k < o->image->n_symbols; k++)
		if (matches(&o->image->symbols[k], wanted))
			return true;
	return false;
}

/* What was opened for all after that object had been loaded was not there when its names were looked up. */
static bool came_later(const struct target *t, size_t object, size_t from)
{
	return object > from && !t->objects[object].startup;
}

static size_t find_global(struct target *t, size_t from, const struct image_symbol *wanted)
{
	uint32_t namespace = t->objects[from].namespace;
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < t->n_objects; i++) {
		const struct object *o = &t->objects[i];

		if (o->namespace != namespace || !is_global(t, o) || came_later(t, i, from) ||
		    !has_match(t, o, wanted))
			continue;
		if (!t->scoped)
			return i;
		if (found == SIZE_MAX || o->scope < t->objects[found].scope)
			found = i;
	}
	return found;
}

static size_t find_local(struct target *t, size_t from, const struct image_symbol *wanted)
{
	size_t found = SIZE_MAX;
	struct closure c;

	if (closure_init(&c, t))
		closure_add(&c, t, t->objects[from].root);
	for (size_t i = 0; i < c.n && found == SIZE_MAX; i++)
		if (has_match(t, &t->objects[c.order[i]], wanted))
			found = c.order[i];
	t->lookup_steps -= (int64_t)t->n_objects;
	closure_done(&c);
	return found;
}

size_t lookup_find(struct target *t, size_t from, const struct image_symbol *symbol)
{
	size_t found;

	if (t->lookup_steps <= 0)
		return SIZE_MAX;
	found = find_global(t, from, symbol);
	if (found == SIZE_MAX)
		found = find_local(t, from, symbol);
	if (t->lookup_steps <= 0)
		process_unknown(t->facts, "objects[].symbols[].wins", "too many definitions to look them all up");
	return found;
}

/* --- what the dynamic linker wrote down --- */

static bool is_written(const struct target *t, const struct object *o, const struct image_symbol *def,
		       const struct image_symbol *ref, uint64_t word)
{
	uint64_t tpoff = 0;

	switch (ref->slot_kind) {
	case SLOT_MODULE:
		return o->has_tls_modid && o->tls_modid == word;
	case SLOT_TPOFF:
		if (!o->has_tls_offset || !arch_static_tls(t->abi, 0, o->tls_offset, &tpoff))
			return false;
		tpoff += def->value + (uint64_t)ref->addend;
		return t->abi->word == 4 ? (uint32_t)tpoff == (uint32_t)word : tpoff == word;
	default:
		return o->base + def->value + (uint64_t)ref->addend == word;
	}
}

/* The object with a definition that the word means. */
static uint32_t find_written(struct target *t, const struct image_symbol *ref, uint64_t word)
{
	for (uint32_t i = 0; word && i < t->n_objects && t->lookup_steps > 0; i++) {
		const struct object *o = &t->objects[i];

		t->lookup_steps--;
		if (!(o->exports >> ref->known & 1))
			continue;
		t->lookup_steps -= o->image->n_symbols;
		for (uint32_t k = 0; k < o->image->n_symbols; k++) {
			const struct image_symbol *def = &o->image->symbols[k];

			if (def->known == ref->known && def->defined && def->exported &&
			    is_written(t, o, def, ref, word))
				return i;
		}
	}
	return word ? BOUND_UNKNOWN : BOUND_NONE;
}

/* A word is there to be read if the object went through relocation: one that is being loaded has 0 yet. */
void lookup_read_bound(struct target *t)
{
	struct reads reads = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < t->n_objects; i++) {
		struct object *o = &t->objects[i];

		if (o->image && o->image->n_symbols)
			o->bound = calloc(o->image->n_symbols, sizeof(*o->bound));
		for (uint32_t k = 0; o->bound && k < o->image->n_symbols; k++) {
			o->bound[k] = BOUND_UNKNOWN;
			if (o->image->symbols[k].slot_kind)
				reads_add(&reads, o->base + o->image->symbols[k].slot, t->abi->word);
		}
	}
	if (!reads.n || reads_run(&reads, t->reader) < 0)
		at = SIZE_MAX;
	for (size_t i = 0; at != SIZE_MAX && i < t->n_objects; i++)
		for (uint32_t k = 0; t->objects[i].bound && k < t->objects[i].image->n_symbols; k++) {
			const struct image_symbol *s = &t->objects[i].image->symbols[k];
			const void *word = s->slot_kind ? reads_get(&reads, at++) : NULL;

			if (word)
				t->objects[i].bound[k] = find_written(t, s, target_word(t, word));
		}
	reads_done(&reads);
}

/* A variable that no relocation names is never filled in: the link editor left 0 there. */
static bool was_left_empty(const struct image_symbol *symbol)
{
	enum known_role role = known_symbols[symbol->known].role;

	return !symbol->defined && !symbol->slot_kind &&
	       (role == ROLE_LIBC_OFFSET || role == ROLE_LIBC_SIZE || role == ROLE_LIBC_FLAGS);
}

uint32_t lookup_bound(struct target *t, size_t object, const struct image_symbol *symbol)
{
	const struct object *o = &t->objects[object];
	uint32_t bound = o->bound ? o->bound[symbol - o->image->symbols] : BOUND_UNKNOWN;
	size_t found;

	if (was_left_empty(symbol))
		return BOUND_NONE;
	if (bound != BOUND_UNKNOWN)
		return bound;
	found = lookup_find(t, object, symbol);
	return found == SIZE_MAX ? BOUND_NONE : (uint32_t)found;
}

static bool others_are_bound(struct target *t, size_t object, uint8_t known)
{
	for (size_t i = 0; i < t->n_objects && t->lookup_steps > 0; i++) {
		const struct object *o = &t->objects[i];

		for (uint32_t k = 0; o->bound && k < o->image->n_symbols; k++, t->lookup_steps--)
			if (o->bound[k] == object && o->image->symbols[k].known == known)
				return true;
	}
	return false;
}

bool lookup_is_used(struct target *t, size_t object, const struct image_symbol *symbol)
{
	const struct object *o = &t->objects[object];

	if (!symbol->defined)
		return false;
	if (!symbol->exported || !t->dynamic || symbol->visibility != STV_DEFAULT || o->image->symbolic)
		return true;
	return lookup_bound(t, object, symbol) == object || others_are_bound(t, object, symbol->known);
}

const char *lookup_reason(const struct target *t, size_t object)
{
	const struct object *o = &t->objects[object];

	if (object == 0)
		return "executable";
	if (o->namespace == NAMESPACE_UNKNOWN)
		return "in no list of the dynamic linker";
	if (o->namespace)
		return "link namespace";
	if (o->startup)
		return o->needed ? "dependency order" : "preload";
	return is_global(t, o) ? "global scope" : "local scope";
}
