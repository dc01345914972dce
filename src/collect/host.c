/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/host.h"

#include "collect/kernel_class.h"

void host_read_class(struct host_facts *host, struct arena *arena)
{
	const char *why = "";
	struct unknown *u;

	host->rseq_class = kernel_class_read(&why);
	if (host->rseq_class)
		return;
	u = arena_alloc(arena, sizeof(*u));
	if (!u)
		return;
	*u = (struct unknown){ "rseq_class", why };
	host->unknown = u;
	host->n_unknown = 1;
}
