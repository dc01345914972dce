/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/section_names.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* A target can make as many as it likes, by exec. */
enum { NAMES_MAX = 16384 };

struct section_names {
	struct symbolizer *symbolizer;
	void *tree;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	return memcmp(&((const struct section_name *)a)->key, &((const struct section_name *)b)->key,
		      sizeof(struct trace_section_key));
}

struct section_names *section_names_new(struct symbolizer *symbolizer)
{
	struct section_names *names = calloc(1, sizeof(*names));

	if (names)
		names->symbolizer = symbolizer;
	return names;
}

void section_names_free(struct section_names *names)
{
	if (!names)
		return;
	tdestroy(names->tree, free);
	free(names);
}

static void find_names(struct section_names *names, struct section_name *s)
{
	struct place p;

	symbolizer_resolve(names->symbolizer, s->key.tgid, s->key.generation, &s->key.start, 1, &p);
	s->names = (struct event_section){
		.has = p.object ? EVENT_SECTION_OFFSET : 0,
		.object = p.object,
		.function = p.function,
		.start = s->key.start,
		.length = s->key.length,
		.offset = p.offset,
	};
}

struct section_name *section_names_get(struct section_names *names, const struct trace_section_key *key)
{
	struct section_name wanted = { .key = *key }, *new;
	void *node = tfind(&wanted, &names->tree, compare);

	if (node)
		return *(struct section_name **)node;
	new = names->n < NAMES_MAX ? calloc(1, sizeof(*new)) : NULL;
	if (!new)
		return NULL;
	new->key = *key;
	if (!tsearch(new, &names->tree, compare)) {
		free(new);
		return NULL;
	}
	names->n++;
	find_names(names, new);
	return new;
}
