/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library that brings its own rseq area into a process by LD_PRELOAD, as allocators do: it is
 * there from the start, so its thread-local storage has a fixed distance from the thread pointer.
 */
#include "area.h"

extern __thread struct lab_rseq __rseq_abi;
struct lab_rseq *own_preload_area(void);

__thread struct lab_rseq __rseq_abi __attribute__((tls_model("initial-exec"))) =
	LAB_RSEQ_INITIALIZER;

struct lab_rseq *own_preload_area(void)
{
	return &__rseq_abi;
}
