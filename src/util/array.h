/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed growing arrays: `struct x *items; size_t n;` and ARRAY_ADD(items, n). */
#ifndef UTIL_ARRAY_H
#define UTIL_ARRAY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more item: the capacity is the next power of two, so it needs no member. */
static inline void *array_grow(void *items, size_t n, size_t size)
{
	if (n & (n - 1))
		return items;
	if (n > SIZE_MAX / 2 / size)
		return NULL;
	return realloc(items, (n ? n * 2 : 1) * size);
}

/* A pointer to a new, zeroed item at the end, or NULL when there is no memory. */
#define ARRAY_ADD(items, n)                                                                        \
	({                                                                                         \
		__typeof__(items) grown_ = array_grow((items), (n), sizeof(*(items)));             \
		if (grown_) {                                                                      \
			(items) = grown_;                                                          \
			grown_ = memset(&grown_[(n)++], 0, sizeof(*grown_));                       \
		}                                                                                  \
		grown_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
