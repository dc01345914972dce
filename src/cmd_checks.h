/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All checks: the probes of the table, and those that other rooms answer. */
#ifndef CMD_CHECKS_H
#define CMD_CHECKS_H

#include "probe/probe.h"

struct check_entry {
	struct probe probe;
	size_t workload;   /* of stress, for its probe */
	unsigned int limits; /* how many times the limit that was asked for */
};

/* In the order in which they run. */
struct check_list {
	struct check_entry *items;
	size_t n;
	struct arena arena; /* names */
};

/* 0 or -ENOMEM; check_list_done in both cases. */
int check_list_make(struct check_list *ret) _must_check_;
void check_list_done(struct check_list *l);

/* The entry of that id; NULL when there is none. */
const struct check_entry *check_list_find(const struct check_list *l, const char *id);

/*
 * Whether that word means the item of that index: a check's id means this check alone; another word, which
 * stands before a dash of ids, all that begin with both.
 */
bool check_list_means(const struct check_list *l, const char *word, size_t i);

/* The word that means some of the list and is nearest to a mistyped one, in the arena; NULL when none is near. */
const char *check_list_nearest(struct check_list *l, const char *word);

/* Asks; as probe_run, whose options' data and limit are chosen here. */
int check_list_run(const struct check_entry *entry, const struct probe_options *options, struct arena *arena,
		   struct check_result *ret);

/* What can be broken on purpose, in the order of enum probe_fault from 1 on; NULL beyond the last. */
struct check_fault {
	const char *name, *summary;
};
const struct check_fault *check_fault_at(size_t i);

#endif
