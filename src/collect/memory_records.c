/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * _rtld_global keeps two lists of thread descriptors, for stacks of glibc's own and of the user,
 * the main thread's among the latter. Where they lie is said by the tables for libthread_db.
 */
#include "collect/memory_records.h"

#include "proc/reader.h"
#include "util/array.h"

/* PID_MAX_LIMIT; a list that bends back ends there as well */
#define THREADS_MAX (4u << 20)

static struct task_record *add_record(struct target *t, uint64_t descriptor)
{
	struct task_record *r;
	int32_t tid;

	if (reader_memory(t->reader, descriptor + (uint64_t)t->libc.pthread_tid, &tid, 4) < 0 || tid <= 0)
		return NULL;
	r = ARRAY_ADD(t->records, t->n_records);
	if (!r)
		return NULL;
	r->size = sizeof(*r);
	r->layout = TASK_LAYOUT_MEMORY;
	r->tgid = t->facts->pid;
	r->tid = r->inner_tid = tid;
	r->tp = descriptor + (t->abi->variant == 1 ? (uint64_t)t->libc.sizeof_pthread : 0);
	r->flags = TASK_HAS_TP;
	return r;
}

static bool walk(struct target *t, uint64_t head)
{
	uint64_t at;

	if (reader_memory(t->reader, head, &at, sizeof(at)) < 0)
		return false;
	while (at && at != head) {
		if (t->n_records >= THREADS_MAX)
			return false;
		add_record(t, at - (uint64_t)t->libc.pthread_list);
		if (reader_memory(t->reader, at, &at, sizeof(at)) < 0)
			return false;
	}
	return at != 0;
}

static bool layout_is_known(const struct target *t)
{
	const struct libc_layout *l = &t->libc;

	return t->abi && l->rtld_global && l->pthread_tid >= 0 && l->pthread_list >= 0 &&
	       l->stack_used >= 0 && l->stack_user >= 0 &&
	       (t->abi->variant == 2 || l->sizeof_pthread >= 0);
}

void memory_records_read(struct target *t)
{
	if (!layout_is_known(t)) {
		process_unknown(t->facts, "threads",
				"its libc keeps no list of threads that is known");
		return;
	}
	if (!walk(t, t->libc.rtld_global + (uint64_t)t->libc.stack_user) ||
	    !walk(t, t->libc.rtld_global + (uint64_t)t->libc.stack_used))
		process_unknown(t->facts, "threads",
				"the list of threads in memory was changing or is broken");
}
