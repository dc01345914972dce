/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What interrupts the workers: threads of their own, and what a worker does to itself. */
#ifndef STRESS_DISTURB_H
#define STRESS_DISTURB_H

#include <pthread.h>

#include "stress/run.h"

struct worker;

struct disturbance {
	pthread_t thread;
	struct run *run;
	const struct disturber *disturber;
	uint64_t random;
	uint32_t cpu; /* of those that have a thread per CPU */
	bool started;
};

/* A worker interrupts itself, outside of a section. */
void disturb_worker(struct worker *w);

/* The calling thread is that worker, for the signals that it gets. NULL: it no longer is. */
void disturb_this_worker(struct worker *w);

/* Once per process, before the workers. 0 or -errno. */
int disturb_prepare(struct run *run);

/* Starts the threads of all disturbers that were asked for. 0, or -errno when a thread could not be started. */
int disturb_start(struct run *run, struct disturbance **ret, size_t *ret_n);
void disturb_stop(struct disturbance *d, size_t n);

#endif
