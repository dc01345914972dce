/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/versions.h"

#include <string.h>

/* A symbol carries the index of its version; bit 15 hides it from default look-ups. */
#define INDEX_MASK 0x7fff
/* Chains of a real file are a few dozen long. */
#define CHAIN_MAX 4096

static uint16_t half(const struct elf_file *file, const unsigned char *p)
{
	return file->ehdr.e_ident[EI_DATA] == ELFDATA2LSB ? (uint16_t)(p[0] | p[1] << 8)
							   : (uint16_t)(p[0] << 8 | p[1]);
}

static void name_at(const struct version_table *t, uint32_t name, char *ret, size_t size)
{
	if (name >= t->dynamic->strsz ||
	    !elf_file_string(t->file, t->dynamic->strtab_offset + name, ret, size))
		ret[0] = '\0';
}

/* Elf_Verdef is laid out alike for both classes: ndx at 4, aux at 12, next at 16. */
static bool find_defined(const struct version_table *t, uint16_t index, char *ret, size_t size)
{
	uint64_t at = t->dynamic->verdef;

	for (uint64_t i = 0; at && i < t->dynamic->verdefnum && i < CHAIN_MAX; i++) {
		unsigned char def[20], aux[8];
		uint32_t next;

		if (!elf_file_read_at(t->file, t->image, at, def, sizeof(def)))
			return false;
		if ((half(t->file, def + 4) & INDEX_MASK) == index) {
			uint64_t where = at + elf_file_u32(t->file, def + 12);

			if (!elf_file_read_at(t->file, t->image, where, aux, sizeof(aux)))
				return false;
			name_at(t, elf_file_u32(t->file, aux), ret, size);
			return true;
		}
		next = elf_file_u32(t->file, def + 16);
		if (!next)
			return false;
		at += next;
	}
	return false;
}

/* Elf_Vernaux: other at 6, name at 8, next at 12. */
static bool find_in_need(const struct version_table *t, uint64_t at, uint16_t count, uint16_t index,
			 char *ret, size_t size)
{
	for (uint16_t i = 0; i < count && i < CHAIN_MAX; i++) {
		unsigned char aux[16];
		uint32_t next;

		if (!elf_file_read_at(t->file, t->image, at, aux, sizeof(aux)))
			return false;
		if ((half(t->file, aux + 6) & INDEX_MASK) == index) {
			name_at(t, elf_file_u32(t->file, aux + 8), ret, size);
			return true;
		}
		next = elf_file_u32(t->file, aux + 12);
		if (!next)
			return false;
		at += next;
	}
	return false;
}

/* Elf_Verneed: cnt at 2, aux at 8, next at 12. */
static bool find_needed(const struct version_table *t, uint16_t index, char *ret, size_t size)
{
	uint64_t at = t->dynamic->verneed;

	for (uint64_t i = 0; at && i < t->dynamic->verneednum && i < CHAIN_MAX; i++) {
		unsigned char need[16];
		uint32_t next;

		if (!elf_file_read_at(t->file, t->image, at, need, sizeof(need)))
			return false;
		if (find_in_need(t, at + elf_file_u32(t->file, need + 8), half(t->file, need + 2),
				 index, ret, size))
			return true;
		next = elf_file_u32(t->file, need + 12);
		if (!next)
			return false;
		at += next;
	}
	return false;
}

void versions_find(const struct version_table *t, uint64_t index, struct image_symbol *symbol)
{
	unsigned char raw[2];
	uint16_t version;

	if (!t->dynamic->versym ||
	    !elf_file_read_at(t->file, t->image, t->dynamic->versym + 2 * index, raw, sizeof(raw)))
		return;
	symbol->hidden = half(t->file, raw) > INDEX_MASK;
	version = half(t->file, raw) & INDEX_MASK;
	if (version <= VER_NDX_GLOBAL)
		return;
	if (!find_defined(t, version, symbol->version, sizeof(symbol->version)))
		find_needed(t, version, symbol->version, sizeof(symbol->version));
}
