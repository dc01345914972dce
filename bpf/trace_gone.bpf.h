/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of registered threads: each is counted, and told where it leaves its area in memory that stays. */
#ifndef RSEQCTL_TRACE_GONE_BPF_H
#define RSEQCTL_TRACE_GONE_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/trace_record.h"
#include "task_rseq.bpf.h"
#include "trace_config.bpf.h"
#include "trace_slot.bpf.h"
#include "trace_tell.bpf.h"

#define SIGNAL_GROUP_EXIT 0x4
/* An area of the thread's own thread-local storage is not further from its thread pointer. */
#define TLS_REACH (64 << 10)

/*
 * Threads that registered memory that stays. Up to 6.15 a thread that ends has no thread pointer any
 * more: the tracepoint comes after deactivate_mm(), which clears it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} staying SEC(".maps");

/* Whether the area is memory that stays when its thread ends, as far as that can be told from here. */
static __always_inline bool outlives(const struct task_record *now)
{
	if (!(now->flags & TASK_HAS_TP))
		return false;
	if (!now->tp)
		return slot_take(&staying);
	return now->area - now->tp + TLS_REACH > 2 * TLS_REACH;
}

static __always_inline void tell_gone(struct trace_counts *c, __u32 how, const struct task_record *now,
				      const struct ids *ids)
{
	struct trace_gone *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		c->lost[TRACE_GONE]++;
		return;
	}
	tell_head(&r->header, TRACE_GONE, ids);
	r->area = now->area;
	r->tp = now->tp;
	r->length = now->length;
	r->signature = now->signature;
	r->how = how;
	r->pad = 0;
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void gone_end(__u32 how)
{
	struct trace_counts *c = own_counts();
	struct task_record now = {};
	struct ids ids;

	if (!c || !current_is_wanted(&ids))
		return;
	read_current(&now);
	if (!now.area)
		return;
	c->gone[how]++;
	if (how == TRACE_GONE_THREAD && outlives(&now))
		tell_gone(c, how, &now, &ids);
}

/* Another thread of the process executes a program, which ends this one. */
static __always_inline bool is_exec(struct task_struct *task)
{
	if (bpf_core_field_exists(((struct signal_struct *)0)->group_exec_task))
		return BPF_CORE_READ(task, signal, group_exec_task);
	return bpf_core_field_exists(((struct signal_struct *)0)->group_exit_task) &&
	       BPF_CORE_READ(task, signal, group_exit_task);
}

static __always_inline int gone_exit(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool last = !BPF_CORE_READ(task, signal, live.counter);
	__u32 how = TRACE_GONE_THREAD;

	if (last || BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		how = TRACE_GONE_PROCESS;
	else if (is_exec(task))
		how = TRACE_GONE_EXEC;
	if (want_registrations)
		gone_end(how);
	target_is_gone(last);
	return 0;
}

#endif
