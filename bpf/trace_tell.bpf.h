/* SPDX-License-Identifier: GPL-2.0-only */
/* Where all programs count, and what is told one by one: each record begins alike. */
#ifndef RSEQCTL_TRACE_TELL_BPF_H
#define RSEQCTL_TRACE_TELL_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/trace_count.h"
#include "task_rseq.bpf.h"
#include "task_tp.bpf.h"
#include "trace_config.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

static __always_inline struct trace_counts *own_counts(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counts, &zero);
}

/* What all records have; the parent only where it is rare enough to be asked for. */
static __always_inline void tell_head(struct trace_header *h, __u32 type, const struct ids *ids)
{
	h->type = type;
	h->cpu = bpf_get_smp_processor_id();
	h->time_ns = bpf_ktime_get_boot_ns();
	h->generation = ids->generation;
	h->tgid = ids->tgid;
	h->tid = ids->tid;
	bpf_get_current_comm(h->comm, sizeof(h->comm));
	h->parent = 0;
	h->pad = 0;
	h->parent_generation = 0;
	if (type != TRACE_ABORT)
		h->parent = current_parent(&h->parent_generation);
}

/* The registration and the thread pointer of who runs here. */
static __always_inline void read_current(struct task_record *ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	task_rseq_read(task, ret);
	task_tp_read(task, ret);
}

#endif
