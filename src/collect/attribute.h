/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose an area is: by where it lies. */
#ifndef COLLECT_ATTRIBUTE_H
#define COLLECT_ATTRIBUTE_H

#include "collect/tls.h"

/* The owner of the area that this thread registered; thread is its index in blocks. */
struct owner attribute_area(struct target *t, const struct tls_blocks *blocks, size_t thread,
			    const struct thread_facts *f);

/* The owner that owns libc's area. */
struct owner attribute_libc(const struct target *t);

#endif
