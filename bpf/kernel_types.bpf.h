/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types, cut down to the members that are read here; CO-RE finds where each one
 * lies. A flavour is named for what it means, and only one flavour of a type holds per kernel.
 */
#ifndef RSEQCTL_KERNEL_TYPES_BPF_H
#define RSEQCTL_KERNEL_TYPES_BPF_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct thread_struct___x86 {
	unsigned long fsbase;
};

struct thread_struct___arm64 {
	struct {
		unsigned long tp_value;
	} uw;
};

struct pt_regs___x86 {
	unsigned long ip;
};

struct user_pt_regs {
	__u64 pc;
};

struct thread_info {
	unsigned long flags;
	unsigned int status;
};

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	char comm[16];
	unsigned int flags;
	int exit_state;
	int on_cpu;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct pid *thread_pid;
};

struct task_struct___x86 {
	struct thread_struct___x86 thread;
};

struct task_struct___arm64 {
	struct thread_struct___arm64 thread;
};

struct rseq;

/* 4.18 to 6.2 */
struct task_struct___original {
	struct rseq *rseq;
	__u32 rseq_sig;
};

/* 6.3 to 6.18: ee3e3ac05c26 added the length */
struct task_struct___extensible {
	struct rseq *rseq;
	__u32 rseq_len;
	__u32 rseq_sig;
};

struct rseq_event {
	__u8 has_rseq;
};

struct rseq_ids {
	__u32 cpu_id;
	__u32 mm_cid;
};

/* 82f572449cfe gave the ids a node and has_rseq its two modes */
struct rseq_ids___split {
	__u32 node_id;
};

/* 6.19 on */
struct rseq_data {
	struct rseq *usrptr;
	__u32 len;
	__u32 sig;
	struct rseq_event event;
};

struct task_struct___data {
	struct rseq_data rseq;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

enum bpf_func_id___pt_regs {
	BPF_FUNC_task_pt_regs___pt_regs = 175,
};

#endif
