/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/attribute.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "collect/objects.h"
#include "proc/reader.h"

/* sizeof(struct pthread) is 2,368 in 2.36 of x86-64; an area is at most 64 bytes, aligned to 64. */
enum { DESCRIPTOR_MAX = 4096, EXTRA_TLS_MAX = 256 };

struct owner attribute_libc(const struct target *t)
{
	return (struct owner){ .kind = OWNER_LIBC,
			       .place = PLACE_LIBC,
			       .confidence = CONFIDENCE_CERTAIN,
			       .name = t->facts->libc.name,
			       .object = t->facts->libc.object };
}

static bool attribute_candidate(const struct thread_facts *f, struct owner *ret)
{
	for (size_t i = 0; i < f->n_candidates; i++) {
		const struct candidate *c = &f->candidates[i];

		if (!(c->has & CANDIDATE_ADDRESS) || c->address != f->area)
			continue;
		*ret = (struct owner){ .kind = OWNER_OBJECT,
				       .place = PLACE_TLS_SYMBOL,
				       .confidence = CONFIDENCE_CERTAIN,
				       .name = c->name,
				       .object = c->object,
				       .symbol = c->symbol,
				       .room = c->size };
		return true;
	}
	return false;
}

static bool attribute_tls_block(const struct target *t, const struct tls_blocks *blocks,
				size_t thread, const struct thread_facts *f, struct owner *ret)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;
		uint64_t block;

		if (!image || !tls_block(blocks, thread, i, &block) || f->area < block ||
		    f->area - block >= image->tls_memsz)
			continue;
		*ret = (struct owner){ .kind = OWNER_OBJECT,
				       .place = PLACE_TLS_BLOCK,
				       .confidence = CONFIDENCE_CERTAIN,
				       .name = objects_name(image, NULL),
				       .object = objects_path(t, &t->objects[i]),
				       .room = image->tls_memsz - (f->area - block) };
		return true;
	}
	return false;
}

static bool attribute_data(const struct target *t, const struct thread_facts *f, struct owner *ret)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		for (uint32_t k = 0; image && k < image->n_segments; k++) {
			uint64_t start = t->objects[i].base + image->segments[k].vaddr;

			if (f->area < start || f->area - start >= image->segments[k].memsz)
				continue;
			*ret = (struct owner){ .kind = OWNER_OBJECT,
					       .place = PLACE_DATA,
					       .confidence = CONFIDENCE_CERTAIN,
					       .name = objects_name(image, NULL),
					       .object = objects_path(t, &t->objects[i]) };
			return true;
		}
	}
	return false;
}

/*
 * A static program without symbols does not say where libc's area is. But what surrounds the thread
 * pointer is libc's, or from malloc: its descriptor of the thread (2.35 to 2.40 keep the area in it), and, beyond
 * the program's own TLS, the extra block that 2.41 and newer put there (c813c1490d).
 */
static bool is_libc_memory(const struct target *t, const struct tls_blocks *blocks, size_t thread,
			   const struct thread_facts *f)
{
	const struct image *image = t->objects[0].image;
	uint64_t block = f->tp, end, extra = EXTRA_TLS_MAX + image->tls_align;

	tls_block(blocks, thread, 0, &block);
	end = block + image->tls_memsz;
	if (t->abi->variant == 2)
		return (f->area >= f->tp && f->area - f->tp < DESCRIPTOR_MAX) ||
		       (f->area < block && block - f->area <= extra);
	return (f->area < f->tp && f->tp - f->area <= DESCRIPTOR_MAX) ||
	       (f->area >= end && f->area - end < extra);
}

/* libc's own __rseq_offset, with __rseq_size beside it: without symbols, but still in the program's data. */
static bool holds_values(const struct target *t, const char *data, size_t size, int64_t offset)
{
	size_t word = t->abi->word;

	for (size_t at = 0; at + word <= size; at += word) {
		int64_t found = word == 4 ? (int32_t)target_word(t, data + at) : (int64_t)target_word(t, data + at);

		if (found != offset)
			continue;
		for (size_t near = at < 2 * word ? 0 : at - 2 * word; near <= at + 2 * word && near + 4 <= size; near += 4) {
			uint32_t value;

			memcpy(&value, data + near, sizeof(value));
			if (near != at && rseq_is_libc_size(value))
				return true;
		}
	}
	return false;
}

static bool keeps_offset(struct target *t, int64_t offset)
{
	const struct object *o = &t->objects[0];
	_cleanup_free_ char *data = NULL;

	if (t->libc.kept_offset == offset)
		return t->libc.keeps_offset;
	t->libc.kept_offset = offset;
	t->libc.keeps_offset = false;
	data = malloc(READER_RANGE_MAX);
	for (uint32_t i = 0; data && !t->libc.keeps_offset && i < o->image->n_segments; i++) {
		const struct image_segment *s = &o->image->segments[i];
		size_t size = s->filesz < READER_RANGE_MAX ? (size_t)s->filesz : READER_RANGE_MAX;

		if (s->flags & PF_W && reader_memory(t->reader, o->base + s->vaddr, data, size) == 0)
			t->libc.keeps_offset = holds_values(t, data, size, offset);
	}
	return t->libc.keeps_offset;
}

static bool attribute_static_libc(struct target *t, const struct tls_blocks *blocks, size_t thread,
				  const struct thread_facts *f, struct owner *ret)
{
	if (t->dynamic || !t->n_objects || !t->objects[0].image || t->facts->libc.has & LIBC_OFFSET ||
	    !(f->has & THREAD_TP) || !is_libc_memory(t, blocks, thread, f) ||
	    !keeps_offset(t, (int64_t)(f->area - f->tp)))
		return false;
	*ret = attribute_libc(t);
	ret->confidence = CONFIDENCE_INFERRED;
	ret->object = objects_path(t, &t->objects[0]);
	return true;
}

static enum owner_place place_of(const struct mapping *m)
{
	if (!strcmp(m->path, "[heap]"))
		return PLACE_HEAP;
	if (!strncmp(m->path, "[stack", 6))
		return PLACE_STACK;
	return m->inode ? PLACE_FILE : PLACE_ANONYMOUS;
}

/* Memory of no object is what is left when all objects and their TLS are known. */
static bool knows_every_object(const struct target *t)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct object *o = &t->objects[i];

		if (!o->image && o->mapping && o->mapping->inode)
			return false;
		/* The program's own block is where the linker counted on; others can be anywhere. */
		if (i && o->image && o->image->tls && !o->has_tls_offset && !o->has_tls_modid)
			return false;
	}
	return t->complete;
}

static struct owner attribute_mapping(const struct target *t, const struct thread_facts *f)
{
	const struct mapping *m = maps_find(&t->maps, f->area);
	struct owner owner = { .kind = OWNER_RAW, .confidence = CONFIDENCE_CERTAIN };

	/* Without a thread pointer it is not known where libc's area and the TLS of objects are. */
	if (!t->maps.n || !knows_every_object(t) || !(f->has & THREAD_TP))
		return (struct owner){ .kind = OWNER_UNKNOWN };
	owner.place = m ? place_of(m) : PLACE_UNMAPPED;
	if (m && m->path[0])
		owner.object = m->path;
	else if (m)
		owner.object = arena_printf(&t->facts->arena, "anonymous mapping 0x%lx-0x%lx",
					    (unsigned long)m->start, (unsigned long)m->end);
	return owner;
}

struct owner attribute_area(struct target *t, const struct tls_blocks *blocks, size_t thread,
			    const struct thread_facts *f)
{
	const struct libc_facts *libc = &t->facts->libc;
	struct owner owner;

	if (libc->has & LIBC_OFFSET && f->has & THREAD_TP &&
	    f->area == f->tp + (uint64_t)libc->rseq_offset)
		return attribute_libc(t);
	if (attribute_candidate(f, &owner) ||
	    attribute_tls_block(t, blocks, thread, f, &owner) || attribute_data(t, f, &owner) ||
	    attribute_static_libc(t, blocks, thread, f, &owner))
		return owner;
	return attribute_mapping(t, f);
}
