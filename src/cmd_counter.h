/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting the aborts of another command's processes, by a trace in a process of its own. */
#ifndef CMD_COUNTER_H
#define CMD_COUNTER_H

#include "stress/stress.h"

struct counter {
	pid_t pid; /* of the tracing process, 0 for none */
	int socket;
	struct abort_counts before; /* of those that it counted before this one */
	char why[256];
};

#define COUNTER_NONE ((struct counter){ .socket = -1 })

/*
 * What stress takes; the counter is borrowed by it. One after another the children of this process are
 * counted, and their own children: the first one takes the time that it takes to load the programs.
 */
struct abort_counter counter_of(struct counter *c);

/* Ends what is still counting; harmless on COUNTER_NONE. */
void counter_done(struct counter *c);

#endif
