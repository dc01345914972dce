/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types, cut down to the members that are read here; CO-RE finds where each one
 * lies. A flavour is named for what it means. Few types on purpose: libbpf searches all types of
 * the kernel once for each type here that an access starts from, and that is most of the time it
 * takes to load.
 */
#ifndef RSEQCTL_KERNEL_TYPES_BPF_H
#define RSEQCTL_KERNEL_TYPES_BPF_H

#include <linux/types.h>
#include <stdbool.h>

/* A segment as the CPU describes it, so not relocated: its base lies in bytes 2, 3, 4 and 7. */
struct desc_struct {
	__u8 bytes[8];
};

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

/* Members of several architectures: each kernel has those of its own. */
struct thread_struct {
	struct desc_struct tls_array[3]; /* x86: set_thread_area */
	unsigned short gsindex;		 /* x86-64 */
	unsigned long fsbase;		 /* x86-64 */
	struct {
		unsigned long tp_value;
	} uw; /* arm64 */
	unsigned long trap_nr; /* x86 */
};

/* Members of several architectures. */
struct pt_regs {
	unsigned long ip, sp, orig_ax, bx, cx, dx, si, di, r10; /* x86-64 */
	unsigned long regs[31], pc, pstate, orig_x0;		/* arm64, which has sp as well */
	int syscallno;
};

struct thread_info {
	unsigned int status; /* x86 */
	unsigned int cpu;    /* from 5.16 on: bcf9033e5449 */
};

struct sched_info {
	unsigned long long last_arrival;
};

struct seccomp {
	int mode;
};

typedef struct {
	int counter;
} atomic_t;

struct task_struct;

struct signal_struct {
	atomic_t live;
	unsigned int flags;
	struct task_struct *group_exec_task; /* from 5.17 on: 60700e38fb68 */
	struct task_struct *group_exit_task; /* before */
};

struct kernel_siginfo {
	int si_signo, si_errno, si_code;
};

struct super_block {
	unsigned int s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
};

struct rb_node {
	struct rb_node *rb_left, *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct vm_area_struct {
	struct rb_node vm_rb; /* up to 6.0 */
	unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
	struct file *vm_file;
};

/* From 6.1 on: an inner node of mm's tree is a maple_arange_64, a leaf a maple_range_64. */
struct maple_tree {
	void *ma_root;
};

struct maple_range_64 {
	unsigned long pivot[15];
	void *slot[16];
};

struct maple_arange_64 {
	unsigned long pivot[9];
	void *slot[10];
};

struct mm_struct {
	struct rb_root mm_rb; /* up to 6.0 */
	struct maple_tree mm_mt;
	unsigned long task_size;
	atomic_t membarrier_state;
};

struct rseq;

struct task_struct {
	struct mm_struct *mm;
	struct thread_struct thread;
	int pid;
	int tgid;
	char comm[16];
	unsigned int flags;
	int exit_state;
	int on_cpu;
	__u64 start_boottime;
	struct task_struct *group_leader, *real_parent;
	struct pid *thread_pid;
	struct thread_info thread_info;
	void *stack;
	unsigned long nvcsw, nivcsw;
	unsigned int cpu; /* up to 5.15 */
	struct sched_info sched_info;
	struct seccomp seccomp;
	struct signal_struct *signal;
	__u64 self_exec_id;
	/* 4.18 to 6.18 */
	struct rseq *rseq;
	__u32 rseq_sig;
	__u32 rseq_len; /* from 6.3 on: ee3e3ac05c26 */
};

struct rseq_event {
	__u8 has_rseq;
};

struct rseq_ids {
	__u32 cpu_id, mm_cid;
	__u32 node_id; /* from 7.0.10 on: 82f572449cfe, which gave has_rseq its two modes as well */
};

struct rseq_data {
	struct rseq *usrptr;
	__u32 len;
	__u32 sig;
	struct rseq_event event;
	struct rseq_ids ids;
};

/* 6.19 on: the member rseq is no pointer any more, but all of the task's rseq data */
struct task_struct___data {
	struct rseq_data rseq;
};

#pragma clang attribute pop

/* The context of an iterator program is laid out alike on every kernel (5.8 on): not relocated. */
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* Helpers that are asked for before they are called. */
enum bpf_func_id___pt_regs {
	BPF_FUNC_task_pt_regs___pt_regs = 175,
};

enum bpf_func_id___task_btf {
	BPF_FUNC_get_current_task_btf___task_btf = 158,
};

/*
 * The current task. From 5.11 on the kernel gives its type with it, and MEMBER() of it is one load;
 * before, each is a call. To ask for it is a call as well: what runs often asks once.
 */
#define CURRENT_IS_TYPED \
	bpf_core_enum_value_exists(enum bpf_func_id___task_btf, BPF_FUNC_get_current_task_btf___task_btf)
#define CURRENT_TASK()                                                                             \
	((struct task_struct *)(CURRENT_IS_TYPED ? (__u64)bpf_get_current_task_btf() : bpf_get_current_task()))
#define MEMBER(current, member)                                                                    \
	({                                                                                         \
		__typeof__(((struct task_struct *)0)->member) value_;                              \
		if (CURRENT_IS_TYPED)                                                              \
			value_ = (current)->member;                                                \
		else                                                                               \
			value_ = BPF_CORE_READ(current, member);                                   \
		value_;                                                                            \
	})
#define CURRENT(member) MEMBER(CURRENT_TASK(), member)

#endif
