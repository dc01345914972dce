/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The library that lives in a link namespace of its own: it has another copy of libc beside it, and
 * its area is in no scope that the program can see. Its thread-local storage is found through the
 * DTV only, and there only by who knows the namespace.
 */
#include "area.h"

extern __thread struct lab_rseq __rseq_abi;
struct lab_rseq *inner_area(void);
struct lab_rseq *inner_claim(void);

__thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;

struct lab_rseq *inner_area(void)
{
	return &__rseq_abi;
}

struct lab_rseq *inner_claim(void)
{
	lab_rseq_claim(&__rseq_abi);
	return &__rseq_abi;
}
