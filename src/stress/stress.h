/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs workloads of critical sections in a child process while disturbers interrupt them in every way,
 * and checks that no update was lost, doubled or torn. What is changed (affinity, scheduling class) is
 * changed in the child alone, so that nothing is left behind however it ends.
 */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/stress.h"
#include "util/arena.h"

struct workload;

enum { STRESS_THREADS_MAX = 65536, STRESS_DISTURBERS_MAX = 32 };

/* A row of a table that can be named on the command line. */
struct stress_choice {
	const char *name, *summary;
	bool by_default;
};

/* The tables; NULL beyond the last row. */
const struct stress_choice *stress_workload(size_t i);
const struct stress_choice *stress_disturber(size_t i);
const struct stress_choice *stress_fault(size_t i);
const struct stress_choice *stress_index(size_t i); /* what chooses the slot that a section works on */

/*
 * Counting aborts from outside, as by a tracepoint: start is called before the workers of that process
 * begin, stop when all have ended. 0, or -errno; why then says more. Without one, kernel_aborts is unknown.
 */
struct abort_counter {
	int (*start)(void *data, pid_t pid, const char **ret_why);
	int (*stop)(void *data, struct abort_counts *ret, const char **ret_why);
	void *data;
};

struct stress_options {
	uint32_t threads;
	uint64_t duration_ns; /* of one workload */
	uint64_t operations;  /* of one workload, instead of a duration; 0: none */
	uint64_t seed, min_aborts;
	cpu_set_t cpus;	       /* where workers may run */
	uint32_t disturb;      /* bits of the rows of stress_disturber */
	bool disturb_named;    /* one that cannot be is then an error, and else left out */
	uint32_t keys;	       /* bits of the rows of stress_index, for workloads that leave the choice; 0: all there are */
	int fault;	       /* row of stress_fault, -1 for none */
	bool own_registration; /* libc's is off */
	uint32_t length;       /* of own registrations */
	const struct abort_counter *counter; /* or NULL */
};

/* Whether the fault can be seen by that workload at all. */
bool stress_fault_applies(size_t fault, size_t workload);

/* Whether this disturber can be had here; else -errno and why. */
int stress_disturber_possible(size_t i, const struct stress_options *options, const char **ret_why);

/* Told now and then: how far it is, both in milliseconds, or in operations. */
typedef void stress_progress(void *data, const char *workload, uint64_t done, uint64_t all);

/*
 * One workload. 0; -EINTR when a signal asked to stop, then the result says what was seen so far; or
 * another -errno and why. The result's memory is the arena's.
 */
int stress_run(const struct stress_options *options, size_t workload, stress_progress *progress, void *data,
	       struct arena *arena, struct stress_result *ret, const char **ret_why);

/* The increment of a per-CPU counter, done in several ways by that many threads. 0 or -errno. */
int stress_compare(const struct stress_options *options, struct arena *arena, struct compare_facts **ret,
		   size_t *ret_n, const char **ret_why);

/* What a program that was started by the churn workload finds of its own registration; 0 when it is right. */
int stress_check_exec(bool own_registration);

#endif
