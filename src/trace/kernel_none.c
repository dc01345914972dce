/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Built with BPF=0: the service says so. */
#include <errno.h>
#include <stdio.h>

#include "trace/kernel.h"

static int setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	(void)arg;
	(void)len;
	(void)ret_ctx;
	snprintf(status->what, sizeof(status->what),
		 "this rseqctl was built without BPF, and nothing else can trace: build it with BPF=1");
	return -EOPNOTSUPP;
}

const struct service_kind trace_kernel_kind = { .setup = setup, .setup_limit_ms = 10000 };
