/* SPDX-License-Identifier: GPL-2.0-only */
/* The user thread pointer of a task, as saved when it last left the CPU or as it is now. */
#ifndef RSEQCTL_TASK_TP_BPF_H
#define RSEQCTL_TASK_TP_BPF_H

#include "kernel_types.bpf.h"
#include "task_rseq.bpf.h"

/* arch/x86/include/asm/segment.h: GDT_ENTRY_TLS_MIN */
#define X86_TLS_FIRST 12
#define X86_TLS_ENTRIES 3

/* i386: %gs selects one of the thread's own segments; its saved base is 0 without FSGSBASE. */
static __always_inline void task_tp_read_gs(struct task_struct *task, struct task_record *r)
{
	__u32 entry = (BPF_CORE_READ(task, thread.gsindex) >> 3) - X86_TLS_FIRST;
	struct desc_struct segment;
	__u8 *b = segment.bytes;

	if (entry >= X86_TLS_ENTRIES ||
	    bpf_core_read(&segment, sizeof(segment), (char *)&task->thread.tls_array + entry * sizeof(segment)))
		return;
	r->tp = b[2] | b[3] << 8 | b[4] << 16 | (__u32)b[7] << 24;
	r->flags |= TASK_HAS_TP;
}

/*
 * By the room that its program has for addresses: the bits of thread_info that say so have moved
 * between versions, and TS_COMPAT is of one system call.
 */
static __always_inline int task_is_32bit(struct task_struct *task)
{
	__u64 size = BPF_CORE_READ(task, mm, task_size);

	return size && size <= 1ULL << 32;
}

static __always_inline void task_tp_read(struct task_struct *task, struct task_record *r)
{
	if (task_is_32bit(task))
		r->flags |= TASK_COMPAT;
	if (bpf_core_field_exists(TASK_FIELD(thread.fsbase))) {
		if (r->flags & TASK_COMPAT) {
			task_tp_read_gs(task, r);
			return;
		}
		r->tp = BPF_CORE_READ(task, thread.fsbase);
		r->flags |= TASK_HAS_TP;
	} else if (bpf_core_field_exists(TASK_FIELD(thread.uw.tp_value))) {
		r->tp = BPF_CORE_READ(task, thread.uw.tp_value);
		r->flags |= TASK_HAS_TP;
	}
}

#endif
