/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dynamic section: where the dynamic symbols, their names and versions lie. */
#ifndef IMAGE_DYNAMIC_H
#define IMAGE_DYNAMIC_H

#include "image/elf_file.h"

/* Addresses of the loaded file; 0 where there is none. */
struct dynamic {
	uint64_t hash, gnu_hash, symtab, strtab, strsz, versym, verdef, verneed;
	uint64_t verdefnum, verneednum;
	uint64_t rel, relsz, rela, relasz;
	uint64_t strtab_offset; /* in the file; valid if strsz is not 0 */
};

/* Fills ret and the members of image that come from here; a file without one leaves ret zeroed. */
void dynamic_read(const struct elf_file *file, struct image *image, struct dynamic *ret);

#endif
