/* SPDX-License-Identifier: GPL-2.0-only */
/* The number of a task in a PID namespace, given by the depth at which that one is nested. */
#ifndef RSEQCTL_TASK_NUMBER_BPF_H
#define RSEQCTL_TASK_NUMBER_BPF_H

#include "kernel_types.bpf.h"

static __always_inline int task_number_at(struct pid *pid, unsigned int level)
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
static __always_inline int task_number_in(struct task_struct *task, unsigned int level)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	if (!pid || level > BPF_CORE_READ(pid, level))
		return 0;
	return task_number_at(pid, level);
}

static __always_inline unsigned int task_current_level(void)
{
	struct task_struct *reader = (void *)bpf_get_current_task();

	return BPF_CORE_READ(reader, thread_pid, level);
}

#endif
