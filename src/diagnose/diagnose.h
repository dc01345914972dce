/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From facts to findings. Reads nothing but the facts. */
#ifndef DIAGNOSE_DIAGNOSE_H
#define DIAGNOSE_DIAGNOSE_H

#include "model/check.h"
#include "model/facts.h"
#include "model/finding.h"

struct diagnosis {
	const struct host_facts *host;
	struct process_facts *process; /* a rule that lacks a fact adds to its `unknown`; NULL: the kernel alone */
	struct findings *findings;
	const struct kernel_facts *kernel; /* NULL: it was not asked how it behaves */
};

/* The parts of the catalogue. */
enum rule_table { RULES_PROCESS, RULES_KERNEL, RULES_ELF };

struct rule {
	const char *id;
	enum rule_table table;
	const char *title;
	const char *levels; /* when it has which severity: names each one it can have */
	const char *story;  /* what it means and how it comes about; paragraphs end with a newline */
	const char *advice;
	void (*run)(const struct rule *rule, const struct diagnosis *d);
};

/* Every rule, in the order of the manual. */
extern const struct rule rules[];
extern const size_t rules_n;

/* NULL when there is none of that id. */
const struct rule *rule_find(const char *id);

/* Runs every rule on the facts of one process, with what the kernel means for it. */
void diagnose_process(const struct diagnosis *d);

/* Runs the rules of RULES_KERNEL on what was seen of it by a process of ours: findings without a subject. */
void diagnose_kernel(const struct kernel_facts *kernel, struct findings *findings);

/* The one line that answers the question: owner, completeness, losers, kernel. In findings' arena. */
const char *diagnose_verdict(const struct diagnosis *d);

/* Whether a tunable of glibc turned rseq off, as libc read it at the start. */
bool tunables_disable_rseq(const char *tunables);

#endif
