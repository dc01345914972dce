/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/threads.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "collect/attribute.h"
#include "collect/libc.h"
#include "collect/lookup.h"
#include "collect/objects.h"
#include "collect/reads.h"
#include "collect/sections.h"
#include "collect/tls.h"
#include "rseqctl/rseq_abi.h"
#include "util/array.h"

/* --- the areas that a thread could have registered --- */

static size_t find_refcount(const struct image *image)
{
	for (uint32_t i = 0; i < image->n_symbols; i++)
		if (known_symbols[image->symbols[i].known].role == ROLE_REFCOUNT &&
		    image->symbols[i].defined && image->symbols[i].type == STT_TLS)
			return i;
	return SIZE_MAX;
}

static bool is_area(struct target *t, size_t object, const struct image_symbol *s)
{
	return known_symbols[s->known].role == ROLE_AREA && s->type == STT_TLS &&
	       lookup_is_used(t, object, s);
}

struct area_symbol {
	size_t object;
	const struct image_symbol *symbol, *refcount;
	const char *path, *name;
};

/* A thread has one area, and a few that lost; each costs a read per thread. */
enum { AREA_SYMBOLS_MAX = 16 };

/* Every definition of an area that threads may use; the caller frees. */
static struct area_symbol *area_symbols(struct target *t, size_t *ret_n)
{
	struct area_symbol *list = NULL;
	size_t n = 0;

	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		for (uint32_t k = 0; image && k < image->n_symbols; k++) {
			size_t refcount = find_refcount(image);
			struct area_symbol *a;

			if (!is_area(t, i, &image->symbols[k]))
				continue;
			if (n == AREA_SYMBOLS_MAX) {
				process_unknown(t->facts, "threads[].candidates", "more than %d areas per thread",
						AREA_SYMBOLS_MAX);
				break;
			}
			a = ARRAY_ADD(list, n);
			if (a && i < t->facts->n_objects)
				t->facts->objects[i].has_area = 1;
			if (a)
				*a = (struct area_symbol){
					i, &image->symbols[k],
					refcount == SIZE_MAX ? NULL : &image->symbols[refcount],
					objects_path(t, &t->objects[i]),
					objects_name(image, &image->symbols[k])
				};
		}
	}
	*ret_n = n;
	return list;
}

static void add_candidates(const struct area_symbol *areas, size_t n, const struct tls_blocks *blocks,
			   size_t thread, struct thread_facts *f)
{
	for (size_t i = 0; i < n; i++) {
		struct candidate *c = ARRAY_ADD(f->candidates, f->n_candidates);
		uint64_t block;

		if (!c)
			return;
		c->object_index = areas[i].object;
		c->object = areas[i].path;
		c->name = areas[i].name;
		c->symbol = known_symbols[areas[i].symbol->known].name;
		if (!tls_block(blocks, thread, areas[i].object, &block))
			continue;
		c->address = block + areas[i].symbol->value;
		c->size = areas[i].symbol->size;
		c->has |= CANDIDATE_ADDRESS;
	}
}

/* --- contents --- */

struct content {
	uint64_t address;
	struct rseq_area area;
};

struct thread_contents {
	struct content *items; /* by address */
	size_t n;
};

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct content *)a)->address, y = ((const struct content *)b)->address;

	return x < y ? -1 : x > y;
}

static const struct rseq_area *find_content(const struct thread_contents *c, uint64_t address)
{
	struct content key = { .address = address };
	const struct content *found;

	if (!c || !c->n)
		return NULL;
	found = bsearch(&key, c->items, c->n, sizeof(key), by_address);
	return found ? &found->area : NULL;
}

void thread_contents_free(struct thread_contents *c)
{
	if (!c)
		return;
	free(c->items);
	free(c);
}

/* Every address at which a thread has or could have an area. */
static void gather_addresses(const struct target *t, struct reads *reads)
{
	const struct libc_facts *libc = &t->facts->libc;

	for (size_t i = 0; i < t->facts->n_threads; i++) {
		const struct thread_facts *f = &t->facts->threads[i];
		uint64_t libc_area = f->tp + (uint64_t)libc->rseq_offset;
		bool has_libc = libc->has & LIBC_OFFSET && f->has & THREAD_TP;

		if (f->has & THREAD_REGISTRATION)
			reads_add(reads, f->area, sizeof(struct rseq_area));
		if (has_libc && !(f->has & THREAD_REGISTRATION && f->area == libc_area))
			reads_add(reads, libc_area, sizeof(struct rseq_area));
		for (size_t k = 0; k < f->n_candidates; k++)
			if (f->candidates[k].has & CANDIDATE_ADDRESS)
				reads_add(reads, f->candidates[k].address, sizeof(struct rseq_area));
	}
}

static struct thread_contents *read_contents(struct target *t)
{
	struct thread_contents *c = calloc(1, sizeof(*c));
	struct reads reads = { 0 };

	if (!c)
		return NULL;
	gather_addresses(t, &reads);
	if (reads.n && reads_run(&reads, t->reader) < 0)
		process_unknown(t->facts, "threads[].cpu_id", "the areas cannot be read");
	for (size_t i = 0; i < reads.n; i++) {
		const void *bytes = reads_get(&reads, i);
		struct content *item = bytes ? ARRAY_ADD(c->items, c->n) : NULL;

		if (!item)
			continue;
		item->address = reads.ranges[i].addr;
		memcpy(&item->area, bytes, sizeof(item->area));
	}
	reads_done(&reads);
	if (c->n)
		qsort(c->items, c->n, sizeof(*c->items), by_address);
	return c;
}

/* --- one thread --- */

static void take_registration(const struct task_record *r, struct thread_facts *f)
{
	f->registered = -1;
	if (!(r->flags & TASK_HAS_AREA))
		return;
	f->has |= THREAD_AREA;
	f->area = r->area;
	f->registered = r->area != 0;
	if (!r->area)
		return;
	f->has |= THREAD_REGISTRATION;
	f->length = r->length;
	f->signature = r->signature;
	if (r->layout == TASK_LAYOUT_SPLIT)
		f->mode = r->has_rseq == 2 ? MODE_OPTIMIZED : r->has_rseq == 1 ? MODE_LEGACY : 0;
}

static void take_record(const struct target *t, const struct task_record *r, struct thread_facts *f)
{
	f->tid = r->tid;
	memcpy(f->comm, r->comm, 16);
	if (r->layout != TASK_LAYOUT_MEMORY)
		f->has |= THREAD_COMM;
	f->worker = (r->flags & TASK_WORKER) != 0;
	f->exiting = (r->flags & TASK_EXITING) != 0;
	f->on_cpu = (r->flags & TASK_ON_CPU) != 0;
	f->in_section = f->own_pthread = -1;
	take_registration(r, f);
	/*
	 * Without FSGSBASE the saved base of a running thread can be 0, which is no thread pointer. Nor
	 * is that of 32-bit code which a 64-bit program runs for a while.
	 */
	if (r->flags & TASK_HAS_TP && r->tp &&
	    (!t->abi || r->layout == TASK_LAYOUT_MEMORY || (t->abi->word == 4) == !!(r->flags & TASK_COMPAT))) {
		f->has |= THREAD_TP;
		f->tp = r->tp;
	}
	if (r->flags & TASK_HAS_IP) {
		f->has |= THREAD_IP;
		f->ip = r->ip;
	}
	if (f->has & THREAD_TP && f->has & THREAD_REGISTRATION) {
		f->has |= THREAD_OFFSET;
		f->tp_offset = (int64_t)(f->area - f->tp);
	}
	if (r->error)
		process_unknown(t->facts, "threads[].area", "%s",
				r->error == -ETIMEDOUT ? "a thread cannot be stopped" :
				r->error == -EPERM     ? "EPERM: not permitted, or traced already" :
							 strerrorname_np(-r->error));
}

static int by_tp(const void *a, const void *b)
{
	uint64_t x = (*(struct thread_facts *const *)a)->tp, y = (*(struct thread_facts *const *)b)->tp;

	return x < y ? -1 : x > y;
}

static void mark_shared_tps(struct process_facts *facts)
{
	_cleanup_free_ struct thread_facts **sorted = calloc(facts->n_threads + 1, sizeof(*sorted));
	size_t n = 0;

	for (size_t i = 0; sorted && i < facts->n_threads; i++)
		if (facts->threads[i].has & THREAD_TP && facts->threads[i].tp)
			sorted[n++] = &facts->threads[i];
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_tp);
	for (size_t i = 1; i < n; i++)
		if (sorted[i]->tp == sorted[i - 1]->tp)
			sorted[i]->shares_tp = sorted[i - 1]->shares_tp = 1;
}

/* glibc's descriptor of a thread says the thread's id, as the thread itself knows it. */
static void mark_pthreads(struct target *t)
{
	struct process_facts *facts = t->facts;
	struct reads reads = { 0 };

	if (!t->n_objects || t->libc.pthread_tid < 0 || t->libc.pthread_from_tp < 0)
		return;
	for (size_t i = 0; i < facts->n_threads; i++)
		reads_add(&reads, libc_pthread(t, facts->threads[i].tp) + (uint64_t)t->libc.pthread_tid, 4);
	if (reads.n == facts->n_threads && reads.n && reads_run(&reads, t->reader) == 0)
		for (size_t i = 0; i < facts->n_threads; i++) {
			const void *bytes = facts->threads[i].tp ? reads_get(&reads, i) : NULL;
			int32_t tid, own = t->records[i].inner_tid;

			if (!bytes || !own)
				continue;
			memcpy(&tid, bytes, sizeof(tid));
			facts->threads[i].own_pthread = tid == own;
		}
	reads_done(&reads);
}

static void take_content(const struct rseq_area *a, uint64_t feature_size, struct thread_facts *f)
{
	uint32_t active = rseq_active_size(f->length, feature_size);

	f->has |= THREAD_IDS;
	f->cpu_id_start = a->cpu_id_start;
	f->cpu_id = a->cpu_id;
	f->rseq_cs = a->rseq_cs;
	f->flags = a->flags;
	f->node_id = a->node_id;
	f->mm_cid = a->mm_cid;
	f->slice_ctrl = a->slice_ctrl;
	if (active >= offsetof(struct rseq_area, node_id) + sizeof(a->node_id))
		f->has |= THREAD_NODE_ID;
	if (active >= offsetof(struct rseq_area, mm_cid) + sizeof(a->mm_cid))
		f->has |= THREAD_MM_CID;
	if (active >= sizeof(*a))
		f->has |= THREAD_SLICE;
}

static void fill_contents(struct target *t, const struct thread_contents *now,
			  const struct thread_contents *before)
{
	const struct libc_facts *libc = &t->facts->libc;
	uint32_t unread = 0;

	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];
		const struct rseq_area *a;

		if (f->has & THREAD_REGISTRATION) {
			a = find_content(before, f->area);
			if (!a)
				a = find_content(now, f->area);
			if (a)
				take_content(a, t->facts->auxv.rseq_feature_size, f);
			unread += !a;
		}
		a = libc->has & LIBC_OFFSET && f->has & THREAD_TP ?
			    find_content(now, f->tp + (uint64_t)libc->rseq_offset) : NULL;
		if (a) {
			f->has |= THREAD_LIBC_CPU_ID;
			f->libc_cpu_id = (int32_t)a->cpu_id;
		}
		for (size_t k = 0; k < f->n_candidates; k++) {
			struct candidate *c = &f->candidates[k];

			a = c->has & CANDIDATE_ADDRESS ? find_content(now, c->address) : NULL;
			if (!a)
				continue;
			c->has |= CANDIDATE_CPU_ID;
			c->cpu_id = (int32_t)a->cpu_id;
		}
	}
	if (unread && now)
		process_unknown(t->facts, "threads[].cpu_id", "the registered area of %u thread%s cannot be read", unread, unread == 1 ? "" : "s");
}

/* Few objects have a counter: one read per thread and counter. */
static void fill_refcounts(struct target *t, const struct area_symbol *areas, size_t n)
{
	struct reads reads = { 0 };
	size_t at = 0;

	for (int step = 0; step < 2; step++) {
		for (size_t i = 0; i < t->facts->n_threads; i++) {
			struct thread_facts *f = &t->facts->threads[i];

			for (size_t k = 0; k < f->n_candidates && k < n; k++) {
				struct candidate *c = &f->candidates[k];
				const void *bytes;

				if (!areas[k].refcount || !(c->has & CANDIDATE_ADDRESS))
					continue;
				if (step == 0) {
					reads_add(&reads,
						  c->address - areas[k].symbol->value +
							  areas[k].refcount->value, 4);
					continue;
				}
				bytes = reads_get(&reads, at++);
				if (!bytes)
					continue;
				memcpy(&c->refcount, bytes, sizeof(c->refcount));
				c->has |= CANDIDATE_REFCOUNT;
			}
		}
		if (!reads.n || (step == 0 && reads_run(&reads, t->reader) < 0))
			break;
	}
	reads_done(&reads);
}

/* --- where the registered area lies --- */

/* Shared memory without a file is shown as a deleted one. */
static bool is_deleted_file(const struct mapping *m)
{
	return m->deleted && m->inode && strncmp(m->path, "/memfd:", 7) && strncmp(m->path, "/SYSV", 5) &&
	       strcmp(m->path, "/dev/zero");
}

static void fill_area_mappings(struct target *t)
{
	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];
		const struct mapping *m;

		f->area_mapped = f->area_writable = -1;
		if (!(f->has & THREAD_REGISTRATION) || !t->maps.n)
			continue;
		m = maps_find(&t->maps, f->area);
		if (m) {
			f->area_mapped = 1;
			f->area_writable = (int8_t)m->writable;
			f->area_orphaned = is_deleted_file(m) && f->owner.kind == OWNER_RAW;
		} else if (f->has & THREAD_IDS) {
			t->maps_stale = true;
			f->owner = (struct owner){ .kind = OWNER_UNKNOWN };
		} else {
			f->area_mapped = 0;
		}
	}
}

static struct owner conclude_from_memory(const struct target *t, const struct thread_facts *f)
{
	struct owner owner = { 0 };

	if (f->has & THREAD_LIBC_CPU_ID && f->libc_cpu_id >= 0)
		owner = attribute_libc(t);
	for (size_t i = 0; !owner.kind && i < f->n_candidates; i++) {
		const struct candidate *c = &f->candidates[i];

		if (c->has & CANDIDATE_CPU_ID && c->cpu_id >= 0)
			owner = (struct owner){ .kind = OWNER_OBJECT,
						.place = PLACE_TLS_SYMBOL,
						.name = c->name,
						.object = c->object,
						.symbol = c->symbol };
	}
	owner.confidence = owner.kind ? CONFIDENCE_INFERRED : CONFIDENCE_UNKNOWN;
	return owner;
}

static void attribute_threads(struct target *t, const struct tls_blocks *blocks)
{
	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];

		if (f->has & THREAD_REGISTRATION)
			f->owner = attribute_area(t, blocks, i, f);
		else if (f->has & THREAD_AREA)
			f->owner = (struct owner){ .kind = OWNER_NONE,
						   .confidence = CONFIDENCE_CERTAIN };
		else
			f->owner = conclude_from_memory(t, f);
	}
}

static struct tls_blocks *find_blocks(struct target *t)
{
	_cleanup_free_ uint64_t *tps = calloc(t->facts->n_threads + 1, sizeof(*tps));

	if (!tps)
		return NULL;
	for (size_t i = 0; i < t->facts->n_threads; i++)
		tps[i] = t->facts->threads[i].tp;
	return tls_blocks_new(t, tps, t->facts->n_threads);
}

static void drop_threads(struct process_facts *facts)
{
	for (size_t i = 0; i < facts->n_threads; i++)
		free(facts->threads[i].candidates);
	free(facts->threads);
	facts->threads = NULL;
	facts->n_threads = 0;
}

static bool take_records(struct target *t)
{
	drop_threads(t->facts);
	t->facts->threads = calloc(t->n_records + 1, sizeof(*t->facts->threads));
	if (!t->facts->threads)
		return false;
	for (size_t i = 0; i < t->n_records; i++)
		take_record(t, &t->records[i], &t->facts->threads[i]);
	t->facts->n_threads = t->n_records;
	return true;
}

struct thread_contents *thread_contents_read(struct target *t)
{
	struct thread_contents *contents = NULL;
	struct area_symbol *areas;
	struct tls_blocks *blocks;
	size_t n;

	if (!take_records(t))
		return NULL;
	areas = area_symbols(t, &n);
	blocks = find_blocks(t);
	if (blocks) {
		for (size_t i = 0; i < t->facts->n_threads; i++)
			add_candidates(areas, n, blocks, i, &t->facts->threads[i]);
		contents = read_contents(t);
	}
	tls_blocks_free(blocks);
	free(areas);
	drop_threads(t->facts);
	return contents;
}

void threads_describe(struct target *t, const struct thread_contents *before)
{
	struct thread_contents *now;
	struct area_symbol *areas;
	struct tls_blocks *blocks;
	size_t n;

	if (!take_records(t))
		return;
	mark_shared_tps(t->facts);
	mark_pthreads(t);
	areas = area_symbols(t, &n);
	blocks = find_blocks(t);
	if (blocks) {
		for (size_t i = 0; i < t->facts->n_threads; i++)
			add_candidates(areas, n, blocks, i, &t->facts->threads[i]);
		now = read_contents(t);
		fill_contents(t, now, before);
		thread_contents_free(now);
		fill_refcounts(t, areas, n);
		sections_read(t);
		attribute_threads(t, blocks);
		fill_area_mappings(t);
	}
	tls_blocks_free(blocks);
	free(areas);
}
