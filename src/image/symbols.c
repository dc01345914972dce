/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/symbols.h"

#include <string.h>

#include "image/strings.h"
#include "image/symbol_table.h"
#include "image/versions.h"
#include "model/known.h"
#include "util/array.h"

static bool read_symbol(const struct symbol_table *t, uint64_t index, GElf_Sym *ret)
{
	struct symbol_table one = { t->file, t->offset + index * t->entry, 1, t->entry };
	Elf64_Sym space;

	if (index >= t->n || symbol_table_read(&one, 0, &space) != 1)
		return false;
	*ret = symbol_table_get(t, &space, 0);
	return true;
}

static bool have(const struct image *image, int known, const GElf_Sym *sym)
{
	for (uint32_t i = 0; i < image->n_symbols; i++) {
		const struct image_symbol *s = &image->symbols[i];

		if (s->known == known && s->defined == (sym->st_shndx != SHN_UNDEF) &&
		    (!s->defined || s->value == sym->st_value))
			return true;
	}
	return false;
}

static struct image_symbol *add(struct image *image, int known, const GElf_Sym *sym, bool exported)
{
	struct image_symbol *s;

	if (have(image, known, sym))
		return NULL;
	if (image->n_symbols == IMAGE_SYMBOLS_MAX) {
		image->truncated = 1;
		return NULL;
	}
	s = &image->symbols[image->n_symbols++];
	*s = (struct image_symbol){
		.known = (uint8_t)known,
		.defined = sym->st_shndx != SHN_UNDEF,
		.exported = exported,
		.type = GELF_ST_TYPE(sym->st_info),
		.bind = GELF_ST_BIND(sym->st_info),
		.visibility = GELF_ST_VISIBILITY(sym->st_other),
		.value = sym->st_value,
		.size = sym->st_size,
	};
	return s;
}

/* --- definitions, by hash table --- */

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

static uint32_t sysv_hash(const char *name)
{
	uint32_t h = 0, g;

	for (; *name; name++) {
		h = (h << 4) + (unsigned char)*name;
		g = h & 0xf0000000;
		h = (h ^ (g >> 24)) & ~g;
	}
	return h;
}

static bool read_u32(const struct elf_file *file, const struct image *image, uint64_t vaddr,
		     uint32_t *ret)
{
	char raw[4];

	if (!elf_file_read_at(file, image, vaddr, raw, sizeof(raw)))
		return false;
	*ret = elf_file_u32(file, raw);
	return true;
}

struct hash_table {
	const struct elf_file *file;
	const struct image *image;
	const struct dynamic *dynamic;
	struct symbol_table symbols;
	uint32_t buckets, first, bloom_words, bloom_shift; /* GNU */
};

static bool is_named(const struct hash_table *t, uint64_t index, const char *name, GElf_Sym *ret)
{
	char found[IMAGE_NAME_MAX];

	return read_symbol(&t->symbols, index, ret) && ret->st_name < t->dynamic->strsz &&
	       elf_file_string(t->file, t->dynamic->strtab_offset + ret->st_name, found,
			       sizeof(found)) &&
	       !strcmp(found, name);
}

/* The bloom filter refuses nearly every name that is not there with one read. */
static bool gnu_may_have(const struct hash_table *t, uint32_t hash)
{
	size_t size = t->image->is64 ? 8 : 4, bits = size * 8;
	uint32_t index = hash / bits & (t->bloom_words - 1);
	uint64_t word;
	char raw[8];

	if (!elf_file_read_at(t->file, t->image, t->dynamic->gnu_hash + 16 + index * size, raw, size))
		return false;
	word = elf_file_word(t->file, raw);
	return (word >> (hash % bits) & 1) && (word >> ((hash >> t->bloom_shift) % bits) & 1);
}

static bool gnu_find(const struct hash_table *t, const char *name, uint64_t *ret_index, GElf_Sym *ret)
{
	uint64_t buckets = t->dynamic->gnu_hash + 16 +
			   (uint64_t)t->bloom_words * (t->image->is64 ? 8 : 4);
	uint64_t chains = buckets + 4 * (uint64_t)t->buckets;
	uint32_t hash = gnu_hash(name), index, entry;

	if (!gnu_may_have(t, hash) ||
	    !read_u32(t->file, t->image, buckets + 4 * (uint64_t)(hash % t->buckets), &index) ||
	    index < t->first)
		return false;
	/* A chain ends at an odd entry; a broken one at the end of the file or of our patience. */
	for (int patience = 0; patience < 10000; patience++, index++) {
		if (!read_u32(t->file, t->image, chains + 4 * (uint64_t)(index - t->first), &entry))
			return false;
		if ((entry | 1) == (hash | 1) && is_named(t, index, name, ret)) {
			*ret_index = index;
			return true;
		}
		if (entry & 1)
			return false;
	}
	return false;
}

static bool sysv_find(const struct hash_table *t, const char *name, uint64_t *ret_index,
		      GElf_Sym *ret)
{
	uint64_t base = t->dynamic->hash + 8;
	uint32_t index;

	if (!read_u32(t->file, t->image, base + 4 * (uint64_t)(sysv_hash(name) % t->buckets), &index))
		return false;
	for (int patience = 0; index && patience < 10000; patience++) {
		if (is_named(t, index, name, ret) && ret->st_shndx != SHN_UNDEF) {
			*ret_index = index;
			return true;
		}
		if (!read_u32(t->file, t->image,
			      base + 4 * ((uint64_t)t->buckets + index), &index))
			return false;
	}
	return false;
}

static bool open_gnu_hash(struct hash_table *t)
{
	uint64_t at = t->dynamic->gnu_hash;

	return at && read_u32(t->file, t->image, at, &t->buckets) && t->buckets &&
	       read_u32(t->file, t->image, at + 4, &t->first) &&
	       read_u32(t->file, t->image, at + 8, &t->bloom_words) && t->bloom_words &&
	       read_u32(t->file, t->image, at + 12, &t->bloom_shift) && t->bloom_shift < 32;
}

static bool open_sysv_hash(struct hash_table *t)
{
	uint64_t at = t->dynamic->hash;

	return at && read_u32(t->file, t->image, at, &t->buckets) && t->buckets &&
	       read_u32(t->file, t->image, at + 4, &t->first);
}

/* --- everything else, by scanning --- */

/*
 * Adds the symbols of t whose name offset is among those of the wanted names. Names that matter are
 * a handful, so the string table is searched once and no name is read per symbol.
 */
static void scan(const struct symbol_table *t, const struct name_offsets *names, bool exported,
		 struct image *image, const struct version_table *versions)
{
	_cleanup_free_ void *window = names->n ? malloc(SYMBOL_WINDOW * sizeof(Elf64_Sym)) : NULL;
	size_t got;

	for (uint64_t first = 0; window && first < t->n; first += got) {
		got = symbol_table_read(t, first, window);
		if (!got)
			return;
		for (size_t i = 0; i < got; i++) {
			GElf_Sym sym = symbol_table_get(t, window, i);
			int known = name_offsets_find(names, sym.st_name);
			struct image_symbol *s;

			if (known < 0)
				continue;
			s = add(image, known, &sym, exported);
			if (s && versions) {
				s->index = (uint32_t)(first + i);
				versions_find(versions, first + i, s);
			}
		}
	}
}

static void find_definitions(const struct hash_table *t, struct image *image, bool gnu,
			     const struct version_table *versions)
{
	for (size_t k = 0; k < known_symbols_n; k++) {
		struct image_symbol *s;
		uint64_t index;
		GElf_Sym sym;

		if (!(gnu ? gnu_find : sysv_find)(t, known_symbols[k].name, &index, &sym))
			continue;
		s = add(image, (int)k, &sym, true);
		if (!s)
			continue;
		s->index = (uint32_t)index;
		versions_find(versions, index, s);
	}
}

void symbols_read_dynamic(const struct elf_file *file, const struct dynamic *dynamic,
			  struct image *image)
{
	struct hash_table t = { .file = file, .image = image, .dynamic = dynamic };
	struct version_table versions = { file, image, dynamic };
	struct name_offsets names = { 0 };
	struct symbol_table references;
	uint64_t offset, room;
	bool gnu;

	if (!dynamic->strsz || !elf_file_offset(image, dynamic->symtab, &offset, &room))
		return;
	t.symbols = symbol_table_at(file, offset, room);
	gnu = open_gnu_hash(&t);
	if (!gnu && !open_sysv_hash(&t))
		return;
	find_definitions(&t, image, gnu, &versions);
	/* References come before the first hashed symbol; a SysV table has all symbols in it. */
	references = t.symbols;
	if (t.first < references.n)
		references.n = t.first;
	name_offsets_search(file, dynamic->strtab_offset, dynamic->strsz, &names);
	scan(&references, &names, true, image, &versions);
}

void symbols_read_static(const struct elf_file *file, struct image *image)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(file->elf, scn))) {
		struct name_offsets names = { 0 };
		GElf_Shdr symtab, strtab;
		Elf_Scn *strings;
		struct symbol_table t;

		if (!gelf_getshdr(scn, &symtab) || symtab.sh_type != SHT_SYMTAB)
			continue;
		strings = elf_getscn(file->elf, symtab.sh_link);
		if (!strings || !gelf_getshdr(strings, &strtab) || strtab.sh_type != SHT_STRTAB)
			return;
		t = symbol_table_at(file, symtab.sh_offset, symtab.sh_size);
		name_offsets_search(file, strtab.sh_offset, strtab.sh_size, &names);
		scan(&t, &names, false, image, NULL);
		return;
	}
}
