/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of one thread as the kernel keeps it: the wire format between the BPF programs and
 * the program, and between its helper processes. Fixed-width types and explicit padding only, so
 * that both compilers and both word sizes see the same bytes.
 */
#ifndef RSEQCTL_TASK_RECORD_H
#define RSEQCTL_TASK_RECORD_H

#ifndef __bpf__
#include <stdint.h>
#define RECORD_U8 uint8_t
#define RECORD_U32 uint32_t
#define RECORD_S32 int32_t
#define RECORD_U64 uint64_t
#else
#define RECORD_U8 __u8
#define RECORD_U32 __u32
#define RECORD_S32 __s32
#define RECORD_U64 __u64
#endif

/* Which shape of task_struct the record was read from; also names the kernel's class. */
enum task_layout {
	TASK_LAYOUT_NONE = 0,	    /* built without CONFIG_RSEQ */
	TASK_LAYOUT_ORIGINAL = 1,   /* 4.18 to 6.2: rseq, rseq_sig; the length is always 32 */
	TASK_LAYOUT_EXTENSIBLE = 2, /* 6.3 to 6.18: and rseq_len (ee3e3ac05c26) */
	TASK_LAYOUT_REWRITE = 3,    /* 6.19 to 7.0.9: struct rseq_data */
	TASK_LAYOUT_SPLIT = 4,	    /* 7.0.10 on: and ids.node_id, has_rseq says the mode (82f572449cfe) */
	TASK_LAYOUT_PTRACE = 5,	    /* not BTF: PTRACE_GET_RSEQ_CONFIGURATION (90f093fa8ea4) */
	TASK_LAYOUT_MEMORY = 6,	    /* not from the kernel: the thread is known, its registration is not */
};

enum task_flags {
	TASK_KTHREAD = 1 << 0,	/* PF_KTHREAD */
	TASK_WORKER = 1 << 1,	/* a worker the kernel made inside the process: io_uring, vhost */
	TASK_EXITING = 1 << 2,	/* PF_EXITING, zombie or dead */
	TASK_ON_CPU = 1 << 3,	/* running when read: saved registers are stale */
	TASK_HAS_TP = 1 << 4,	/* tp is known */
	TASK_HAS_IP = 1 << 5,	/* ip is known */
	TASK_HAS_AREA = 1 << 6, /* area, length and signature are the kernel's answer (0 = not registered) */
	TASK_COMPAT = 1 << 7,	/* a 32-bit task on a 64-bit kernel */
};

struct task_record {
	RECORD_U32 size;   /* sizeof(struct task_record) */
	RECORD_U32 layout; /* enum task_layout */
	RECORD_S32 tgid;   /* as numbered in the reader's PID namespace */
	RECORD_S32 tid;
	RECORD_U32 flags; /* enum task_flags */
	RECORD_U32 length;
	RECORD_U32 signature;
	RECORD_U32 has_rseq; /* TASK_LAYOUT_SPLIT: 0 none, 1 legacy, 2 optimized */
	RECORD_U64 area;
	RECORD_U64 tp;		  /* user thread pointer, saved at the last switch */
	RECORD_U64 ip;		  /* saved user instruction pointer */
	RECORD_U64 start_boottime; /* of the process, nanoseconds */
	RECORD_U64 thread_start; /* of the thread; by ptrace on the reader's own clock, in steps of its ticks */
	RECORD_U8 comm[16];
	RECORD_S32 error; /* 0, or the errno that kept this thread's record from being read (ptrace) */
	RECORD_S32 inner_tid; /* as the thread itself knows it; 0 unknown */
};

_Static_assert(sizeof(struct task_record) == 96, "task_record is a wire format");

#endif
