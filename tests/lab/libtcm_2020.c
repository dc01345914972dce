/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Google's tcmalloc of 2020-02 to 2021-03: it counts its users in the same weak symbols as librseq did in
 * 2018, and so shares with it, but never gives a registration back. Its asm has not kept a pointer over
 * cpu_id_start yet. A thread that cannot register says -2 in its own area, as today.
 */
#include "users.h"

USER_AREA(__attribute__((weak)))

extern __thread uint32_t __rseq_refcount __attribute__((weak));
__thread uint32_t __rseq_refcount;

/* The name of the section is what tells tcmalloc; in the original it holds the critical sections. */
void TcmallocSlab_Push(void);
__attribute__((section("google_malloc"))) void TcmallocSlab_Push(void)
{
}

static int start(void)
{
	if (__rseq_refcount++)
		return 0;
	if (!lab_rseq_register(&__rseq_abi, LAB_RSEQ_LENGTH))
		return 0;
	__rseq_refcount--;
	((volatile struct lab_rseq *)&__rseq_abi)->cpu_id = LAB_CPU_ID_FAILED;
	return -1;
}

static uint32_t *count(void)
{
	return &__rseq_refcount;
}

const struct user *user_ask(void)
{
	static const struct user self = {
		.start = start,
		.own = own,
		.area = area,
		.count = count,
		.place = "tls-symbol",
	};

	return &self;
}
