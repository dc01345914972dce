/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/descriptors.h"

#include <errno.h>
#include <string.h>

#include "image/elf_file.h"
#include "image/relocations.h"
#include "model/abi.h"

/* A file with tcmalloc has some dozens. */
enum { DESCRIPTORS_MAX = 1 << 16 };

/* The words of a descriptor: struct rseq_cs, whose fields have 64 bits in files of 32 bits too. */
enum { START = 8, LENGTH = 16 };

/* One section of descriptors, as it will be loaded. */
struct table {
	uint64_t vaddr, offset, n;
	uint64_t *starts, *lengths;
};

static uint64_t word(const struct elf_file *file, const char *p)
{
	bool is_big = file->ehdr.e_ident[EI_DATA] == ELFDATA2MSB;
	uint64_t first = elf_file_u32(file, p), second = elf_file_u32(file, p + 4);

	return is_big ? first << 32 | second : second << 32 | first;
}

static bool read_table(const struct elf_file *file, const GElf_Shdr *sh, struct table *t)
{
	char d[RSEQ_DESCRIPTOR_SIZE];

	*t = (struct table){ .vaddr = sh->sh_addr, .offset = sh->sh_offset, .n = sh->sh_size / sizeof(d) };
	if (t->n > DESCRIPTORS_MAX)
		t->n = DESCRIPTORS_MAX;
	t->starts = calloc(2 * t->n + 1, sizeof(*t->starts));
	if (!t->starts)
		return false;
	t->lengths = t->starts + t->n;
	for (uint64_t i = 0; i < t->n; i++) {
		if (!elf_file_read(file, t->offset + i * sizeof(d), d, sizeof(d)))
			return false;
		t->starts[i] = word(file, d + START);
		t->lengths[i] = word(file, d + LENGTH);
	}
	return true;
}

/*
 * Relative to where the file is loaded. Other tables than these (REL, RELR) have their addends in the place
 * itself; a symbol's value is none that an assembler asks for here.
 */
static void relocate(const struct relocation *r, void *ctx)
{
	struct table *t = ctx;
	uint64_t at = r->offset - t->vaddr;

	if (r->offset >= t->vaddr && at / RSEQ_DESCRIPTOR_SIZE < t->n && !GELF_R_SYM(r->info) &&
	    (at % RSEQ_DESCRIPTOR_SIZE) / 8 == START / 8)
		t->starts[at / RSEQ_DESCRIPTOR_SIZE] = (uint64_t)r->addend;
}

static void relocate_table(const struct elf_file *file, struct table *t)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(file->elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA && (sh.sh_flags & SHF_ALLOC))
			relocations_walk(file, sh.sh_offset, sh.sh_size, ELF_T_RELA, relocate, t);
	}
}

/* Of a section: its descriptors so far, and the last one's place. */
struct search {
	uint64_t start, length;
	uint64_t found, vaddr, offset;
};

static void search_table(const struct elf_file *file, const GElf_Shdr *sh, struct search *s)
{
	struct table t;

	if (read_table(file, sh, &t)) {
		relocate_table(file, &t);
		for (uint64_t i = 0; i < t.n; i++) {
			if (t.starts[i] != s->start || t.lengths[i] != s->length)
				continue;
			s->found++;
			s->vaddr = t.vaddr + i * RSEQ_DESCRIPTOR_SIZE;
			s->offset = t.offset + i * RSEQ_DESCRIPTOR_SIZE;
		}
	}
	free(t.starts);
}

static void search_tables(const struct elf_file *file, struct search *s)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(file->elf, &names) < 0)
		return;
	while ((scn = elf_nextscn(file->elf, scn))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(file->elf, names, sh.sh_name);
		if (name && (!strcmp(name, "__rseq_cs") || !strcmp(name, "__rseq_table")))
			search_table(file, &sh, s);
	}
}

int descriptors_find(int fd, struct descriptor *descriptor, const char **ret_what)
{
	struct function f = { .offset = descriptor->offset };
	struct search s = { .length = descriptor->length };
	struct elf_file file;
	int r;

	descriptor->symbol[0] = '\0';
	/* What is asked for is a place in the file, and the descriptor has its address. */
	r = functions_find(fd, &f, 1, ret_what);
	if (r == 0)
		r = elf_file_open(fd, &file);
	if (r < 0)
		return r;
	s.start = f.vaddr;
	search_tables(&file, &s);
	elf_file_done(&file);
	if (s.found != 1)
		return 0;
	f = (struct function){ .offset = s.offset };
	r = functions_find(fd, &f, 1, ret_what);
	if (r == 0 && f.name[0] && f.start == s.vaddr)
		memcpy(descriptor->symbol, f.name, sizeof(descriptor->symbol));
	return r;
}
