/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/sections.h"

#include <string.h>

#include "collect/reads.h"
#include "rseqctl/rseq_abi.h"
#include "util/array.h"

/*
 * The rules of the kernel's rseq_get_rseq_cs (kernel/rseq.c), as far as they can be told without the
 * thread: it looks at the abort handler's signature whether or not the thread is in the section.
 */
static enum section_state judge_section(const struct target *t, const struct rseq_descriptor *d,
					const uint32_t *signature, uint32_t registered)
{
	const struct mapping *start;

	if (!d)
		return SECTION_UNMAPPED;
	start = maps_find(&t->maps, d->start_ip);
	if (d->version || d->start_ip + d->post_commit_offset < d->start_ip ||
	    d->abort_ip - d->start_ip < d->post_commit_offset || (start && !start->executable) || !signature ||
	    *signature != registered)
		return SECTION_BROKEN;
	return SECTION_VALID;
}

static bool is_bad(enum section_state state)
{
	return state == SECTION_UNMAPPED || state == SECTION_BROKEN;
}

/* A thread whose rseq_cs is set, and where its descriptor and its signature are among the reads. */
struct published {
	struct thread_facts *thread;
	struct rseq_descriptor d;
	bool mapped;
	size_t read;
};

static void read_descriptors(struct target *t, struct published *list, size_t n)
{
	struct reads reads = { 0 };

	for (size_t i = 0; i < n; i++)
		list[i].read = reads_add(&reads, list[i].thread->rseq_cs, sizeof(list[i].d));
	if (reads_run(&reads, t->reader) < 0)
		process_unknown(t->facts, "threads[].in_section", "the descriptors cannot be read");
	for (size_t i = 0; i < n; i++) {
		const void *bytes = reads_get(&reads, list[i].read);

		list[i].mapped = bytes != NULL;
		if (bytes)
			memcpy(&list[i].d, bytes, sizeof(list[i].d));
	}
	reads_done(&reads);
}

/* Inside a section: its descriptor is published, and the saved instruction pointer lies in it. */
static void take_sections(struct target *t, struct published *list, size_t n)
{
	struct reads reads = { 0 };
	uint32_t unmapped = 0, nowhere = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		list[i].read = reads_add(&reads, list[i].d.abort_ip - sizeof(uint32_t), sizeof(uint32_t));
	ok = reads_run(&reads, t->reader) == 0;
	for (size_t i = 0; ok && i < n; i++) {
		struct thread_facts *f = list[i].thread;
		const struct rseq_descriptor *d = list[i].mapped ? &list[i].d : NULL;

		f->section_state = judge_section(t, d, reads_get(&reads, list[i].read), f->signature);
		if (f->has & THREAD_IP && !f->on_cpu && d)
			f->in_section = f->ip - d->start_ip < d->post_commit_offset;
		unmapped += !d;
		nowhere += !(f->has & THREAD_IP);
	}
	if (unmapped)
		process_unknown(t->facts, "threads[].in_section", "rseq_cs of %u thread%s points to what cannot be read", unmapped, unmapped == 1 ? "" : "s");
	/* bpf_task_pt_regs came in 5.15 */
	if (nowhere)
		process_unknown(t->facts, "threads[].in_section", "the saved registers of %u thread%s do not show on this kernel", nowhere, nowhere == 1 ? "" : "s");
	reads_done(&reads);
}

static void fill_sections(struct target *t, bool only_bad)
{
	struct published *list = NULL;
	size_t n = 0;

	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];
		struct published *slot;

		if (!(f->has & THREAD_IDS) || !f->rseq_cs || (only_bad && !is_bad(f->section_state)))
			continue;
		slot = ARRAY_ADD(list, n);
		if (slot)
			slot->thread = f;
	}
	if (n) {
		read_descriptors(t, list, n);
		take_sections(t, list, n);
	}
	free(list);
}

void sections_read(struct target *t)
{
	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];

		if (!(f->has & THREAD_IDS) || f->rseq_cs)
			continue;
		f->section_state = SECTION_NONE;
		f->in_section = f->on_cpu ? -1 : 0;
	}
	fill_sections(t, false);
}

void sections_recheck(struct target *t)
{
	struct reads reads = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < t->facts->n_threads; i++)
		if (is_bad(t->facts->threads[i].section_state))
			reads_add(&reads, t->facts->threads[i].area + offsetof(struct rseq_area, rseq_cs), 8);
	if (!reads.n || reads_run(&reads, t->reader) < 0)
		goto out;
	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];
		const uint64_t *now = is_bad(f->section_state) ? reads_get(&reads, at++) : NULL;

		if (is_bad(f->section_state) && (!now || *now != f->rseq_cs))
			f->section_state = SECTION_UNKNOWN;
	}
	fill_sections(t, true);
out:
	reads_done(&reads);
}
