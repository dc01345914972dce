/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/second_look.h"

#include <stdlib.h>
#include <time.h>

#include "collect/reads.h"
#include "collect/sections.h"
#include "collect/task_ptrace.h"
#include "util/array.h"

/* What looks wrong must still be so after this. */
#define SECOND_LOOK_NS 10000000
/* A thread registers in its first moments, which come late where many wait for a CPU. */
#define YOUNG_NS 300000000

static bool suspicious(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		if (f->worker || f->exiting)
			continue;
		/* Where nobody is registered only what seems to be is strange: a program that just starts. */
		if (!p->threads_registered && !(f->has & THREAD_LIBC_CPU_ID && f->libc_cpu_id >= 0))
			continue;
		if (f->section_state == SECTION_UNMAPPED || f->section_state == SECTION_BROKEN)
			return true;
		if (f->registered != 1 || !(f->has & THREAD_IDS) || !(f->has & THREAD_TP) || f->cpu_id_start != f->cpu_id)
			return true;
		for (size_t k = 0; k < f->n_candidates; k++)
			if (f->candidates[k].has & CANDIDATE_CPU_ID && f->candidates[k].cpu_id < 0)
				return true;
	}
	return false;
}

/* The kernel lists threads in the same order each time: the search goes on where it was. */
static const struct task_record *find_record(const struct target *t, int32_t tid, size_t *hint)
{
	for (size_t i = 0; i < t->n_records; i++) {
		size_t at = (*hint + i) % t->n_records;

		if (t->records[at].tid != tid)
			continue;
		*hint = at + 1;
		return &t->records[at];
	}
	return NULL;
}

/* cpu_id_start with bit 31 set is no number of a CPU: nothing that the kernel could have left half done. */
static bool may_be_torn(const struct thread_facts *f)
{
	return f->has & THREAD_IDS && f->cpu_id_start != f->cpu_id && !(f->cpu_id_start >> 31);
}

/* The kernel writes two fields, one after the other: a difference must be there at two looks. */
static void reread_ids(struct target *t)
{
	struct reads reads = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < t->facts->n_threads; i++)
		if (may_be_torn(&t->facts->threads[i]))
			reads_add(&reads, t->facts->threads[i].area, 8);
	if (reads.n && reads_run(&reads, t->reader) == 0)
		for (size_t i = 0; i < t->facts->n_threads; i++) {
			struct thread_facts *f = &t->facts->threads[i];
			const uint32_t *ids = may_be_torn(f) ? reads_get(&reads, at++) : NULL;

			if (!ids || ids[0] != ids[1])
				continue;
			f->cpu_id_start = ids[0];
			f->cpu_id = ids[1];
		}
	reads_done(&reads);
}

static int32_t *unregistered_tids(const struct process_facts *p, size_t *ret_n)
{
	int32_t *tids = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < p->n_threads && *ret_n < TASK_PTRACE_TIDS_MAX; i++) {
		const struct thread_facts *f = &p->threads[i];
		int32_t *slot = f->registered == 0 && !f->worker && !f->exiting ? ARRAY_ADD(tids, *ret_n) : NULL;

		if (slot)
			*slot = f->tid;
	}
	return tids;
}

static int64_t now_boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* How long to wait, so that no thread is judged for what it could not do yet. */
static long second_look_ns(const struct target *t)
{
	int64_t now = now_boottime_ns(), offset = records_boottime_offset_ns(), wait = SECOND_LOOK_NS;

	for (size_t i = 0; i < t->facts->n_threads && i < t->n_records; i++) {
		const struct thread_facts *f = &t->facts->threads[i];
		const struct task_record *r = &t->records[i];
		int64_t start = (int64_t)r->thread_start + (r->layout == TASK_LAYOUT_PTRACE ? 0 : offset);

		if (f->registered == 0 && !f->worker && !f->exiting && r->thread_start &&
		    start + YOUNG_NS - now > wait)
			wait = start + YOUNG_NS - now;
	}
	return (long)(wait < YOUNG_NS ? wait : YOUNG_NS);
}

void second_look(struct target *t, const struct records_source *source)
{
	_cleanup_free_ int32_t *tids = NULL;
	size_t n = 0, hint = 0;

	if (!t->from_kernel || !suspicious(t->facts))
		return;
	nanosleep(&(struct timespec){ .tv_nsec = second_look_ns(t) }, NULL);
	if (t->facts->method == METHOD_PTRACE) {
		tids = unregistered_tids(t->facts, &n);
		if (!n || records_stop(t, tids, n) < 0)
			return;
	} else {
		if (records_ask(t, source) < 0)
			return;
		reread_ids(t);
	}
	sections_recheck(t);
	t->facts->has |= PROCESS_SECOND_LOOK;
	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];
		const struct task_record *r = find_record(t, f->tid, &hint);

		/* Who was registered is not stopped a second time. */
		if (tids && f->registered != 0)
			continue;
		f->changed = !r || r->area != f->area || r->tp != f->tp ||
			     (r->flags & TASK_EXITING && !f->exiting);
	}
}
