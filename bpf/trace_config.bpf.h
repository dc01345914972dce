/* SPDX-License-Identifier: GPL-2.0-only */
/* What is asked for, and whose events are wanted. */
#ifndef RSEQCTL_TRACE_CONFIG_BPF_H
#define RSEQCTL_TRACE_CONFIG_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/trace_record.h"
#include "task_number.bpf.h"
#include "task_rseq.bpf.h"

/* Set before loading: the verifier then drops what is not asked for. */
const volatile bool want_cause = true, want_stack, want_events, want_registrations;
const volatile bool filter_pids, filter_tids, filter_comm, filter_cgroup, want_children;
const volatile char comm_pattern[16];
const volatile __u32 comm_length = 0; /* bytes of it that must be the same; 16: it ends with a NUL there */
const volatile __u64 wake_at = 1 << 18; /* bytes that wait in the ring buffer */
const volatile __u64 aborts_up_to = 1 << 19; /* the same; with more, single aborts are not told */
const volatile __u64 ipi_rseq = 0;	/* address of the function that membarrier runs on a CPU */

/* enum trace_ipi_evidence: set after loading, by the tracepoints that are there. */
__u32 ipi_evidence = TRACE_IPI_NONE;

/* The PID namespace of the tracer: how deep it is nested, and which it is. Learned once. */
__u32 own_level = 0;
__u64 own_namespace = 0;
__u32 own_layout = 0; /* enum task_layout of this kernel */

/* By their numbers in that namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __s32);
	__type(value, __u8);
} target_pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __s32);
	__type(value, __u8);
} target_tids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} target_cgroup SEC(".maps");

struct ids {
	struct task_struct *task; /* CURRENT_TASK() */
	__s32 tgid, tid;
	__u32 thread; /* its number in the initial namespace */
	__u64 generation;
};

static __always_inline __u64 namespace_at(struct pid *pid, unsigned int level)
{
	struct upid *upid = (void *)((char *)&pid->numbers + level * bpf_core_type_size(struct upid));

	return (__u64)BPF_CORE_READ(upid, ns);
}

static __always_inline void config_learn(void)
{
	struct task_struct *reader = (void *)bpf_get_current_task();

	if (own_namespace)
		return;
	own_level = task_current_level();
	own_layout = task_rseq_layout();
	own_namespace = namespace_at(BPF_CORE_READ(reader, thread_pid), own_level);
}

/* 0 for a task that is not in the tracer's namespace. */
static __always_inline int number_here(struct task_struct *task)
{
	int nr = task_number_in(task, own_level);

	return nr && namespace_at(BPF_CORE_READ(task, thread_pid), own_level) == own_namespace ? nr : 0;
}

static __always_inline bool comm_is(const char *comm)
{
	for (__u32 i = 0; i < sizeof(comm_pattern); i++)
		if (i < comm_length && comm[i] != comm_pattern[i])
			return false;
	return true;
}

/* The thread's name, or its process's: many give their threads names of their own. */
static __always_inline bool comm_matches(struct task_struct *task)
{
	char comm[16] = {};

	bpf_get_current_comm(comm, sizeof(comm));
	if (comm_is(comm))
		return true;
	BPF_CORE_READ_STR_INTO(&comm, task, group_leader, comm);
	return comm_is(comm);
}

/*
 * The one and only of this program: its process's start, moved on by each exec. Nanoseconds, so that
 * no later process with the same number gets there.
 */
static __always_inline __u64 current_generation(struct task_struct *task)
{
	if (CURRENT_IS_TYPED)
		return task->group_leader->start_boottime + task->self_exec_id;
	return BPF_CORE_READ(task, group_leader, start_boottime) + BPF_CORE_READ(task, self_exec_id);
}

/* The parent, if both run the same program: exec moves the number on that a fork copies. */
static __always_inline __s32 current_parent(__u64 *ret_generation)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *parent = BPF_CORE_READ(task, group_leader, real_parent);
	__u64 images = BPF_CORE_READ(parent, self_exec_id);

	if (images != BPF_CORE_READ(task, self_exec_id))
		return 0;
	*ret_generation = BPF_CORE_READ(parent, group_leader, start_boottime) + images;
	return number_here(BPF_CORE_READ(parent, group_leader));
}

static __always_inline bool current_is_wanted(struct ids *ret)
{
	struct task_struct *task = CURRENT_TASK();

	ret->task = task;
	ret->thread = MEMBER(task, pid);
	if (own_level) {
		ret->tgid = number_here(BPF_CORE_READ(task, group_leader));
		ret->tid = number_here(task);
	} else {
		ret->tgid = MEMBER(task, tgid);
		ret->tid = ret->thread;
	}
	if (!ret->tgid)
		return false;
	if ((filter_pids || filter_tids) &&
	    !(filter_pids && bpf_map_lookup_elem(&target_pids, &ret->tgid)) &&
	    !(filter_tids && bpf_map_lookup_elem(&target_tids, &ret->tid)))
		return false;
	if (filter_comm && !comm_matches(task))
		return false;
	if (filter_cgroup && bpf_current_task_under_cgroup(&target_cgroup, 0) != 1)
		return false;
	ret->generation = current_generation(task);
	return true;
}

/* Its number may be given to another one from now on. */
static __always_inline void target_is_gone(bool whole_process)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__s32 tgid, tid;

	if (!filter_pids && !filter_tids)
		return;
	tid = number_here(task);
	tgid = number_here(BPF_CORE_READ(task, group_leader));
	if (filter_tids)
		bpf_map_delete_elem(&target_tids, &tid);
	if (filter_pids && whole_process)
		bpf_map_delete_elem(&target_pids, &tgid);
}

static __always_inline void target_follow(struct task_struct *parent, struct task_struct *child)
{
	__s32 of_parent = number_here(BPF_CORE_READ(parent, group_leader)), of_child = number_here(child);
	__u8 one = 1;

	/* A thread belongs to its process anyway. */
	if (!of_child || BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return;
	if (bpf_map_lookup_elem(&target_pids, &of_parent))
		bpf_map_update_elem(&target_pids, &of_child, &one, BPF_ANY);
}

#endif
