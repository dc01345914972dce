/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the kernel behaves where its types leave it open: asked once, and only for a process that it matters to. */
#ifndef CMD_KERNEL_H
#define CMD_KERNEL_H

#include "model/check.h"
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

#endif
