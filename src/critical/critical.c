/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "critical/critical.h"

#include "rseqctl/rseq_abi.h"

void critical_init(struct critical *c, void *area, bool by_mm_cid)
{
	struct rseq_area *a = area;

	*c = (struct critical){
		.publish = &a->rseq_cs,
		.start = by_mm_cid ? &a->mm_cid : &a->cpu_id_start,
		.key = by_mm_cid ? &a->mm_cid : &a->cpu_id,
	};
}

void critical_unlock(uint64_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
