/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a stress run was, and what came of it. Strings are borrowed from whoever filled it. */
#ifndef MODEL_STRESS_H
#define MODEL_STRESS_H

#include <stddef.h>
#include <stdint.h>

#include "model/facts.h"

enum verdict { VERDICT_UNKNOWN, VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_NOT_APPLICABLE, VERDICT_SKIP };

/* Indexed by enum verdict; [0] is "unknown" and the list ends with NULL. */
extern const char *const verdict_names[];

struct invariant_facts {
	const char *name, *title;
	int8_t ok; /* -1: not tried, detail says why */
	const char *detail; /* NULL: nothing to add */
};

/* Aborts as the kernel counts them, by cause. */
struct abort_counts {
	uint64_t has;
	uint64_t total, migrate, preempt, signal, membarrier, other;
};
enum { ABORT_TOTAL = 1, ABORT_CAUSES = 2 };

struct stress_result {
	uint64_t has;
	const char *workload;
	const char **disturb, **index;
	size_t n_disturb, n_index;
	uint32_t verdict, gate; /* enum verdict; gate: of the aborts that had to be met */
	const char *why;	/* of a verdict that is neither pass nor fail */
	uint64_t operations, retries;
	uint64_t aborts;	/* as its threads counted them */
	uint64_t picoseconds;	/* of the workers' CPU time, per operation */
	uint64_t duration_ns;
	struct abort_counts kernel;
	struct invariant_facts *invariants;
	size_t n_invariants;
	struct unknown *unknown;
	size_t n_unknown;
};
enum { STRESS_NS_PER_OP = 1, STRESS_KERNEL_ABORTS = 2, STRESS_CAUSES = 4, STRESS_ABORTS = 8 };

/* The same operation done in another way. */
struct compare_facts {
	const char *method;
	uint64_t picoseconds;	/* of CPU time, per operation */
	uint64_t ratio_milli;	/* to the first */
};

/* What could not be done at all. */
struct stress_failure {
	const char *subject, *what, *why;
};

/* What a figure depends on. */
struct environment_facts {
	uint64_t has;
	const char *libc, *cpu_model, *governor; /* NULL unknown */
	const char *mitigations;		 /* those that are on, by name */
	uint32_t cpus, cpus_used;
	const char *owner; /* of the registrations in the run */
	uint32_t length;   /* of a registration; 0 unknown */
	uint32_t mode;	   /* enum rseq_mode */
	struct unknown *unknown;
	size_t n_unknown;
};
enum { ENVIRONMENT_LENGTH = 1 };

struct stress_facts {
	uint64_t has;
	const struct host_facts *host;
	struct environment_facts environment;
	uint64_t seed, duration_ns, min_aborts;
	uint32_t threads;
	const char *inject; /* NULL: nothing was broken on purpose */
	const char *cpus;   /* as they were named; NULL: all that may be used */
	struct stress_result *results;
	size_t n_results;
	struct compare_facts *compare;
	size_t n_compare;
	struct stress_failure *failure;
	size_t n_failures;
	uint32_t verdict;
};

/* fail before inconclusive before pass; not-applicable when that is all there is. */
enum verdict verdict_worst(enum verdict a, enum verdict b);

#endif
