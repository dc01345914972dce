/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "critical/critical.h"

#include "rseqctl/rseq_abi.h"

void critical_init(struct critical *c, void *area, bool by_mm_cid)
{
	*c = (struct critical){ .publish = &((struct rseq_area *)area)->rseq_cs };
	critical_key(c, area, by_mm_cid);
}

void critical_key(struct critical *c, const void *area, bool by_mm_cid)
{
	const struct rseq_area *a = area;

	c->start = by_mm_cid ? &a->mm_cid : &a->cpu_id_start;
	c->key = by_mm_cid ? &a->mm_cid : &a->cpu_id;
}

void critical_unlock(uint64_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
