/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's class by what it was seen doing: its types may not be readable, or belong to a mixture. */
#ifndef MODEL_BEHAVIOUR_H
#define MODEL_BEHAVIOUR_H

#include "model/check.h"
#include "model/facts.h"

/* The id of the question that only the class is asked for. */
#define BEHAVIOUR_UNWRITABLE "unwritable"

/* Classes that were not seen to be impossible, as bits 1 << enum rseq_class. 0: nothing was looked at. */
struct kernel_behaviour {
	uint32_t excluded;
	const char *because[CLASS_SPLIT + 1]; /* what excluded each: static */
};

/* What one result excludes; most exclude nothing. Not of a probe with a fault. */
void behaviour_add(struct kernel_behaviour *b, const struct check_result *r);

/* What the auxiliary vector excludes: as the kernel says it, 0 where it says nothing. */
void behaviour_add_size(struct kernel_behaviour *b, uint64_t feature_size);

/*
 * The class by types, when it was seen to behave so. Without types the only class that behaves so, if there
 * is one. Else CLASS_UNKNOWN, and why, in the arena.
 */
enum rseq_class behaviour_class(const struct kernel_behaviour *b, enum rseq_class by_types, struct arena *arena,
				const char **ret_why);

/* Settles the class of the host, whose unknown gets the reason when there is none; in the arena. */
void behaviour_settle(const struct kernel_behaviour *b, struct host_facts *host, struct arena *arena);

#endif
