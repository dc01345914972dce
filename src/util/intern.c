/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/intern.h"

#include <search.h>
#include <string.h>

/* What the tree and the arena take for each, roughly. */
#define OVERHEAD 64

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep(void *string)
{
	(void)string; /* it lies in the arena */
}

const char *intern(struct intern *strings, const char *s)
{
	void *found = tfind(s, &strings->root, compare);
	size_t size = strlen(s) + 1;
	char *copy;

	if (found)
		return *(const char **)found;
	if (strings->bytes + size + OVERHEAD > strings->limit)
		return NULL;
	copy = arena_alloc(&strings->arena, size);
	if (!copy)
		return NULL;
	memcpy(copy, s, size);
	if (!tsearch(copy, &strings->root, compare))
		return NULL;
	strings->bytes += size + OVERHEAD;
	return copy;
}

void intern_done(struct intern *strings)
{
	tdestroy(strings->root, keep);
	arena_done(&strings->arena);
	*strings = (struct intern){ 0 };
}
