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
#endif

/* 0 and the note, or -errno: -ENOENT where nothing is mapped, -EBUSY of a lock that is held. */
static __always_inline long vma_find(__u64 address, struct vma_note *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
#ifdef NO_FIND_VMA
	__u64 vma = vma_walk(address);

	return vma ? vma_read(NULL, (void *)vma, ret) : -2; /* ENOENT */
#else
	return bpf_find_vma(bpf_get_current_task_btf(), address, vma_read, ret, 0);
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
