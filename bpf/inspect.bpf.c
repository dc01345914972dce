// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own record of every thread, by a task iterator: nothing is stopped, nothing is
 * attached to a hot path.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel_types.bpf.h"
#include "rseqctl/task_record.h"
#include "task_number.bpf.h"
#include "task_rseq.bpf.h"
#include "task_tp.bpf.h"

/* include/linux/sched.h; macros are not in BTF */
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000
#define PF_KTHREAD 0x00200000

/* Only this process, 0 for all; as numbered in the reader's PID namespace. Set before each read. */
__s32 only_tgid = 0;

static __always_inline int inner_number(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	return pid ? task_number_at(pid, BPF_CORE_READ(pid, level)) : 0;
}

static __always_inline __u32 flags_of(struct task_struct *task)
{
	__u32 pf = BPF_CORE_READ(task, flags), flags = 0;

	if (pf & PF_KTHREAD)
		flags |= TASK_KTHREAD;
	/* 0x4000 had another meaning (PF_USED_ASYNC) until 5.17; user workers came in 6.4. */
	if (pf & PF_IO_WORKER ||
	    (pf & PF_USER_WORKER && task_rseq_layout() != TASK_LAYOUT_ORIGINAL))
		flags |= TASK_WORKER;
	if (pf & PF_EXITING || BPF_CORE_READ(task, exit_state))
		flags |= TASK_EXITING;
	/* By the size it has there: an int until 7.1, since 7.2 a byte with others beside it. */
	if (bpf_core_field_exists(task->on_cpu) && BPF_CORE_READ_BITFIELD_PROBED(task, on_cpu))
		flags |= TASK_ON_CPU;
	return flags;
}

static __always_inline void read_ip(struct task_struct *task, struct task_record *r)
{
	struct pt_regs *regs;

	/* The helper came in 5.15; where it is missing this is dead code to the verifier. */
	if (!bpf_core_enum_value_exists(enum bpf_func_id___pt_regs, BPF_FUNC_task_pt_regs___pt_regs))
		return;
	regs = (void *)bpf_task_pt_regs(task);
	if (!regs)
		return;
	if (bpf_core_field_exists(regs->ip))
		r->ip = BPF_CORE_READ(regs, ip);
	else if (bpf_core_field_exists(regs->pc))
		r->ip = BPF_CORE_READ(regs, pc);
	else
		return;
	r->flags |= TASK_HAS_IP;
}

SEC("iter/task")
int task_records(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_record r = {};
	unsigned int level;

	if (!task)
		return 0;
	level = task_current_level();
	r.tgid = task_number_in(BPF_CORE_READ(task, group_leader), level);
	if (only_tgid && r.tgid != only_tgid)
		return 0;
	r.size = sizeof(r);
	r.tid = task_number_in(task, level);
	r.inner_tid = inner_number(task);
	r.flags = flags_of(task);
	r.start_boottime = BPF_CORE_READ(task, group_leader, start_boottime);
	r.thread_start = BPF_CORE_READ(task, start_boottime);
	bpf_core_read(r.comm, sizeof(r.comm), &task->comm);
	task_rseq_read(task, &r);
	task_tp_read(task, &r);
	if (!(r.flags & (TASK_KTHREAD | TASK_WORKER)))
		read_ip(task, &r);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
