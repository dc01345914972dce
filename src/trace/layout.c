/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/layout.h"

#include <errno.h>
#include <string.h>

#include "proc/maps.h"
#include "util/array.h"

/* Some 80,000 mappings: more than a process can have by default. */
#define TEXT_MAX (8u << 20)

/* The mappings of a file follow one another, now and then with an anonymous one in between. */
enum { LOOK_BACK = 4 };

static bool is_same(const struct mapping *m, const char *path, const struct layout_object *o)
{
	return o->inode == m->inode && o->path == path;
}

static int object_of(const struct mapping *m, struct intern *strings, struct layout *layout, uint32_t *ret)
{
	const char *path = intern(strings, m->path[0] ? m->path : "[anonymous]");
	struct layout_object *o;

	for (size_t i = layout->n_objects; i-- > 0 && layout->n_objects - i <= LOOK_BACK;)
		if (is_same(m, path, &layout->objects[i])) {
			*ret = (uint32_t)i;
			return 0;
		}
	o = ARRAY_ADD(layout->objects, layout->n_objects);
	if (!o)
		return -ENOMEM;
	*o = (struct layout_object){ .path = path, .inode = m->inode, .start = m->start, .end = m->end };
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
