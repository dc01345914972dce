/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of threads, by the low bits of their numbers: of two with the same bits one is forgotten. */
#ifndef RSEQCTL_TRACE_SLOT_BPF_H
#define RSEQCTL_TRACE_SLOT_BPF_H

#include "kernel_types.bpf.h"

#define SLOTS 4096

static __always_inline void slot_mark(void *map)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid(), index = thread % SLOTS;
	__u32 *slot = bpf_map_lookup_elem(map, &index);

	if (slot)
		*slot = thread;
}

static __always_inline bool slot_take(void *map)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid(), index = thread % SLOTS;
	__u32 *slot = bpf_map_lookup_elem(map, &index);

	if (!slot || *slot != thread)
		return false;
	*slot = 0;
	return true;
}

#endif
