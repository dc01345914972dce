/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glibc keeps two lists of thread descriptors, for stacks of its own and of the user, the main
 * thread's among the latter. Where they lie is said by the tables for libthread_db.
 */
#include "collect/memory_records.h"

#include <stdlib.h>
#include <string.h>

#include "proc/reader.h"
#include "util/array.h"


static void add_record(struct target *t, uint64_t descriptor, int32_t tid)
{
	struct task_record *r = tid > 0 ? ARRAY_ADD(t->records, t->n_records) : NULL;

	if (!r)
		return;
	r->size = sizeof(*r);
	r->layout = TASK_LAYOUT_MEMORY;
	r->tgid = t->facts->pid;
	r->tid = r->inner_tid = tid;
	r->tp = descriptor + (uint64_t)t->libc.pthread_from_tp;
	r->flags = TASK_HAS_TP;
}

/*
 * A list node and the thread id lie close together in a descriptor: both in one read. There are not
 * more nodes than threads, with some of both coming and going: what goes on is a lie.
 */
static bool walk(struct target *t, uint64_t head)
{
	uint64_t patience = 2 * t->threads_in_status + 64;
	int64_t list = t->libc.pthread_list, tid_at = t->libc.pthread_tid;
	uint64_t first = (uint64_t)(list < tid_at ? list : tid_at), at;
	char bytes[256];

	if (target_words(t, head, &at, 1) < 0)
		return false;
	while (at && at != head) {
		uint64_t descriptor = at - (uint64_t)list;
		int32_t tid;

		if (!patience-- ||
		    reader_memory(t->reader, descriptor + first, bytes, sizeof(bytes)) < 0)
			return false;
		memcpy(&tid, bytes + ((uint64_t)tid_at - first), sizeof(tid));
		at = target_word(t, bytes + ((uint64_t)list - first));
		add_record(t, descriptor, tid);
	}
	return at != 0;
}

static bool layout_is_known(const struct target *t)
{
	const struct libc_layout *l = &t->libc;

	return t->abi && l->stack_used && l->stack_user && l->pthread_tid >= 0 && l->pthread_list >= 0 &&
	       l->pthread_from_tp >= 0 && llabs(l->pthread_list - l->pthread_tid) < 256 - 8;
}

const char *memory_records_read(struct target *t)
{
	if (!t->n_objects)
		return NULL; /* That, and why, is said already. */
	if (!layout_is_known(t))
		return "its libc keeps no list of threads that is known";
	if (!walk(t, t->libc.stack_user) || !walk(t, t->libc.stack_used))
		return "the list of threads in memory was changing or is broken";
	return NULL;
}
