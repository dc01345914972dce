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
#include "task_rseq.bpf.h"

/* include/linux/sched.h; macros are not in BTF */
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000
#define PF_KTHREAD 0x00200000

/* arch/x86/include/asm/segment.h: GDT_ENTRY_TLS_MIN */
#define X86_TLS_FIRST 12
#define X86_TLS_ENTRIES 3

/* Only this process, 0 for all; as numbered in the reader's PID namespace. Set before each read. */
__s32 only_tgid = 0;

static __always_inline int number_at(struct pid *pid, unsigned int level)
{
	int nr = 0;

	bpf_core_read(&nr, sizeof(nr),
		      (char *)&pid->numbers + level * bpf_core_type_size(struct upid));
	return nr;
}

/*
 * A task's number in the namespace of the reading process: the iterator lists that namespace's
 * tasks, but task->pid is the number in the initial one.
 */
static __always_inline int number_in(struct task_struct *task, unsigned int level)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	if (!pid || level > BPF_CORE_READ(pid, level))
		return 0;
	return number_at(pid, level);
}

static __always_inline int inner_number(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	return pid ? number_at(pid, BPF_CORE_READ(pid, level)) : 0;
}

static __always_inline unsigned int reader_level(void)
{
	struct task_struct *reader = (void *)bpf_get_current_task();

	return BPF_CORE_READ(reader, thread_pid, level);
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

/* i386: %gs selects one of the thread's own segments; its saved base is 0 without FSGSBASE. */
static __always_inline void read_gs(struct task_struct *task, struct task_record *r)
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
static __always_inline int is_32bit(struct task_struct *task)
{
	__u64 size = BPF_CORE_READ(task, mm, task_size);

	return size && size <= 1ULL << 32;
}

static __always_inline void read_tp(struct task_struct *task, struct task_record *r)
{
	if (is_32bit(task))
		r->flags |= TASK_COMPAT;
	if (bpf_core_field_exists(TASK_FIELD(thread.fsbase))) {
		if (r->flags & TASK_COMPAT) {
			read_gs(task, r);
			return;
		}
		r->tp = BPF_CORE_READ(task, thread.fsbase);
		r->flags |= TASK_HAS_TP;
	} else if (bpf_core_field_exists(TASK_FIELD(thread.uw.tp_value))) {
		r->tp = BPF_CORE_READ(task, thread.uw.tp_value);
		r->flags |= TASK_HAS_TP;
	}
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
	level = reader_level();
	r.tgid = number_in(BPF_CORE_READ(task, group_leader), level);
	if (only_tgid && r.tgid != only_tgid)
		return 0;
	r.size = sizeof(r);
	r.tid = number_in(task, level);
	r.inner_tid = inner_number(task);
	r.flags = flags_of(task);
	r.start_boottime = BPF_CORE_READ(task, group_leader, start_boottime);
	r.thread_start = BPF_CORE_READ(task, start_boottime);
	bpf_core_read(r.comm, sizeof(r.comm), &task->comm);
	task_rseq_read(task, &r);
	read_tp(task, &r);
	if (!(r.flags & (TASK_KTHREAD | TASK_WORKER)))
		read_ip(task, &r);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
