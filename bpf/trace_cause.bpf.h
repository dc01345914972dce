/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a critical section was aborted, told at the abort without a program at every switch. Each cause
 * has evidence of its own:
 *
 *   syscall     the registers are those of a system call (up to 6.18: from 6.19 on none aborts)
 *   signal      a signal was delivered to this thread at this very instruction
 *   membarrier  the function that membarrier runs on CPUs ran here, at this very instruction; where it
 *               cannot be told which function ran, any, and the process uses membarrier
 *   migrate     the thread came to this CPU just now, and was moved before. (Up to 6.18 its area still
 *               holds the old CPU's number, but that is another 120 ns to read.)
 *   preempt     the thread came to this CPU just now
 *
 * The instruction is what makes signal and membarrier exact: a section is aborted by whatever
 * interrupts it first, so a mark with an instruction outside of it can never fit a later abort. What
 * was switched out after the mark counts as switched out.
 */
#ifndef RSEQCTL_TRACE_CAUSE_BPF_H
#define RSEQCTL_TRACE_CAUSE_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/trace_record.h"
#include "task_rseq.bpf.h"
#include "trace_config.bpf.h"

/* Without bpf_task_pt_regs() (up to 5.14): at the top of the kernel stack, on x86-64 and arm64. */
#define THREAD_SIZE 16384
/* include/linux/sched/mm.h */
#define MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ_READY (1 << 6)

/*
 * Longer ago than that the switch is no evidence. Where all else is exact there is no need to be strict:
 * a slow machine, most of all an emulated one, takes its time between the switch and user space.
 */
#define JUST_NOW_NS 200000
#define JUST_NOW_EXACT_NS 10000000
/* How long a smallest distance between two clocks counts: they drift. */
#define WINDOW_NS 4000000000ULL

enum cause_mark { MARK_SIGNAL, MARK_IPI, MARKS };

/* What happened last on a CPU, and the distance of its scheduler's clock from the monotonic one. */
struct cause_cpu {
	struct {
		__u64 ip, switches;
		__u32 thread;
		__u32 pad;
	} marks[MARKS];
	__u64 window_end;
	__u64 nearest, nearest_before; /* in this window, and in the one before */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cause_cpu);
} cause_cpus SEC(".maps");

/*
 * Of a thread: the number of switches it had when it was last moved, and the CPU that it was switched out
 * on; and what it had at its last abort. By the low bits of its number: a look-up in an array is all but
 * free, and what another one has overwritten just counts as not moved.
 */
#define MOVED_SLOTS 65536
/* Of the interruptions of a thread: where the last abort, since which they are counted, was not seen. */
#define NOT_MEASURED (~0ULL)
struct moved {
	__u32 thread, from;
	__u64 switches;
	__u32 aborted, born; /* the thread of these two, and its start: numbers are given again */
	__u64 aborted_switches, aborted_nivcsw;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MOVED_SLOTS);
	__type(key, __u32);
	__type(value, struct moved);
} moved SEC(".maps");

static __always_inline struct cause_cpu *cause_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cause_cpus, &zero);
}

/* A member of the user's registers of the current task. */
#define REGS(current, member)                                                                      \
	({                                                                                         \
		__typeof__(((struct pt_regs *)0)->member) value_;                                  \
		if (bpf_core_enum_value_exists(enum bpf_func_id___pt_regs,                         \
					       BPF_FUNC_task_pt_regs___pt_regs))                   \
			value_ = ((struct pt_regs *)bpf_task_pt_regs((void *)(current)))->member;  \
		else                                                                               \
			value_ = BPF_CORE_READ(cause_regs_by_stack(current), member);              \
		value_;                                                                            \
	})

static __always_inline struct pt_regs *cause_regs_by_stack(struct task_struct *current)
{
	return (void *)((char *)MEMBER(current, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs));
}

static __always_inline __u64 cause_ip(struct task_struct *current)
{
	if (bpf_core_field_exists(((struct pt_regs *)0)->ip))
		return REGS(current, ip);
	return bpf_core_field_exists(((struct pt_regs *)0)->pc) ? REGS(current, pc) : 0;
}

/* The system call that is being left, or -1. */
static __always_inline __s32 cause_syscall(struct task_struct *current)
{
	if (bpf_core_field_exists(((struct pt_regs *)0)->orig_ax))
		return (__s32)REGS(current, orig_ax);
	return bpf_core_field_exists(((struct pt_regs *)0)->syscallno) ? REGS(current, syscallno) : -1;
}

static __always_inline __u64 area_of(struct task_struct *task)
{
	struct task_struct___data *data = (void *)task;

	if (bpf_core_field_exists(DATA_FIELD(usrptr)))
		return (__u64)BPF_CORE_READ(data, rseq.usrptr);
	return (__u64)BPF_CORE_READ(task, rseq);
}

static __always_inline __u64 current_area(struct task_struct *current)
{
	return bpf_core_field_exists(DATA_FIELD(usrptr)) ? area_of(current) : (__u64)MEMBER(current, rseq);
}

static __always_inline __u64 current_switches(struct task_struct *current)
{
	return MEMBER(current, nvcsw) + MEMBER(current, nivcsw);
}

/* This happens to the current thread, where it is now. */
static __always_inline void cause_mark(enum cause_mark mark)
{
	struct task_struct *current = CURRENT_TASK();
	struct cause_cpu *c;

	if (!current_area(current))
		return;
	c = cause_cpu();
	if (!c)
		return;
	c->marks[mark].thread = MEMBER(current, pid);
	c->marks[mark].ip = cause_ip(current);
	c->marks[mark].switches = current_switches(current);
}

static __always_inline __u32 cpu_of(struct task_struct *task)
{
	if (bpf_core_field_exists(TASK_FIELD(thread_info.cpu)))
		return BPF_CORE_READ(task, thread_info.cpu);
	return bpf_core_field_exists(TASK_FIELD(cpu)) ? BPF_CORE_READ(task, cpu) : ~0u;
}

static __always_inline void cause_mark_migration(struct task_struct *task)
{
	__u32 thread, slot;
	struct moved *m;
	__u64 switches;

	if (!area_of(task))
		return;
	thread = BPF_CORE_READ(task, pid);
	slot = thread % MOVED_SLOTS;
	m = bpf_map_lookup_elem(&moved, &slot);
	if (!m)
		return;
	switches = BPF_CORE_READ(task, nvcsw) + BPF_CORE_READ(task, nivcsw);
	/* Moved twice while it was out: it may be back where it was. */
	if (m->thread == thread && m->switches == switches)
		return;
	m->thread = thread;
	m->from = cpu_of(task);
	m->switches = switches;
}

/*
 * sched_info.last_arrival is of the scheduler's clock. Its distance from the monotonic clock is not
 * known, but is about the smallest that was seen lately: what is near that came just now.
 */
static __always_inline bool arrived_just_now(struct task_struct *current, struct cause_cpu *c,
					     __s64 just_now)
{
	__u64 now = bpf_ktime_get_ns(), distance;

	if (!bpf_core_field_exists(TASK_FIELD(sched_info.last_arrival)))
		return true;
	distance = now - MEMBER(current, sched_info.last_arrival);
	if (now > c->window_end) {
		c->nearest_before = now > c->window_end + WINDOW_NS ? ~0ULL : c->nearest;
		c->nearest = ~0ULL;
		c->window_end = now + WINDOW_NS;
	}
	/* The clocks may lie either way round: compared by difference. */
	if (c->nearest == ~0ULL || (__s64)(distance - c->nearest) < 0)
		c->nearest = distance;
	if (c->nearest_before != ~0ULL && (__s64)(distance - c->nearest_before) > just_now)
		return false;
	return (__s64)(distance - c->nearest) <= just_now;
}

/* Whether it was moved since it was last switched in; forgotten then, for one move aborts one section. */
static __always_inline bool take_move(struct moved *m, __u32 thread, __u64 switches)
{
	if (!m || m->thread != thread)
		return false;
	m->thread = 0;
	return m->from != bpf_get_smp_processor_id() && m->switches == switches;
}

/*
 * One switch aborts one section: false when there was none since this thread's last abort. And how often
 * the thread lost its CPU against its will since then, which is not known at the first abort that is seen.
 */
static __always_inline bool take_switch(struct task_struct *current, struct moved *m, __u32 thread,
					__u64 switches, __u64 *ret_interruptions)
{
	__u64 nivcsw = MEMBER(current, nivcsw);
	__u32 born = (__u32)MEMBER(current, start_boottime);
	bool is_switched = true;

	*ret_interruptions = NOT_MEASURED;
	if (!m)
		return true;
	if (m->aborted == thread && m->born == born) {
		is_switched = m->aborted_switches != switches;
		*ret_interruptions = nivcsw - m->aborted_nivcsw;
	}
	m->aborted = thread;
	m->born = born;
	m->aborted_switches = switches;
	m->aborted_nivcsw = nivcsw;
	return is_switched;
}

/* A mark is used once: a loop is aborted at the same instruction again. */
static __always_inline bool take_mark(struct cause_cpu *c, enum cause_mark mark, __u32 thread, __u64 ip,
				      __u64 switches)
{
	if (c->marks[mark].thread != thread)
		return false;
	c->marks[mark].thread = 0;
	return c->marks[mark].ip == ip && c->marks[mark].switches == switches;
}

static __always_inline bool current_uses_membarrier(struct task_struct *current)
{
	struct mm_struct *mm = MEMBER(current, mm);

	return BPF_CORE_READ(mm, membarrier_state.counter) & MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ_READY;
}

/* And how often the scheduler interrupted the thread since its last abort. */
static __always_inline __u32 cause_of_abort(struct task_struct *current, __u64 ip, __u32 thread,
					    __u64 *ret_interruptions)
{
	struct cause_cpu *c = cause_cpu();
	__u64 switches = current_switches(current);
	__u32 slot = thread % MOVED_SLOTS;
	struct moved *m = bpf_map_lookup_elem(&moved, &slot);
	bool is_watched = ipi_evidence != TRACE_IPI_NONE, is_switched, is_moved, is_signal, is_ipi;

	*ret_interruptions = 0;
	if (!c)
		return TRACE_CAUSE_UNKNOWN;
	is_switched = take_switch(current, m, thread, switches, ret_interruptions);
	is_moved = take_move(m, thread, switches);
	is_signal = take_mark(c, MARK_SIGNAL, thread, ip, switches);
	is_ipi = take_mark(c, MARK_IPI, thread, ip, switches);
	if (!bpf_core_field_exists(DATA_FIELD(usrptr)) && cause_syscall(current) >= 0)
		return TRACE_CAUSE_SYSCALL;
	if (is_signal)
		return TRACE_CAUSE_SIGNAL;
	if (is_ipi && (ipi_evidence == TRACE_IPI_EXACT || current_uses_membarrier(current)))
		return TRACE_CAUSE_MEMBARRIER;
	if (arrived_just_now(current, c, is_watched ? JUST_NOW_EXACT_NS : JUST_NOW_NS) && is_switched)
		return is_moved ? TRACE_CAUSE_MIGRATE : TRACE_CAUSE_PREEMPT;
	/* Where nothing of it can be watched: what is left, if this process uses it. */
	if (!is_watched && current_uses_membarrier(current))
		return TRACE_CAUSE_MEMBARRIER;
	return TRACE_CAUSE_UNKNOWN;
}

#endif
