/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library that brings its own rseq area by dlopen(), as plugins do: the default TLS model, so
 * that the area lies in a block of its own, is made per thread on first use and is found through
 * the DTV only.
 */
#include "area.h"

extern __thread struct lab_rseq __rseq_abi;
struct lab_rseq *own_dlopen_area(void);

__thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;

struct lab_rseq *own_dlopen_area(void)
{
	return &__rseq_abi;
}
