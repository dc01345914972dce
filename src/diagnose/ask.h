/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about facts that several rules and the verdict ask. */
#ifndef DIAGNOSE_ASK_H
#define DIAGNOSE_ASK_H

#include "model/facts.h"

/* A thread that should register: not a worker of the kernel, not on its way out, and the same at both looks. */
bool ask_is_regular(const struct thread_facts *f);

/* How many of those there are. */
uint32_t ask_regular_threads(const struct process_facts *p);

/* Such a thread with a registration of its own, as the kernel has it. */
bool ask_is_registered(const struct thread_facts *f);

/* The object that owns this thread; NULL where no object does, or none that is shown. */
const struct object_facts *ask_owner_object(const struct process_facts *p, const struct thread_facts *f);

/* The definition of that role which is live for that object: its own, or the one that wins over it; or NULL. */
const struct symbol_facts *ask_live_symbol(const struct process_facts *p, size_t object, uint8_t role);

/* The object's path without its folders. */
const char *ask_base_name(const char *path);

/* The owner registered this thread, or, without the kernel's record, seems to have. */
bool ask_is_owned(const struct thread_facts *f);

/* This candidate's area is the thread's registered one. */
bool ask_is_winner(const struct thread_facts *f, const struct candidate *c);

/* The object uses libc's area and leaves its own alone: librseq since 2021-12. */
bool ask_cooperates(const struct process_facts *p, size_t object);

/* tcmalloc registers a thread at its first allocation: this one has not made any. */
bool ask_is_lazy(const struct process_facts *p, const struct thread_facts *f);

/* Somebody defines tcmalloc's cached slab pointer, which lies over cpu_id_start. */
bool ask_has_cached_pointer(const struct process_facts *p);

struct standing {
	size_t object;
	const char *name, *path;
	uint32_t refused, not_started;
	int32_t first_refused, first_not_started; /* thread ids */
	uint64_t refused_area;			  /* of first_refused */
};

/* How an object with areas of its own stands: threads that somebody else owns while its area says so. */
struct standing ask_standing(const struct process_facts *p, size_t object);

/* "glibc 2.36", "tcmalloc (libtcmalloc.so)", "/usr/lib/x.so", "memory of no object (heap)". */
const char *ask_owner_words(struct arena *arena, const struct process_facts *p, const struct owner *o);

#endif
