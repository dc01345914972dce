/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/behaviour.h"

#include <string.h>

#define ONLY(classes) (~(uint32_t)(classes) & ALL)

enum {
	ABSENT = 1 << CLASS_ABSENT,
	ORIGINAL = 1 << CLASS_ORIGINAL,
	EXTENSIBLE = 1 << CLASS_EXTENSIBLE,
	REWRITE = 1 << CLASS_REWRITE,
	SPLIT = 1 << CLASS_SPLIT,
	ALL = ABSENT | ORIGINAL | EXTENSIBLE | REWRITE | SPLIT,
};

/* The size that a kernel says: 28 bytes from 6.3 on, 33 from 7.0 on. */
enum { SIZE_7_0 = 33 };

static void exclude(struct kernel_behaviour *b, uint32_t classes, const char *because)
{
	for (int class = CLASS_ABSENT; class <= CLASS_SPLIT; class++)
		if (classes & ~b->excluded & 1u << class)
			b->because[class] = because;
	b->excluded |= classes;
}

void behaviour_add_size(struct kernel_behaviour *b, uint64_t feature_size)
{
	if (!feature_size)
		exclude(b, ONLY(ABSENT | ORIGINAL), "it does not say the size of struct rseq");
	else if (feature_size < SIZE_7_0)
		exclude(b, ONLY(EXTENSIBLE | REWRITE), "it says a size of struct rseq as 6.3 to 6.19 do");
	else
		exclude(b, ONLY(REWRITE | SPLIT), "it says a size of struct rseq as 7.0 does");
}

/* How many of its answers differ: a process that died has told nothing. */
static size_t count_bad(const struct check_result *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_rows; i++)
		n += r->rows[i].ok == 0;
	return n;
}

static void add_cpu_id_start(struct kernel_behaviour *b, const struct check_result *r)
{
	if (r->verdict == VERDICT_PASS)
		exclude(b, REWRITE, "it rewrites cpu_id_start of 32 bytes");
	else if (r->verdict == VERDICT_FAIL && count_bad(r))
		exclude(b, ONLY(REWRITE), "it does not rewrite cpu_id_start of 32 bytes");
}

static void add_unwritable(struct kernel_behaviour *b, const struct check_result *r)
{
	const char *seen = r->n_rows ? r->rows[0].seen : "";

	if (!strcmp(seen, "EFAULT"))
		exclude(b, ONLY(ORIGINAL | EXTENSIBLE), "unregistering an area that is not writable is EFAULT");
	else if (!strcmp(seen, "SIGSEGV"))
		exclude(b, ONLY(REWRITE | SPLIT), "unregistering an area that is not writable kills");
}

void behaviour_add(struct kernel_behaviour *b, const struct check_result *r)
{
	if (!strcmp(r->id, "syscall") && r->verdict == VERDICT_PASS)
		exclude(b, ABSENT, "rseq() is there");
	else if (!strcmp(r->id, "cpu_id_start"))
		add_cpu_id_start(b, r);
	else if (!strcmp(r->id, "read-only") && r->verdict == VERDICT_PASS)
		exclude(b, ONLY(SPLIT), "it enforces read-only fields");
	else if (!strcmp(r->id, BEHAVIOUR_UNWRITABLE))
		add_unwritable(b, r);
}

static const char *why_unknown(const struct kernel_behaviour *b, enum rseq_class by_types, struct arena *arena)
{
	uint32_t left = ALL & ~b->excluded;

	if (by_types)
		return arena_printf(arena, "its types are those of class %s, and it behaves otherwise: %s",
				    rseq_class_names[by_types], b->because[by_types]);
	if (!left)
		return "its types cannot be read, and it behaves like no class that is known";
	return "its types cannot be read, and how it behaves does not tell enough";
}

enum rseq_class behaviour_class(const struct kernel_behaviour *b, enum rseq_class by_types, struct arena *arena,
				const char **ret_why)
{
	uint32_t left = ALL & ~b->excluded;

	if (by_types && left & 1u << by_types)
		return by_types;
	/* A power of two: one class is left. */
	if (!by_types && left && !(left & (left - 1)))
		return (enum rseq_class)__builtin_ctz(left);
	*ret_why = why_unknown(b, by_types, arena);
	return CLASS_UNKNOWN;
}

void behaviour_settle(const struct kernel_behaviour *b, struct host_facts *host, struct arena *arena)
{
	const char *why = NULL;
	struct unknown *u;

	host->rseq_class = behaviour_class(b, host->rseq_class, arena, &why);
	host->unknown = NULL;
	host->n_unknown = 0;
	u = why ? arena_alloc(arena, sizeof(*u)) : NULL;
	if (!u)
		return;
	*u = (struct unknown){ "rseq_class", why };
	host->unknown = u;
	host->n_unknown = 1;
}
