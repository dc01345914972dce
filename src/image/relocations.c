/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lazy function slots (DT_JMPREL) are left out: until the first call they hold no answer. */
#include "image/relocations.h"

#include "model/abi.h"

/* Entries are read this many at a time. */
#define WINDOW 4096

struct table {
	const struct elf_file *file;
	uint64_t offset, n;
	Elf_Type type; /* ELF_T_REL or ELF_T_RELA */
};

static struct relocation entry_in(const struct table *t, const void *window, size_t i)
{
	bool wide = t->file->ehdr.e_ident[EI_CLASS] == ELFCLASS64;

	if (wide && t->type == ELF_T_RELA) {
		const Elf64_Rela *r = (const Elf64_Rela *)window + i;

		return (struct relocation){ r->r_offset, r->r_info, r->r_addend };
	}
	if (wide) {
		const Elf64_Rel *r = (const Elf64_Rel *)window + i;

		return (struct relocation){ r->r_offset, r->r_info, 0 };
	}
	if (t->type == ELF_T_RELA) {
		const Elf32_Rela *r = (const Elf32_Rela *)window + i;

		return (struct relocation){ r->r_offset, GELF_R_INFO((uint64_t)ELF32_R_SYM(r->r_info), ELF32_R_TYPE(r->r_info)),
				       r->r_addend };
	}
	const Elf32_Rel *r = (const Elf32_Rel *)window + i;

	return (struct relocation){ r->r_offset, GELF_R_INFO((uint64_t)ELF32_R_SYM(r->r_info), ELF32_R_TYPE(r->r_info)), 0 };
}

static void read_table(const struct table *t, size_t size, relocation_fn *fn, void *ctx)
{
	_cleanup_free_ void *window = malloc(WINDOW * sizeof(Elf64_Rela));

	for (uint64_t first = 0; window && first < t->n; first += WINDOW) {
		size_t n = t->n - first < WINDOW ? (size_t)(t->n - first) : WINDOW;
		Elf_Data from = { .d_buf = window, .d_type = t->type, .d_size = n * size, .d_version = EV_CURRENT };
		Elf_Data to = from;

		if (!elf_file_read(t->file, t->offset + first * size, window, n * size) ||
		    !gelf_xlatetom(t->file->elf, &to, &from, t->file->ehdr.e_ident[EI_DATA]))
			return;
		for (size_t i = 0; i < n; i++) {
			struct relocation e = entry_in(t, window, i);

			fn(&e, ctx);
		}
	}
}

void relocations_walk(const struct elf_file *file, uint64_t offset, uint64_t size, Elf_Type type, relocation_fn *fn,
		      void *ctx)
{
	size_t entry = gelf_fsize(file->elf, type, 1, EV_CURRENT);
	struct table t = { .file = file, .offset = offset, .type = type };

	if (!entry)
		return;
	t.n = size / entry;
	read_table(&t, entry, fn, ctx);
}

/* --- which definition a reference got --- */

struct slots {
	struct image *image;
	const struct arch_abi *abi;
};

/* An object may have several words for one symbol: a module's number tells most. */
static void take_slot(const struct relocation *e, enum slot_kind kind, struct image_symbol *s)
{
	if (!kind || (s->slot_kind && kind >= s->slot_kind))
		return;
	s->slot_kind = kind;
	s->slot = e->offset;
	s->addend = e->addend;
}

static void take(const struct relocation *e, void *ctx)
{
	const struct slots *slots = ctx;
	struct image *image = slots->image;
	uint32_t type = GELF_R_TYPE(e->info);

	if (!GELF_R_SYM(e->info))
		return;
	for (uint32_t i = 0; i < image->n_symbols; i++) {
		struct image_symbol *s = &image->symbols[i];

		if (!s->exported || s->index != GELF_R_SYM(e->info))
			continue;
		s->copied |= type == slots->abi->reloc_copy;
		take_slot(e, arch_slot_kind(slots->abi, type), s);
	}
}

static void find_table(const struct elf_file *file, uint64_t at, uint64_t size, Elf_Type type, struct image *image)
{
	struct slots slots = { image, arch_abi_find(image->machine, image->is64 ? 8 : 4) };
	uint64_t offset, room;

	if (slots.abi && at && elf_file_offset(image, at, &offset, &room))
		relocations_walk(file, offset, size < room ? size : room, type, take, &slots);
}

void relocations_read(const struct elf_file *file, const struct dynamic *dynamic, struct image *image)
{
	if (!image->n_symbols)
		return;
	find_table(file, dynamic->rela, dynamic->relasz, ELF_T_RELA, image);
	find_table(file, dynamic->rel, dynamic->relsz, ELF_T_REL, image);
}
