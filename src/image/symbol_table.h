/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of symbols in a file, read in windows: it may hold millions. */
#ifndef IMAGE_SYMBOL_TABLE_H
#define IMAGE_SYMBOL_TABLE_H

#include "image/elf_file.h"

struct symbol_table {
	const struct elf_file *file;
	uint64_t offset, n, entry; /* in the file; symbols; bytes of one */
};

/* Of size bytes at a file offset. */
struct symbol_table symbol_table_at(const struct elf_file *file, uint64_t offset, uint64_t size);

/* Symbols are read this many at a time, into buffers of as many Elf64_Sym. */
enum { SYMBOL_WINDOW = 4096 };

/* Reads a window into buffer, in the host's form; the count, 0 at the end or when it is broken. */
size_t symbol_table_read(const struct symbol_table *t, uint64_t first, void *buffer);

/* The i'th symbol of a window. */
GElf_Sym symbol_table_get(const struct symbol_table *t, const void *window, size_t i);

#endif
