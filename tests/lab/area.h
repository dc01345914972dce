/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's rseq ABI in its oldest form and the raw call, for programs and libraries: nothing to
 * link, so that a library of the lab stands alone as the real ones do.
 */
#ifndef LAB_AREA_H
#define LAB_AREA_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAB_RSEQ_LENGTH 32
#define LAB_RSEQ_LONG 64
#define LAB_RSEQ_UNREGISTER 1
#define LAB_CPU_ID_UNINITIALIZED ((uint32_t)-1)
#define LAB_CPU_ID_FAILED ((uint32_t)-2)

/* Without a suffix: assembly reads them as well. */
#if defined(__x86_64__) || defined(__i386__)
#define LAB_RSEQ_SIGNATURE 0x53053053
#elif defined(__aarch64__)
#define LAB_RSEQ_SIGNATURE 0xd428bc00
#elif defined(__riscv)
#define LAB_RSEQ_SIGNATURE 0xf1401073
#elif defined(__s390x__)
#define LAB_RSEQ_SIGNATURE 0xb2ff0fff
#elif defined(__powerpc64__)
#define LAB_RSEQ_SIGNATURE 0x0fe5000b
#else
#error "no rseq signature known for this architecture"
#endif

/* A signature that is no architecture's, for those who register with one of their own. */
#define LAB_OWN_SIGNATURE 0x1ab0c0de

/* struct rseq as registered with length 32. Not the system's: that one grows with its headers. */
struct lab_rseq {
	uint32_t cpu_id_start;
	uint32_t cpu_id;
	uint64_t rseq_cs;
	uint32_t flags;
	uint32_t node_id;
	uint32_t mm_cid;
	uint32_t slice_ctrl;
} __attribute__((aligned(32)));

_Static_assert(sizeof(struct lab_rseq) == LAB_RSEQ_LENGTH, "the legacy area is 32 bytes");

#define LAB_RSEQ_INITIALIZER { .cpu_id = LAB_CPU_ID_UNINITIALIZED }

static inline uintptr_t lab_thread_pointer(void)
{
#if defined(__x86_64__)
	uintptr_t tp;

	__asm__("movq %%fs:0, %0" : "=r"(tp));
	return tp;
#elif defined(__i386__)
	uintptr_t tp;

	__asm__("movl %%gs:0, %0" : "=r"(tp));
	return tp;
#else
	return (uintptr_t)__builtin_thread_pointer();
#endif
}

/* 0 or an errno. */
static inline int lab_rseq_call(const void *area, unsigned int length, int flags,
				uint32_t signature)
{
	return syscall(SYS_rseq, area, length, flags, signature) ? errno : 0;
}

static inline int lab_rseq_register(void *area, unsigned int length)
{
	return lab_rseq_call(area, length, 0, LAB_RSEQ_SIGNATURE);
}

/* As libraries do it: tried once per thread, and an area that was refused says so in itself. */
static inline void lab_rseq_claim(struct lab_rseq *area)
{
	volatile struct lab_rseq *live = area;

	if (live->cpu_id == LAB_CPU_ID_UNINITIALIZED && lab_rseq_register(area, LAB_RSEQ_LENGTH))
		live->cpu_id = LAB_CPU_ID_FAILED;
}

static inline int lab_rseq_unregister(void *area, unsigned int length)
{
	return lab_rseq_call(area, length, LAB_RSEQ_UNREGISTER, LAB_RSEQ_SIGNATURE);
}

#endif
