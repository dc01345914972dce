/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The known symbols of a file: definitions by hash table, references and local ones by scanning. */
#ifndef IMAGE_SYMBOLS_H
#define IMAGE_SYMBOLS_H

#include "image/dynamic.h"

/* From the dynamic symbol table. */
void symbols_read_dynamic(const struct elf_file *file, const struct dynamic *dynamic,
			  struct image *image);

/* From .symtab, what the dynamic table does not have; a stripped file has none. */
void symbols_read_static(const struct elf_file *file, struct image *image);

#endif
