/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/section_names.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "trace/mapped.h"

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

/* A length that was cut is none that a descriptor has. */
static uint64_t whole_length(const struct trace_section_key *key)
{
	return key->length == UINT32_MAX ? 0 : key->length;
}

static void find_names(struct section_names *names, struct section_name *s, const struct trace_mapping *mapping,
		       uint64_t time_ns)
{
	struct happened when = { s->key.tgid, s->key.generation, time_ns };
	struct place p;

	mapped_resolve(names->symbolizer, &when, mapping, s->key.start, whole_length(&s->key), &p);
	s->by_record = mapping != NULL;
	s->names = (struct event_section){
		.has = p.object ? EVENT_SECTION_OFFSET : 0,
		.object = p.object,
		.symbol = p.descriptor,
		.function = p.function,
		.why = p.function ? NULL : p.why,
		.start = s->key.start,
		.length = s->key.length,
		.offset = p.offset,
	};
}

static struct section_name *add(struct section_names *names, const struct trace_section_key *key)
{
	struct section_name *new = names->n < NAMES_MAX ? calloc(1, sizeof(*new)) : NULL;

	if (!new)
		return NULL;
	new->key = *key;
	if (!tsearch(new, &names->tree, compare)) {
		free(new);
		return NULL;
	}
	names->n++;
	return new;
}

struct section_name *section_names_get(struct section_names *names, const struct trace_section_key *key,
				       const struct trace_mapping *mapping, uint64_t time_ns)
{
	struct section_name wanted = { .key = *key }, *name;
	void *node = tfind(&wanted, &names->tree, compare);

	name = node ? *(struct section_name **)node : add(names, key);
	/* A tally may have met it before its record was fetched. */
	if (name && (!node || (mapping && !name->by_record && !name->names.function)))
		find_names(names, name, mapping, time_ns);
	return name;
}
