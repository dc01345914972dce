/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the known names stand in a string table, found in one pass over it. */
#ifndef IMAGE_STRINGS_H
#define IMAGE_STRINGS_H

#include "image/elf_file.h"

struct name_offsets {
	size_t n;
	struct {
		uint32_t offset;
		int known;
	} items[256];
};

/*
 * Every place where a string that equals a known name begins: linkers share tails, so a name may
 * begin inside a longer one, and stand more than once. Places beyond what fits are left out.
 */
void name_offsets_search(const struct elf_file *file, uint64_t offset, uint64_t size,
			 struct name_offsets *ret);

/* The index in known_symbols of the name at that offset, or -1. */
int name_offsets_find(const struct name_offsets *names, uint32_t offset);

#endif
