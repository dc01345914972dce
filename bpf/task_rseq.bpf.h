/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One accessor per kernel difference in how a task holds its rseq registration. Each writes into a
 * zeroed task_record.
 */
#ifndef RSEQCTL_TASK_RSEQ_BPF_H
#define RSEQCTL_TASK_RSEQ_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/task_record.h"

/* The length every registration has before 6.3: the kernel did not store it. */
#define ORIGINAL_LENGTH 32

#define TASK_FIELD(field) (((struct task_struct *)0)->field)
#define DATA_FIELD(field) (((struct task_struct___data *)0)->rseq.field)

static __always_inline enum task_layout task_rseq_layout(void)
{
	if (bpf_core_field_exists(DATA_FIELD(usrptr)))
		return bpf_core_field_exists(DATA_FIELD(ids.node_id)) ? TASK_LAYOUT_SPLIT :
									TASK_LAYOUT_REWRITE;
	if (bpf_core_field_exists(TASK_FIELD(rseq_len)))
		return TASK_LAYOUT_EXTENSIBLE;
	return bpf_core_field_exists(TASK_FIELD(rseq_sig)) ? TASK_LAYOUT_ORIGINAL : TASK_LAYOUT_NONE;
}

static __always_inline void task_rseq_read_data(struct task_struct *task, struct task_record *r)
{
	struct task_struct___data *t = (void *)task;

	r->area = (__u64)BPF_CORE_READ(t, rseq.usrptr);
	r->length = BPF_CORE_READ(t, rseq.len);
	r->signature = BPF_CORE_READ(t, rseq.sig);
	r->has_rseq = BPF_CORE_READ(t, rseq.event.has_rseq);
}

static __always_inline void task_rseq_read_extensible(struct task_struct *task, struct task_record *r)
{
	r->area = (__u64)BPF_CORE_READ(task, rseq);
	r->length = BPF_CORE_READ(task, rseq_len);
	r->signature = BPF_CORE_READ(task, rseq_sig);
}

static __always_inline void task_rseq_read_original(struct task_struct *task, struct task_record *r)
{
	r->area = (__u64)BPF_CORE_READ(task, rseq);
	r->length = r->area ? ORIGINAL_LENGTH : 0;
	r->signature = BPF_CORE_READ(task, rseq_sig);
}

static __always_inline void task_rseq_read(struct task_struct *task, struct task_record *r)
{
	r->layout = task_rseq_layout();
	switch (r->layout) {
	case TASK_LAYOUT_SPLIT:
	case TASK_LAYOUT_REWRITE:
		task_rseq_read_data(task, r);
		break;
	case TASK_LAYOUT_EXTENSIBLE:
		task_rseq_read_extensible(task, r);
		break;
	case TASK_LAYOUT_ORIGINAL:
		task_rseq_read_original(task, r);
		break;
	}
	r->flags |= TASK_HAS_AREA;
}

#endif
