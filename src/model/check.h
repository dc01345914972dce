/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was asked of the machine, and what came of it. Strings are borrowed from whoever filled it. */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "model/stress.h"

/* One of several questions of a check. */
struct check_row {
	const char *what, *expected, *seen;
	int8_t ok; /* -1: not judged */
};

struct check_result {
	const char *id, *title;
	uint32_t verdict;   /* enum verdict: pass, fail, skip or unknown */
	const char *detail; /* what was seen, or why not; NULL: nothing to add */
	const char *meaning, *fix; /* of a failure of its own, and what to do; NULL else, fix for one of ours */
	const char *because; /* id of another check that failed: this one stands on what that asks; NULL: none */
	int error;	    /* errno that it came down to; 0: none */
	struct check_row *rows;
	size_t n_rows;
	uint64_t duration_ns;
};

/* All of them. */
struct check_facts {
	const struct host_facts *host;
	struct environment_facts environment;
	const char *inject; /* NULL: nothing was broken on purpose */
	int8_t interrupted; /* by a signal: what was not asked is unknown */
	struct check_result *checks;
	size_t n_checks;
	uint32_t passed, failed, skipped, unknown;
};

/* Adds a result and counts it. NULL when there is no memory; the list is the caller's to free. */
struct check_result *check_add(struct check_facts *facts, const struct check_result *result);

/*
 * What the kernel was seen doing, as enum verdict: pass, it keeps the promise; fail, it breaks it; else it
 * was not seen. For a registration of 32 bytes and for a longer one.
 */
enum promise_length { PROMISE_ORIGINAL, PROMISE_LONGER, PROMISE_LENGTHS };
enum promise_abort { PROMISE_PREEMPTION, PROMISE_MIGRATION, PROMISE_SIGNAL, PROMISE_MEMBARRIER, PROMISE_ABORTS };

struct kernel_promise {
	uint32_t call;	       /* rseq() can be called */
	int error;	       /* errno of a call that is refused; 0 with a failed one: it is worse, or not known */
	const char *call_detail; /* what that check says; NULL: nothing */
	uint32_t cpu_id_start; /* rewritten as users of 32 bytes rely on: b9eac6a9d93c, Linux 7.1-rc3 and 7.0.10 */
	uint32_t aborts[PROMISE_LENGTHS][PROMISE_ABORTS];
};

/* Adds what this result says of the promise; most say nothing. Not of a probe with a fault. Strings are borrowed. */
void promise_add(struct kernel_promise *p, const struct check_result *r);

/* The machine, and how it kept its promise to this process. */
struct kernel_facts {
	const struct host_facts *host;
	struct kernel_promise promise;
	uint32_t seccomp;	/* enum seccomp_mode: of the process that asked */
	const char *why_unseen; /* why the promise was not looked at, or not all of it; NULL: it was */
};

/* Whether id is what one of a list means: the id itself, or all that begin with it and "-". */
int check_id_matches(const char *id, const char *word, size_t len);

#endif
