/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define BLOCK_SIZE 16384

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	max_align_t data[];
};

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *block = a->blocks;
	size_t align = sizeof(max_align_t);
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) / align * align;
	if (!block || block->size - block->used < size) {
		size_t data = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		block = malloc(sizeof(*block) + data);
		if (!block)
			return NULL;
		block->next = a->blocks;
		block->used = 0;
		block->size = data;
		a->blocks = block;
	}
	p = (char *)block->data + block->used;
	block->used += size;
	return memset(p, 0, size);
}

const char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	return copy ? memcpy(copy, s, len) : "";
}

const char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

const char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	s = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, format, ap);
	va_end(ap);
	return s ? s : "";
}
