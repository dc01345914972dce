/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the kernel behaves: what checks mean for it, and what inspect asks where the kernel's types leave it open. */
#ifndef CMD_KERNEL_H
#define CMD_KERNEL_H

#include "model/check.h"
#include "model/finding.h"
#include "probe/probe.h"
#include "util/arena.h"

struct cmd_kernel {
	struct kernel_facts facts;
	bool never, asked; /* never: it is not to be tried */
};

/*
 * Tries the promise for registrations of 32 bytes in processes of our own, which takes 200 ms at most; the
 * second time it does nothing. What cannot be asked is said in facts.why_unseen, in the arena. The host is
 * borrowed.
 */
void cmd_kernel_ask(struct cmd_kernel *k, const struct host_facts *host, struct arena *arena);

/*
 * What these results, of nothing that was broken on purpose, say of the kernel: settles the host's class, and
 * adds the findings about it. One question more is asked, with that plan. Strings are the arena's. False when
 * rseq() itself failed, by the check syscall.
 */
bool cmd_kernel_conclude(const struct check_facts *checks, const struct probe_options *plan, struct host_facts *host,
			 struct findings *findings, struct arena *arena);

#endif
