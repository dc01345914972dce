/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command that is traced from its first instruction: a child that waits, with all that its
 * caller may do, until everything is attached.
 */
#ifndef TRACE_COMMAND_H
#define TRACE_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "model/trace_tally.h"
#include "util/cleanup.h"

struct command {
	pid_t pid; /* 0: there is none */
	int go, failure; /* pipes */
	bool started, ended;
	struct trace_command result;
};

#define COMMAND_NONE ((struct command){ .go = -1, .failure = -1 })

/*
 * Forks it; to be called before privileges are given up. keep_output: it has our stdout, else what
 * it writes there goes to stderr. 0 or -errno.
 */
int command_prepare(char *const argv[], bool keep_output, struct command *ret) _must_check_;

/* Lets it run. 0, or -errno of exec. */
int command_go(struct command *c) _must_check_;

/* Looks, without waiting, whether it has ended. */
bool command_has_ended(struct command *c);

/*
 * Ends it, if it was never let go or is still running: SIGTERM, and a second to obey. Harmless on
 * COMMAND_NONE.
 */
void command_done(struct command *c);

#endif
