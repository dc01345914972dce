/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/sample.h"

#include <time.h>

#include "collect/objects.h"
#include "collect/reads.h"
#include "model/abi.h"
#include "rseqctl/rseq_abi.h"

/* rseq_cs stays until the kernel next looks at it, so a section is seen for longer than it takes. */
enum { STEP_MS = 10 };

static struct object_facts *facts_of(const struct target *t, const struct object *o)
{
	for (size_t i = 0; i < t->facts->n_objects; i++)
		if (t->facts->objects[i].path == objects_path(t, o) && t->facts->objects[i].base == o->base)
			return &t->facts->objects[i];
	return NULL;
}

static void mark(const struct target *t, uint64_t descriptor)
{
	for (size_t i = 0; descriptor && i < t->n_objects; i++) {
		const struct object *o = &t->objects[i];
		struct object_facts *f;

		if (!o->image || descriptor - (o->base + o->image->sections_vaddr) >=
					 o->image->sections_total * RSEQ_DESCRIPTOR_SIZE)
			continue;
		f = facts_of(t, o);
		if (f)
			f->published = 1;
	}
}

/* False when there is nothing (more) to be seen. */
static bool look(struct target *t)
{
	struct reads reads = { 0 };
	bool waiting = false;

	for (size_t i = 0; i < t->facts->n_threads; i++)
		if (t->facts->threads[i].has & THREAD_REGISTRATION)
			reads_add(&reads, t->facts->threads[i].area + offsetof(struct rseq_area, rseq_cs), 8);
	if (reads.n && reads_run(&reads, t->reader) == 0) {
		for (size_t i = 0; i < reads.n; i++) {
			const uint64_t *descriptor = reads_get(&reads, i);

			if (descriptor)
				mark(t, *descriptor);
		}
		for (size_t i = 0; i < t->facts->n_objects; i++)
			waiting |= t->facts->objects[i].published == 0;
	}
	reads_done(&reads);
	return waiting;
}

void sample_sections(struct target *t, unsigned int seconds)
{
	t->facts->sample_seconds = seconds;
	for (size_t i = 0; i < t->facts->n_objects; i++)
		if (t->facts->objects[i].sections_total)
			t->facts->objects[i].published = 0;
	for (unsigned int ms = 0; look(t) && ms < seconds * 1000; ms += STEP_MS)
		nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000L }, NULL);
}
