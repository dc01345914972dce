/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proc/reader.h"
#include "proc/status.h"

uint64_t target_auxv(const struct target *t, uint64_t type)
{
	struct span auxv = { strbuf_str(&t->auxv), t->auxv.len };
	uint64_t value = 0;

	status_find_auxv(auxv, t->abi ? t->abi->word : sizeof(void *), type, &value);
	return value;
}

uint64_t target_address(const struct object *object, const struct image_symbol *symbol)
{
	return object->base + symbol->value;
}

static const struct image_symbol *find(const struct target *t, enum known_role role, bool local_too,
				       const struct object **ret_object)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		for (uint32_t k = 0; image && k < image->n_symbols; k++) {
			const struct image_symbol *s = &image->symbols[k];

			if (known_symbols[s->known].role != role || !s->defined ||
			    !(local_too || s->exported) || t->objects[i].namespace != 0)
				continue;
			if (ret_object)
				*ret_object = &t->objects[i];
			return s;
		}
	}
	return NULL;
}

const struct image_symbol *target_find(const struct target *t, enum known_role role,
				       const struct object **ret_object)
{
	/* A static program's libc is in no dynamic table: any symbol of it will do. */
	return find(t, role, !t->dynamic, ret_object);
}

const struct image_symbol *target_find_private(const struct target *t, enum known_role role,
					       const struct object **ret_object)
{
	return find(t, role, true, ret_object);
}

/* The target runs here, so its byte order is ours. */
uint64_t target_word(const struct target *t, const void *bytes)
{
	uint32_t narrow;
	uint64_t wide;

	if (t->abi->word == 4) {
		memcpy(&narrow, bytes, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, bytes, sizeof(wide));
	return wide;
}

enum { WORDS_MAX = 8192 };

int target_words(const struct target *t, uint64_t addr, uint64_t *ret, size_t n)
{
	_cleanup_free_ char *bytes = NULL;
	char few[64];
	char *at = few;
	int r;

	if (!t->abi || n > WORDS_MAX)
		return -ENOEXEC;
	if (!addr)
		return -EFAULT;
	if (n * t->abi->word > sizeof(few))
		at = bytes = malloc(n * t->abi->word);
	if (!at)
		return -ENOMEM;
	r = reader_memory(t->reader, addr, at, n * t->abi->word);
	for (size_t i = 0; r == 0 && i < n; i++)
		ret[i] = target_word(t, at + i * t->abi->word);
	return r;
}
