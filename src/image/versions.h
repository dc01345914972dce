/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version of a dynamic symbol: `foo@GLIBC_2.35`. */
#ifndef IMAGE_VERSIONS_H
#define IMAGE_VERSIONS_H

#include "image/dynamic.h"

struct version_table {
	const struct elf_file *file;
	const struct image *image;
	const struct dynamic *dynamic;
};

/* Fills version ("" for none) and hidden of the symbol, the index'th of the dynamic table. */
void versions_find(const struct version_table *t, uint64_t index, struct image_symbol *symbol);

#endif
