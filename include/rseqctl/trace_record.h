/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tracing programs say: the wire format between BPF and the program. Fixed-width types and
 * explicit padding only. Numbers of processes are those of the tracer's own PID namespace.
 */
#ifndef RSEQCTL_TRACE_RECORD_H
#define RSEQCTL_TRACE_RECORD_H

#include "rseqctl/task_record.h"

enum trace_type {
	TRACE_ABORT = 1,
	TRACE_SECTION, /* the first abort of a section: what is needed to name it */
	TRACE_CALL,    /* a return from rseq(): registered, unregistered, or refused */
	TRACE_GONE,    /* a thread ended, or executed another program, while registered */
	TRACE_FAULT,   /* SIGSEGV by the kernel itself, to be judged */
	TRACE_TYPES,
};

/* What shows that membarrier(2) came to a CPU. */
enum trace_ipi_evidence {
	TRACE_IPI_NONE,
	TRACE_IPI_CALL,	 /* another CPU had some function called there */
	TRACE_IPI_EXACT, /* it had ipi_rseq called there */
};

/* In order of priority where several hold; see rseqctl-trace(1). */
enum trace_cause {
	TRACE_CAUSE_NONE, /* not asked for */
	TRACE_CAUSE_SYSCALL,
	TRACE_CAUSE_SIGNAL,
	TRACE_CAUSE_MEMBARRIER,
	TRACE_CAUSE_MIGRATE,
	TRACE_CAUSE_PREEMPT,
	TRACE_CAUSE_UNKNOWN,
	TRACE_CAUSES,
};

enum trace_gone_how { TRACE_GONE_THREAD = 1, TRACE_GONE_EXEC, TRACE_GONE_PROCESS, TRACE_GONE_HOWS };

/* Every record begins so. */
struct trace_header {
	RECORD_U32 type; /* enum trace_type */
	RECORD_U32 cpu;
	RECORD_U64 time_ns; /* CLOCK_BOOTTIME */
	/* Of the process's present program: changes by exec, and no two processes have the same. */
	RECORD_U64 generation;
	RECORD_S32 tgid, tid;
	RECORD_U8 comm[16];
	/*
	 * The parent, when the process still runs its program: it has the same mappings, and may live
	 * longer. 0: it does not, or it was not asked (TRACE_ABORT).
	 */
	RECORD_S32 parent;
	RECORD_U32 pad;
	RECORD_U64 parent_generation;
};

struct trace_abort {
	struct trace_header header;
	RECORD_U64 ip, start, length, abort;
	RECORD_U32 cause;    /* enum trace_cause */
	RECORD_S32 stack_id; /* in the map of stacks; negative: none, -errno */
};

enum { TRACE_PATH_NAMES = 8, TRACE_PATH_NAME = 64 };

/*
 * The mapping of a file that an address lay in, when it happened: it may be gone when somebody looks.
 * start is 0 where it is not known. From 5.17 on.
 */
struct trace_mapping {
	RECORD_U64 start, end, offset, inode; /* offset: of start, in the file */
	RECORD_U32 device; /* as the kernel has it: major << 20 | minor */
	RECORD_U32 pad;
	/* From the file upwards, below its mount; NUL-terminated, "" behind the last. */
	RECORD_U8 path[TRACE_PATH_NAMES][TRACE_PATH_NAME];
};

struct trace_section_seen { /* TRACE_SECTION */
	struct trace_abort abort;
	struct trace_mapping mapping; /* of its start */
};

enum { TRACE_WORDS = 24 };

struct trace_call {
	struct trace_header header;
	RECORD_U64 area; /* the arguments */
	RECORD_U32 length, flags, signature;
	RECORD_S32 result; /* 0 or -errno */
	/* What the thread is registered with after the call. */
	RECORD_U64 now_area;
	RECORD_U32 now_length, now_signature;
	RECORD_U32 seccomp; /* its mode, 0 none */
	RECORD_U32 compat;  /* a 32-bit call */
	RECORD_U64 ip, sp, link; /* link: the link register, where the architecture has one, else 0 */
	RECORD_U64 words[TRACE_WORDS]; /* of the user stack; 32-bit calls: two in each */
	RECORD_U32 n_words; /* bytes of words that could be read */
	RECORD_U32 entered; /* the kernel's function was called: a filter's answer comes without */
	struct trace_mapping here, outside; /* of ip, and of link or the first word */
};

struct trace_gone {
	struct trace_header header;
	RECORD_U64 area, tp; /* tp is 0 where it is not known */
	RECORD_U32 length, signature;
	RECORD_U32 how; /* enum trace_gone_how */
	RECORD_U32 pad;
};

enum { TRACE_KERNEL_FRAMES = 12 };

/* Who sent a SIGSEGV, by the kernel's stack; filled in where that can be read by name. */
enum trace_sender { TRACE_SENDER_UNKNOWN, TRACE_SENDER_EXCEPTION, TRACE_SENDER_OTHER };

/* What could be read of a mapping. */
enum trace_vma { TRACE_VMA_UNKNOWN, TRACE_VMA_NONE, TRACE_VMA_READ_ONLY, TRACE_VMA_WRITABLE };

struct trace_fault {
	struct trace_header header;
	RECORD_U64 area;
	RECORD_U32 length, signature;
	RECORD_U64 ip;
	RECORD_U32 area_content[8]; /* struct rseq_area */
	RECORD_U64 rseq_cs;	    /* from the area */
	RECORD_U64 descriptor[4];   /* struct rseq_descriptor */
	RECORD_U32 abort_signature; /* the four bytes before the abort handler */
	RECORD_S32 area_error, descriptor_error, abort_error; /* 0, or -errno of reading these */
	RECORD_U32 area_vma, descriptor_vma; /* enum trace_vma */
	RECORD_U32 trap;   /* number of the last exception, x86; 0 elsewhere */
	RECORD_U32 sender; /* enum trace_sender */
	RECORD_U32 pad;
	RECORD_U64 task_size; /* addresses from here on are the kernel's */
	RECORD_U32 has_ids;  /* the kernel keeps what it last wrote: 6.19 on */
	RECORD_U32 cpu_id, node_id, mm_cid;
	RECORD_U32 in_syscall; /* 0, or the number of the system call that is being left, plus 1 */
	RECORD_S32 n_kernel;   /* bytes of kernel, or -errno */
	RECORD_U32 has_rseq;   /* TASK_LAYOUT_SPLIT: 1 legacy, 2 optimized */
	RECORD_U64 kernel[TRACE_KERNEL_FRAMES]; /* return addresses in the kernel */
	struct trace_mapping mapping; /* of the section's start */
};

#endif
