/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rseq() answers. */
#include <errno.h>
#include <string.h>

#include "critical/registration.h"
#include "probe/probes.h"

static void run_syscall(struct probe_run *r)
{
	int e = registration_available();

	probe_error(r, -e);
	if (e == -ENOSYS)
		probe_fail(r, "rseq() is not there: a kernel without it, or a seccomp filter that says so (ENOSYS)");
	else if (e < 0)
		probe_fail(r, "rseq() is denied: %s; by a seccomp filter, as of a container?", strerror(-e));
	else
		probe_pass(r, NULL);
}

const struct probe probe_syscall = { .id = "syscall", .title = "rseq() can be called", .run = run_syscall };
