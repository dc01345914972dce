/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second owner of a process whose program registers areas of its own. Opened late but with the
 * initial-exec model, so that its thread-local storage comes out of the static surplus.
 */
#include "area.h"

extern __thread struct lab_rseq __rseq_abi;
struct lab_rseq *other_area(void);

__thread struct lab_rseq __rseq_abi __attribute__((tls_model("initial-exec"))) =
	LAB_RSEQ_INITIALIZER;

struct lab_rseq *other_area(void)
{
	return &__rseq_abi;
}
