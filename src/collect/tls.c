/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/tls.h"

#include <string.h>

#include "collect/reads.h"

enum { MODID_MAX = 1 << 20 };

struct tls_blocks {
	size_t n_threads, n_objects, n_columns;
	size_t *columns; /* of the objects that have TLS, SIZE_MAX for the others */
	uint64_t *blocks; /* [thread][column], 0 for none */
};

/* Objects with TLS beyond this many are left out; a real program has a dozen. */
enum { COLUMNS_MAX = 256 };

void tls_blocks_free(struct tls_blocks *b)
{
	if (!b)
		return;
	free(b->columns);
	free(b->blocks);
	free(b);
}

static bool wants_dynamic(const struct target *t, const struct object *o)
{
	uint64_t unused;

	return o->image && o->image->tls && o->has_tls_modid && o->tls_modid && o->tls_modid < MODID_MAX &&
	       !(o->has_tls_offset && arch_static_tls(t->abi, 0, o->tls_offset, &unused));
}

static uint64_t *cell(const struct tls_blocks *b, size_t thread, size_t object)
{
	return &b->blocks[thread * b->n_columns + b->columns[object]];
}

static void fill_static(struct target *t, const uint64_t *tps, struct tls_blocks *b)
{
	for (size_t i = 0; i < b->n_objects; i++) {
		const struct object *o = &t->objects[i];

		for (size_t k = 0; b->columns[i] != SIZE_MAX && k < b->n_threads; k++) {
			if (!tps[k])
				continue;
			if (o->has_tls_offset)
				arch_static_tls(t->abi, tps[k], o->tls_offset, cell(b, k, i));
			else if (!i && !o->has_tls_modid)
				*cell(b, k, i) = arch_executable_tls(t->abi, tps[k], o->image->tls_memsz,
								     o->image->tls_align, o->image->tls_vaddr);
		}
	}
}

/* The dtv's address per thread, and how many modules it has room for. */
static bool read_dtvs(struct target *t, const uint64_t *tps, size_t n, uint64_t *dtvs, uint64_t *sizes)
{
	struct reads pointers = { 0 }, counts = { 0 };
	bool ok = false;

	for (size_t i = 0; i < n; i++)
		reads_add(&pointers, tps[i] + (uint64_t)t->libc.dtv_from_tp, t->abi->word);
	if (pointers.n != n || reads_run(&pointers, t->reader) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		const void *p = tps[i] ? reads_get(&pointers, i) : NULL;

		if (p)
			dtvs[i] = target_word(t, p);
		reads_add(&counts, dtvs[i] + (uint64_t)t->libc.dtv_count, t->abi->word);
	}
	if (counts.n != n || reads_run(&counts, t->reader) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		const void *p = dtvs[i] ? reads_get(&counts, i) : NULL;

		if (p)
			sizes[i] = target_word(t, p);
	}
	ok = true;
out:
	reads_done(&pointers);
	reads_done(&counts);
	return ok;
}

static void fill_one_dynamic(struct target *t, size_t object, const uint64_t *dtvs,
			     const uint64_t *sizes, struct tls_blocks *b)
{
	uint64_t modid = t->objects[object].tls_modid;
	struct reads entries = { 0 };

	for (size_t i = 0; i < b->n_threads; i++)
		reads_add(&entries, dtvs[i] + modid * t->libc.dtv_entry, t->abi->word);
	if (entries.n == b->n_threads && reads_run(&entries, t->reader) == 0)
		for (size_t i = 0; i < b->n_threads; i++) {
			const void *p = modid <= sizes[i] ? reads_get(&entries, i) : NULL;
			uint64_t block = p ? target_word(t, p) : 0;

			/* glibc's TLS_DTV_UNALLOCATED: this thread has not used the module */
			if (block != (t->abi->word == 4 ? UINT32_MAX : UINT64_MAX))
				*cell(b, i, object) = block;
		}
	reads_done(&entries);
}

static void fill_dynamic(struct target *t, const uint64_t *tps, struct tls_blocks *b)
{
	_cleanup_free_ uint64_t *dtvs = NULL, *sizes = NULL;

	for (size_t i = 0; i < b->n_objects; i++) {
		if (b->columns[i] == SIZE_MAX || !wants_dynamic(t, &t->objects[i]) ||
		    !t->libc.has_dtv)
			continue;
		if (!dtvs) {
			dtvs = calloc(b->n_threads + 1, sizeof(*dtvs));
			sizes = calloc(b->n_threads + 1, sizeof(*sizes));
			if (!dtvs || !sizes || !read_dtvs(t, tps, b->n_threads, dtvs, sizes))
				return;
		}
		fill_one_dynamic(t, i, dtvs, sizes, b);
	}
}

static bool choose_columns(const struct target *t, struct tls_blocks *b)
{
	b->columns = calloc(b->n_objects + 1, sizeof(*b->columns));
	for (size_t i = 0; b->columns && i < b->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		b->columns[i] = image && image->tls && b->n_columns < COLUMNS_MAX ? b->n_columns++ : SIZE_MAX;
	}
	return b->columns != NULL;
}

struct tls_blocks *tls_blocks_new(struct target *t, const uint64_t *tps, size_t n_threads)
{
	struct tls_blocks *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->n_threads = n_threads;
	b->n_objects = t->n_objects;
	if (choose_columns(t, b))
		b->blocks = calloc(n_threads * b->n_columns + 1, sizeof(*b->blocks));
	if (!b->blocks) {
		tls_blocks_free(b);
		return NULL;
	}
	if (t->abi && n_threads && b->n_columns) {
		fill_static(t, tps, b);
		fill_dynamic(t, tps, b);
	}
	return b;
}

bool tls_block(const struct tls_blocks *b, size_t thread, size_t object, uint64_t *ret)
{
	if (b->columns[object] == SIZE_MAX || !*cell(b, thread, object))
		return false;
	*ret = *cell(b, thread, object);
	return true;
}
