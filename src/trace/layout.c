/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/layout.h"

#include <errno.h>
#include <string.h>

#include "proc/maps.h"
#include "util/array.h"

/* Some 80,000 mappings: more than a process can have by default. */
#define TEXT_MAX (8u << 20)

/* The mappings of a file follow one another, now and then with an anonymous one in between. */
enum { LOOK_BACK = 4, LOOK_AHEAD = 256 };

/* Paths are interned. */
static bool is_same(const struct layout_object *a, const struct layout_object *b)
{
	return a->inode == b->inode && a->device == b->device && a->path == b->path;
}

static int object_of(const struct mapping *m, struct intern *strings, struct layout *layout, uint32_t *ret)
{
	const struct layout_object object = {
		.path = intern(strings, m->path[0] ? m->path : "[anonymous]"),
		.inode = m->inode,
		.device = (uint64_t)m->dev_major << 32 | m->dev_minor,
		.start = m->start,
		.end = m->end,
		.executable = m->executable,
	};
	struct layout_object *o;

	for (size_t i = layout->n_objects; i-- > 0 && layout->n_objects - i <= LOOK_BACK;) {
		o = &layout->objects[i];
		if (!is_same(&object, o))
			continue;
		if (object.executable && !o->executable)
			*o = object;
		*ret = (uint32_t)i;
		return 0;
	}
	o = ARRAY_ADD(layout->objects, layout->n_objects);
	if (!o)
		return -ENOMEM;
	*o = object;
	*ret = (uint32_t)layout->n_objects - 1;
	return 0;
}

static int take(const struct maps *maps, struct intern *strings, struct layout *layout)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct mapping *m = &maps->items[i];
		struct region *r = ARRAY_ADD(layout->regions, layout->n);

		if (!r)
			return -ENOMEM;
		*r = (struct region){ .start = m->start, .end = m->end, .offset = m->offset };
		if (object_of(m, strings, layout, &r->object) < 0)
			return -ENOMEM;
	}
	return 0;
}

int layout_parse(struct span text, struct intern *strings, struct layout *ret)
{
	struct layout layout = { 0 };
	struct arena arena = { 0 };
	struct maps maps;
	int r;

	if (text.len > TEXT_MAX)
		return -EFBIG;
	r = maps_parse(text, &arena, &maps);
	if (r == 0) {
		r = take(&maps, strings, &layout);
		maps_done(&maps);
	}
	arena_done(&arena);
	if (r < 0)
		layout_done(&layout);
	else
		*ret = layout;
	return r;
}

void layout_done(struct layout *layout)
{
	free(layout->regions);
	free(layout->objects);
	*layout = (struct layout){ 0 };
}

static void *copy(const void *items, size_t n, size_t size)
{
	void *p = n ? reallocarray(NULL, n, size) : NULL;

	return p ? memcpy(p, items, n * size) : NULL;
}

int layout_copy(const struct layout *layout, struct layout *ret)
{
	struct layout c = {
		.regions = copy(layout->regions, layout->n, sizeof(*layout->regions)),
		.objects = copy(layout->objects, layout->n_objects, sizeof(*layout->objects)),
		.n = layout->n,
		.n_objects = layout->n_objects,
	};

	if ((c.n && !c.regions) || (c.n_objects && !c.objects)) {
		layout_done(&c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

const struct layout_object *layout_find_same(const struct layout *layout, const struct layout_object *o)
{
	for (size_t i = 0; i < layout->n_objects; i++)
		if (is_same(&layout->objects[i], o))
			return &layout->objects[i];
	return NULL;
}

/* Both are by address: what is still there comes in the same order. */
void layout_inherit(struct layout *layout, const struct layout *earlier)
{
	size_t next = 0;

	for (size_t i = 0; i < layout->n_objects; i++) {
		struct layout_object *o = &layout->objects[i];

		for (size_t k = next; k < earlier->n_objects && k - next < LOOK_AHEAD; k++) {
			const struct layout_object *e = &earlier->objects[k];

			if (!is_same(e, o))
				continue;
			o->was_identified = e->identified || e->was_identified;
			o->key = e->key;
			next = k + 1;
			break;
		}
	}
}

size_t layout_size(const struct layout *layout)
{
	/* Arrays grow by doubling. */
	return 2 * (layout->n * sizeof(*layout->regions) + layout->n_objects * sizeof(*layout->objects));
}

const struct region *layout_find(const struct layout *layout, uint64_t addr)
{
	size_t low = 0, high = layout->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct region *r = &layout->regions[mid];

		if (addr < r->start)
			high = mid;
		else if (addr >= r->end)
			low = mid + 1;
		else
			return r;
	}
	return NULL;
}
