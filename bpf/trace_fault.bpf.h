/* SPDX-License-Identifier: GPL-2.0-only */
/* SIGSEGV that the kernel sends to a registered thread: all that tells whether rseq was the reason. */
#ifndef RSEQCTL_TRACE_FAULT_BPF_H
#define RSEQCTL_TRACE_FAULT_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/rseq_abi.h"
#include "rseqctl/trace_record.h"
#include "task_rseq.bpf.h"
#include "trace_cause.bpf.h"
#include "trace_config.bpf.h"
#include "trace_mapping.bpf.h"
#include "trace_tell.bpf.h"

#define SIGSEGV 11
#define SI_KERNEL 0x80
/* include/linux/sched/signal.h: SEND_SIG_NOINFO and SEND_SIG_PRIV are no pointers */
#define SIGINFO_SPECIAL 2
/* include/trace/events/signal.h: what became of it; one is on its way already */
#define TRACE_SIGNAL_ALREADY_PENDING 2

static __always_inline __u32 vma_at(__u64 address)
{
	struct vma_note note;
	long e = vma_find(address, &note);

	if (e)
		return e == -2 ? TRACE_VMA_NONE : TRACE_VMA_UNKNOWN;
	return note.writable ? TRACE_VMA_WRITABLE : TRACE_VMA_READ_ONLY;
}

static __always_inline void read_descriptor(struct trace_fault *r, const struct rseq_area *area)
{
	struct rseq_descriptor d = {};

	r->rseq_cs = area->rseq_cs;
	r->descriptor_error = bpf_probe_read_user(&d, sizeof(d), (void *)area->rseq_cs);
	r->abort_error = bpf_probe_read_user(&r->abort_signature, sizeof(r->abort_signature),
					     (void *)(d.abort_ip - sizeof(r->abort_signature)));
	__builtin_memcpy(r->descriptor, &d, sizeof(d));
}

static __always_inline void read_area(struct trace_fault *r, const struct task_record *now)
{
	struct rseq_area area = {};

	r->area = now->area;
	r->length = now->length;
	r->signature = now->signature;
	r->has_rseq = now->has_rseq;
	r->area_error = bpf_probe_read_user(&area, sizeof(area), (void *)now->area);
	__builtin_memcpy(r->area_content, &area, sizeof(area));
	read_descriptor(r, &area);
}

static __always_inline void read_kernel_side(struct trace_fault *r, struct task_struct *task)
{
	struct task_struct___data *data = (void *)task;

	if (bpf_core_field_exists(task->thread.trap_nr))
		r->trap = BPF_CORE_READ(task, thread.trap_nr);
	if (bpf_core_field_exists(data->rseq.ids.cpu_id)) {
		r->has_ids = 1;
		r->cpu_id = BPF_CORE_READ(data, rseq.ids.cpu_id);
		r->mm_cid = BPF_CORE_READ(data, rseq.ids.mm_cid);
		if (bpf_core_field_exists(data->rseq.ids.node_id))
			r->node_id = BPF_CORE_READ(data, rseq.ids.node_id);
	}
	r->task_size = BPF_CORE_READ(task, mm, task_size);
	r->ip = cause_ip(task);
	r->in_syscall = cause_syscall(task) + 1;
}

/* The signal is sent by the thread to itself, on its way back to user space: this is that thread. */
static __always_inline bool signal_is_candidate(__u64 *ctx)
{
	struct kernel_siginfo *info = (void *)ctx[1];

	return (int)ctx[0] == SIGSEGV && (int)ctx[4] != TRACE_SIGNAL_ALREADY_PENDING && ctx[1] > SIGINFO_SPECIAL && ctx[2] == bpf_get_current_task() &&
	       BPF_CORE_READ(info, si_code) == SI_KERNEL;
}

/* The tracepoint: of every signal, as it is sent. */
static __always_inline int fault_happens(__u64 *ctx)
{
	struct task_record now = {};
	struct trace_counts *c;
	struct trace_fault *r;
	struct ids ids;

	if (!signal_is_candidate(ctx))
		return 0;
	c = own_counts();
	read_current(&now);
	if (!c || !now.area || !current_is_wanted(&ids))
		return 0;
	c->faults++;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		c->lost[TRACE_FAULT]++;
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	tell_head(&r->header, TRACE_FAULT, &ids);
	read_area(r, &now);
	read_kernel_side(r, ids.task);
	r->n_kernel = bpf_get_stack(ctx, r->kernel, sizeof(r->kernel), 0);
	r->area_vma = vma_at(now.area);
	r->descriptor_vma = vma_at(r->rseq_cs);
	mapping_read(r->descriptor[1], &r->mapping);
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
	return 0;
}

#endif
