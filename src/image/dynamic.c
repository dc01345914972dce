/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/dynamic.h"

#include <string.h>

/* A dynamic section of a real file has a few dozen entries, one per needed library among them. */
#define ENTRIES_MAX 4096

static void take_entry(const GElf_Dyn *d, struct image *image, struct dynamic *dynamic)
{
	switch (d->d_tag) {
	case DT_HASH:
		dynamic->hash = d->d_un.d_ptr;
		break;
	case DT_GNU_HASH:
		dynamic->gnu_hash = d->d_un.d_ptr;
		break;
	case DT_SYMTAB:
		dynamic->symtab = d->d_un.d_ptr;
		break;
	case DT_STRTAB:
		dynamic->strtab = d->d_un.d_ptr;
		break;
	case DT_STRSZ:
		dynamic->strsz = d->d_un.d_val;
		break;
	case DT_VERSYM:
		dynamic->versym = d->d_un.d_ptr;
		break;
	case DT_VERDEF:
		dynamic->verdef = d->d_un.d_ptr;
		break;
	case DT_VERDEFNUM:
		dynamic->verdefnum = d->d_un.d_val;
		break;
	case DT_VERNEED:
		dynamic->verneed = d->d_un.d_ptr;
		break;
	case DT_VERNEEDNUM:
		dynamic->verneednum = d->d_un.d_val;
		break;
	case DT_REL:
		dynamic->rel = d->d_un.d_ptr;
		break;
	case DT_RELSZ:
		dynamic->relsz = d->d_un.d_val;
		break;
	case DT_RELA:
		dynamic->rela = d->d_un.d_ptr;
		break;
	case DT_RELASZ:
		dynamic->relasz = d->d_un.d_val;
		break;
	case DT_FLAGS_1:
		image->nodelete = (d->d_un.d_val & DF_1_NODELETE) != 0;
		image->pie = (d->d_un.d_val & DF_1_PIE) != 0;
		break;
	case DT_FLAGS:
		image->symbolic |= (d->d_un.d_val & DF_SYMBOLIC) != 0;
		break;
	case DT_SYMBOLIC:
		image->symbolic = 1;
		break;
	}
}

/* The names need the string table, which may stand anywhere among the entries: a second pass. */
static void take_names(const struct elf_file *file, const GElf_Dyn *d, struct image *image,
		       const struct dynamic *dynamic)
{
	uint64_t name = d->d_un.d_val;

	if ((d->d_tag != DT_NEEDED && d->d_tag != DT_SONAME) || name >= dynamic->strsz)
		return;
	name += dynamic->strtab_offset;
	if (d->d_tag == DT_SONAME)
		elf_file_string(file, name, image->soname, sizeof(image->soname));
	else if (image->n_needed == IMAGE_NEEDED_MAX)
		image->truncated = 1;
	else if (elf_file_string(file, name, image->needed[image->n_needed], IMAGE_NAME_MAX))
		image->n_needed++;
}

static Elf_Data *dynamic_data(const struct elf_file *file, struct image *image)
{
	for (size_t i = 0; i < file->phnum; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(file->elf, (int)i, &ph) || ph.p_type != PT_DYNAMIC)
			continue;
		image->dynamic = 1;
		image->dynamic_vaddr = ph.p_vaddr;
		if (ph.p_offset > file->size || ph.p_filesz > file->size - ph.p_offset ||
		    ph.p_filesz > ENTRIES_MAX * sizeof(Elf64_Dyn))
			return NULL;
		return elf_getdata_rawchunk(file->elf, (int64_t)ph.p_offset, ph.p_filesz, ELF_T_DYN);
	}
	return NULL;
}

void dynamic_read(const struct elf_file *file, struct image *image, struct dynamic *ret)
{
	Elf_Data *data = dynamic_data(file, image);
	struct dynamic dynamic = { 0 };
	uint64_t room;
	GElf_Dyn d;
	int n;

	*ret = dynamic;
	if (!data)
		return;
	for (n = 0; gelf_getdyn(data, n, &d) && d.d_tag != DT_NULL; n++)
		take_entry(&d, image, &dynamic);
	if (!elf_file_offset(image, dynamic.strtab, &dynamic.strtab_offset, &room) ||
	    dynamic.strsz > room)
		dynamic.strsz = 0;
	for (int i = 0; dynamic.strsz && i < n; i++)
		if (gelf_getdyn(data, i, &d))
			take_names(file, &d, image, &dynamic);
	*ret = dynamic;
}
