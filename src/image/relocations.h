/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the dynamic linker writes which definition a reference got. */
#ifndef IMAGE_RELOCATIONS_H
#define IMAGE_RELOCATIONS_H

#include "image/dynamic.h"

/* Fills slot, slot_kind and addend of the symbols from the dynamic table that have such a word. */
void relocations_read(const struct elf_file *file, const struct dynamic *dynamic, struct image *image);

#endif
