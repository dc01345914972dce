/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the dynamic linker writes into a file: also which definition a reference got. */
#ifndef IMAGE_RELOCATIONS_H
#define IMAGE_RELOCATIONS_H

#include "image/dynamic.h"

struct relocation {
	uint64_t offset, info; /* offset: where it writes, an address of the loaded file */
	int64_t addend;	       /* 0 where the table has none (ELF_T_REL) */
};
typedef void relocation_fn(const struct relocation *r, void *ctx);

/* Each one of a table at a file offset, of ELF_T_REL or ELF_T_RELA; up to where it is broken. */
void relocations_walk(const struct elf_file *file, uint64_t offset, uint64_t size, Elf_Type type, relocation_fn *fn,
		      void *ctx);

/* Fills slot, slot_kind and addend of the symbols from the dynamic table that have such a word. */
void relocations_read(const struct elf_file *file, const struct dynamic *dynamic, struct image *image);

#endif
