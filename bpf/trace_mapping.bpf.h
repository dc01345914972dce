/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which file is mapped at an address, asked at the moment that matters: a library may be unloaded, and
 * a process gone, a millisecond later.
 */
#ifndef RSEQCTL_TRACE_MAPPING_BPF_H
#define RSEQCTL_TRACE_MAPPING_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/trace_record.h"

#define PAGE_SHIFT_BITS 12
#define VM_WRITE 0x2

struct vma_note {
	__u64 start, end, offset, inode, dentry;
	__u32 device, writable;
};

static long vma_read(struct task_struct *task __attribute__((unused)), struct vm_area_struct *vma, void *data)
{
	struct vma_note *n = data;
	struct file *file = BPF_CORE_READ(vma, vm_file);

	n->writable = (BPF_CORE_READ(vma, vm_flags) & VM_WRITE) != 0;
	n->start = BPF_CORE_READ(vma, vm_start);
	n->end = BPF_CORE_READ(vma, vm_end);
	if (!file)
		return 0;
	n->offset = BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT_BITS;
	n->inode = BPF_CORE_READ(file, f_inode, i_ino);
	n->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	n->dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	return 0;
}

#ifdef NO_FIND_VMA
/* A tree of all a process can map is not deeper. */
#define TREE_DEPTH 40

/* Without the lock: another thread may turn the tree while we go down. Then there is no answer. */
static __noinline __u64 vma_walk(__u64 address)
{
	struct mm_struct *mm = CURRENT(mm);
	struct rb_node *node = BPF_CORE_READ(mm, mm_rb.rb_node);

	for (int i = 0; i < TREE_DEPTH && node; i++) {
		struct vm_area_struct *vma =
			(void *)((char *)node - bpf_core_field_offset(struct vm_area_struct, vm_rb));

		if (address < BPF_CORE_READ(vma, vm_start))
			node = BPF_CORE_READ(node, rb_left);
		else if (address >= BPF_CORE_READ(vma, vm_end))
			node = BPF_CORE_READ(node, rb_right);
		else
			return (__u64)vma;
	}
	return 0;
}
#else
/* lib/maple_tree.c: what a pointer to a node carries in the bits that its alignment leaves. */
#define MAPLE_NODE_MASK 255ul
#define MAPLE_ROOT_IS_NODE(entry) (((entry) & 3) == 2 && (entry) > 4096)
#define MAPLE_TYPE(entry) ((entry) >> 3 & 15)
#define MAPLE_DEPTH 12

enum maple_node_type { MAPLE_LEAF_64 = 1, MAPLE_RANGE_64, MAPLE_ARANGE_64 };

static __always_inline __u64 maple_word(__u64 node, __u32 offset, __u32 i)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), (void *)(node + offset + i * sizeof(word)));
	return word;
}

/* As mtree_lookup_walk: the entry below this node. */
static __always_inline __u64 maple_step(__u64 node, bool inner, __u64 address)
{
	__u32 pivots = inner ? bpf_core_field_offset(struct maple_arange_64, pivot) :
			       bpf_core_field_offset(struct maple_range_64, pivot);
	__u32 slots = inner ? bpf_core_field_offset(struct maple_arange_64, slot) :
			      bpf_core_field_offset(struct maple_range_64, slot);
	__u32 n = inner ? 9 : 15, i;

	for (i = 0; i < 15; i++)
		if (i >= n || maple_word(node, pivots, i) >= address)
			break;
	return maple_word(node, slots, i);
}

/*
 * Without the lock, as readers under RCU do; a node that was replaced meanwhile names itself as its parent, and
 * then there is no answer. Neither is there one before 6.1, which has no such tree.
 */
static __noinline __u64 vma_walk(__u64 address)
{
	struct mm_struct *mm = CURRENT(mm);
	__u64 entry;

	if (!bpf_core_field_exists(mm->mm_mt))
		return 0;
	entry = (__u64)BPF_CORE_READ(mm, mm_mt.ma_root);
	if (!MAPLE_ROOT_IS_NODE(entry))
		return 0;
	for (int i = 0; i < MAPLE_DEPTH; i++) {
		__u64 node = entry & ~MAPLE_NODE_MASK;
		__u32 type = MAPLE_TYPE(entry);

		entry = maple_step(node, type == MAPLE_ARANGE_64, address);
		if ((maple_word(node, 0, 0) & ~MAPLE_NODE_MASK) == node)
			return 0;
		if (type == MAPLE_LEAF_64)
			return entry;
	}
	return 0;
}
#endif

/*
 * 0 and the note, or -errno: -ENOENT where nothing is mapped. bpf_find_vma is -EBUSY where another thread holds
 * the lock, and with interrupts off also for the second program that asks on this CPU, such as that of another
 * trace, or a profiler: letting go of the lock then waits for an irq_work, of which there is one.
 */
static __always_inline long vma_find(__u64 address, struct vma_note *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
#ifdef NO_FIND_VMA
	__u64 vma = vma_walk(address);

	return vma ? vma_read(NULL, (void *)vma, ret) : -2; /* ENOENT */
#else
	long e = bpf_find_vma(bpf_get_current_task_btf(), address, vma_read, ret, 0);
	__u64 vma = e == -16 ? vma_walk(address) : 0; /* EBUSY */

	if (!vma)
		return e;
	vma_read(NULL, (void *)vma, ret);
	return address >= ret->start && address < ret->end ? 0 : e;
#endif
}

static __always_inline void mapping_read_path(__u64 dentry, struct trace_mapping *ret)
{
	struct dentry *d = (void *)dentry;

	for (int i = 0; i < TRACE_PATH_NAMES; i++) {
		struct dentry *parent = BPF_CORE_READ(d, d_parent);

		ret->path[i][0] = '\0';
		if (parent == d)
			break;
		bpf_probe_read_kernel_str(ret->path[i], TRACE_PATH_NAME, BPF_CORE_READ(d, d_name.name));
		d = parent;
	}
}

static __always_inline void mapping_read(__u64 address, struct trace_mapping *ret)
{
	struct vma_note note;

	ret->start = 0;
	ret->pad = 0;
	for (int i = 0; i < TRACE_PATH_NAMES; i++)
		ret->path[i][0] = '\0';
	if (vma_find(address, &note) || !note.dentry)
		return;
	ret->start = note.start;
	ret->end = note.end;
	ret->offset = note.offset;
	ret->inode = note.inode;
	ret->device = note.device;
	mapping_read_path(note.dentry, ret);
}

#endif
