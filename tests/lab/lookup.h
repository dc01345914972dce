/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an object of the look-up story says of itself. The program asks every one it finds loaded,
 * by a function with the object's name in it: a common name would be looked up, and found in the
 * wrong object.
 */
#ifndef LAB_LOOKUP_H
#define LAB_LOOKUP_H

#include "area.h"

struct look {
	void *own; /* where its own definition is, NULL without one */
	void *reference; /* where its reference leads, NULL for nowhere */
	int refers;
};

#define LOOK_PREFIX "look_"
#define LOOK_JOIN(a, b) a##b
#define LOOK_FUNCTION(name) LOOK_JOIN(look_, name)

/* From 7.0 on the kernel takes lengths above 32 at multiples of 64 only. */
#ifdef LOOK_ALIGNED
#define LOOK_ALIGN(length) 64
#else
#define LOOK_ALIGN(length) ((length) < 64 ? 32 : 64)
#endif

/*
 * The definition has a second name that only its object knows. Without it one could not tell where
 * it is: a look-up is what the story is about.
 */
#define LOOK_DEFINE(length)                                                                        \
	extern __thread uint32_t __rseq_abi[(length) / 4];                                         \
	extern __thread uint32_t look_own[(length) / 4]                                            \
		__attribute__((visibility("hidden"), alias("__rseq_abi")));                        \
	__thread uint32_t __rseq_abi[(length) / 4]                                                 \
		__attribute__((aligned(LOOK_ALIGN(length)))) = { 0, LAB_CPU_ID_UNINITIALIZED }

#endif
