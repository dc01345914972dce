/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the kernel's records and the target's memory to the facts of every thread, and its owner. */
#ifndef COLLECT_THREADS_H
#define COLLECT_THREADS_H

#include "collect/target.h"

/*
 * What the areas held before a stop: the kernel rewrites id fields and clears rseq_cs when a
 * stopped thread goes on. NULL where nothing was read before.
 */
struct thread_contents;

/* Reads the areas that the threads of t->records could have registered, before they are stopped. */
struct thread_contents *thread_contents_read(struct target *t);
void thread_contents_free(struct thread_contents *c);

/* Fills facts->threads from t->records. */
void threads_describe(struct target *t, const struct thread_contents *before);

#endif
