/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An object that defines __rseq_abi, refers to it, or both; built many times under different names:
 *
 * LOOK_NAME	what its function is called by
 * LOOK_LENGTH	the size of its definition; not defined: it only refers
 * LOOK_WEAK	its definition is weak, or its reference need not be found
 */
#include "lookup.h"

void LOOK_FUNCTION(LOOK_NAME)(struct look *look);

#if defined(LOOK_LENGTH) && defined(LOOK_WEAK)
extern __thread uint32_t __rseq_abi[] __attribute__((weak));
#elif defined(LOOK_WEAK)
/* Initial-exec, where a definition that is not there has offset 0; the other models would trap. */
extern __thread struct lab_rseq __rseq_abi[] __attribute__((weak, tls_model("initial-exec")));
#endif

#ifdef LOOK_LENGTH
LOOK_DEFINE(LOOK_LENGTH);
#define OWN look_own
#else
/* Said twice, a reference has the model of the second. */
#ifndef LOOK_WEAK
extern __thread struct lab_rseq __rseq_abi[];
#endif
#define OWN NULL
#endif

void LOOK_FUNCTION(LOOK_NAME)(struct look *look)
{
	look->own = OWN;
	look->refers = 1;
	look->reference = __rseq_abi;
	if ((uintptr_t)look->reference == lab_thread_pointer())
		look->reference = NULL;
}
