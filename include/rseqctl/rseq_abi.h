/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our own declarations of the kernel's rseq ABI: include/uapi/linux/rseq.h, ptrace.h and auxvec.h
 * of Linux 7.3. The headers of the build machine may be older than the kernel that is asked.
 */
#ifndef RSEQCTL_RSEQ_ABI_H
#define RSEQCTL_RSEQ_ABI_H

#ifndef __bpf__
#include <stdint.h>
#else /* whose headers need those of 32-bit systems */
#include <linux/types.h>
typedef __u32 uint32_t;
typedef __u64 uint64_t;
#endif

/* struct rseq: what each field's bytes are; a field counts only if the registered length covers it. */
struct rseq_area {
	uint32_t cpu_id_start;
	uint32_t cpu_id;
	uint64_t rseq_cs;
	uint32_t flags;
	uint32_t node_id;    /* 6.3 on */
	uint32_t mm_cid;     /* 6.3 on */
	uint32_t slice_ctrl; /* 7.0 on */
};

_Static_assert(sizeof(struct rseq_area) == 32, "the area of the original ABI");

enum {
	/* A registration of length 32 keeps the fields that existed then: its padding is not written. */
	RSEQ_ORIGINAL_ACTIVE = 20,
	RSEQ_ORIGINAL_LENGTH = 32,
};

struct rseq_descriptor {
	uint32_t version;
	uint32_t flags;
	uint64_t start_ip;
	uint64_t post_commit_offset;
	uint64_t abort_ip;
};

enum { AUXV_RSEQ_FEATURE_SIZE = 27, AUXV_RSEQ_ALIGN = 28 };

/* 90f093fa8ea4, Linux 5.13 */
#define RSEQ_PTRACE_GET_CONFIGURATION 0x420f

struct rseq_ptrace_configuration {
	uint64_t rseq_abi_pointer;
	uint32_t rseq_abi_size; /* 32 with pointer 0 up to 6.2: look at the pointer */
	uint32_t signature;
	uint32_t flags;
	uint32_t pad;
};

#endif
