/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the allocator-like library offers to the program that shows it. */
#ifndef LAB_LIBTCMALLOC_LIKE_H
#define LAB_LIBTCMALLOC_LIKE_H

#include "area.h"

/* 0: the calling thread is registered with the library's area; -1: per-thread mode. */
int tcm_init_thread(void);
/* Only after a successful tcm_init_thread(). Lost when the kernel next writes cpu_id_start. */
void tcm_cache_slab(void);
/* The critical section, same condition: 1, or 0 when this CPU's slab is full. */
size_t tcm_push(uintptr_t item);
/* Items in all slabs. */
uint64_t tcm_held(void);
/* The calling thread's, registered or not. */
struct lab_rseq *tcm_area(void);

#endif
