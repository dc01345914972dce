/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is freed all at once. Facts about one process live in one arena: their strings are
 * borrowed until it is done.
 */
#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

#include <stddef.h>

#include "util/cleanup.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
};

void arena_done(struct arena *a);

/* Zeroed memory, aligned for any type; NULL when there is none. */
void *arena_alloc(struct arena *a, size_t size) _must_check_;

/* Copies; "" when there is no memory, never NULL. */
const char *arena_strndup(struct arena *a, const char *s, size_t len);
const char *arena_strdup(struct arena *a, const char *s);
const char *arena_printf(struct arena *a, const char *format, ...) _printf_(2, 3);

#endif
