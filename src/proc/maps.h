/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mappings of a process, out of the text of /proc/PID/maps. */
#ifndef PROC_MAPS_H
#define PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/parse.h"

struct mapping {
	uint64_t start, end, offset;
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	bool readable, writable, executable, deleted;
	const char *path; /* "" where anonymous; "[heap]", "[stack]"...; without " (deleted)" */
};

struct maps {
	struct mapping *items; /* in order of address */
	size_t n;
};

/*
 * The next mapping, taken off the front of the text; lines that are none are left out. False at the
 * end. The path lives in the arena; without one it is "".
 */
bool maps_next(struct span *text, struct arena *arena, struct mapping *ret);

/* Lines that are no mappings are left out. The strings live in the arena. 0 or -ENOMEM. */
int maps_parse(struct span text, struct arena *arena, struct maps *ret) _must_check_;
void maps_done(struct maps *maps);

bool maps_same_file(const struct mapping *a, const struct mapping *b);

/* The mapping that holds addr, or NULL. Borrowed. */
const struct mapping *maps_find(const struct maps *maps, uint64_t addr);

#endif
