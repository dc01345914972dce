/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/symbol_table.h"

struct symbol_table symbol_table_at(const struct elf_file *file, uint64_t offset, uint64_t size)
{
	uint64_t entry = gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT);

	return (struct symbol_table){ file, offset, size / entry, entry };
}

size_t symbol_table_read(const struct symbol_table *t, uint64_t first, void *buffer)
{
	size_t n = t->n - first < SYMBOL_WINDOW ? (size_t)(t->n - first) : SYMBOL_WINDOW, size = n * t->entry;
	Elf_Data from = { .d_buf = buffer, .d_type = ELF_T_SYM, .d_size = size, .d_version = EV_CURRENT };
	Elf_Data to = from;

	if (!elf_file_read(t->file, t->offset + first * t->entry, buffer, size) ||
	    !gelf_xlatetom(t->file->elf, &to, &from, t->file->ehdr.e_ident[EI_DATA]))
		return 0;
	return n;
}

/* Not by gelf_getsym, which takes only data of libelf's own. */
GElf_Sym symbol_table_get(const struct symbol_table *t, const void *window, size_t i)
{
	const Elf32_Sym *narrow = window;

	if (t->entry == sizeof(Elf64_Sym))
		return ((const Elf64_Sym *)window)[i];
	return (GElf_Sym){
		.st_name = narrow[i].st_name,
		.st_info = narrow[i].st_info,
		.st_other = narrow[i].st_other,
		.st_shndx = narrow[i].st_shndx,
		.st_value = narrow[i].st_value,
		.st_size = narrow[i].st_size,
	};
}
