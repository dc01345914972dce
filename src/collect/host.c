/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/host.h"

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

#include "collect/kernel_class.h"
#include "rseqctl/rseq_abi.h"

void host_read(struct host_facts *ret)
{
	struct utsname u;

	*ret = (struct host_facts){ .has = HOST_AUXV };
	if (uname(&u) == 0) {
		snprintf(ret->kernel, sizeof(ret->kernel), "%s", u.release);
		snprintf(ret->arch, sizeof(ret->arch), "%s", u.machine);
	}
	ret->feature_size = getauxval(AUXV_RSEQ_FEATURE_SIZE);
	ret->align = getauxval(AUXV_RSEQ_ALIGN);
}

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
