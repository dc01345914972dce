/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "image/dynamic.h"
#include "image/libc.h"
#include "image/relocations.h"
#include "image/symbols.h"
#include "model/abi.h"
#include "model/known.h"
#include "util/array.h"

/* Notes of a real file take some hundred bytes. */
#define NOTES_MAX 65536

static void take_tls(const GElf_Phdr *ph, struct image *image)
{
	image->tls = 1;
	image->tls_vaddr = ph->p_vaddr;
	image->tls_memsz = ph->p_memsz;
	image->tls_align = ph->p_align ? ph->p_align : 1;
}

static void take_load(const GElf_Phdr *ph, struct image *image)
{
	if (image->n_segments == IMAGE_SEGMENTS_MAX) {
		image->truncated = 1;
		return;
	}
	image->segments[image->n_segments++] = (struct image_segment){
		.vaddr = ph->p_vaddr,
		.memsz = ph->p_memsz,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.flags = ph->p_flags,
	};
}

static void take_build_id(const struct elf_file *file, const GElf_Phdr *ph, struct image *image)
{
	size_t name, desc, at = 0, next;
	Elf_Data *data;
	GElf_Nhdr note;

	if (image->build_id_len || ph->p_filesz > NOTES_MAX || ph->p_offset > file->size ||
	    ph->p_filesz > file->size - ph->p_offset)
		return;
	data = elf_getdata_rawchunk(file->elf, (int64_t)ph->p_offset, ph->p_filesz,
				    ph->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	while (data && (next = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz &&
		    note.n_descsz <= sizeof(image->build_id) &&
		    !memcmp((char *)data->d_buf + name, "GNU", 4)) {
			image->build_id_len = note.n_descsz;
			image->build_id_vaddr = ph->p_vaddr + desc;
			memcpy(image->build_id, (char *)data->d_buf + desc, note.n_descsz);
			return;
		}
		at = next;
	}
}

static bool take_segments(const struct elf_file *file, struct image *image)
{
	for (size_t i = 0; i < file->phnum; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(file->elf, (int)i, &ph))
			return false;
		if (ph.p_type == PT_LOAD)
			take_load(&ph, image);
		else if (ph.p_type == PT_TLS)
			take_tls(&ph, image);
		else if (ph.p_type == PT_NOTE)
			take_build_id(file, &ph, image);
		else if (ph.p_type == PT_INTERP)
			image->interpreter = 1;
	}
	return true;
}

/* Descriptors are counted by the section that holds them; a file without section headers says 0. */
static void take_sections(const struct elf_file *file, struct image *image)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(file->elf, &names) < 0)
		return;
	while ((scn = elf_nextscn(file->elf, scn))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh))
			return;
		name = elf_strptr(file->elf, names, sh.sh_name);
		if (!name)
			continue;
		/* librseq called it __rseq_table until 2019-03. */
		if (!strcmp(name, "__rseq_cs") || !strcmp(name, "__rseq_table")) {
			if (!image->sections_total)
				image->sections_vaddr = sh.sh_addr;
			image->sections_total += sh.sh_size / RSEQ_DESCRIPTOR_SIZE;
		} else if (!strcmp(name, "google_malloc")) {
			image->google_malloc = 1;
		}
	}
}

static int scan(const struct elf_file *file, struct image *image, const char **ret_what)
{
	struct dynamic dynamic;

	image->machine = file->ehdr.e_machine;
	image->type = file->ehdr.e_type;
	image->is64 = file->ehdr.e_ident[EI_CLASS] == ELFCLASS64;
	image->little_endian = file->ehdr.e_ident[EI_DATA] == ELFDATA2LSB;
	if (!take_segments(file, image)) {
		*ret_what = "its program headers are broken";
		return -EBADMSG;
	}
	dynamic_read(file, image, &dynamic);
	symbols_read_dynamic(file, &dynamic, image);
	relocations_read(file, &dynamic, image);
	symbols_read_static(file, image);
	take_sections(file, image);
	libc_identify(file, image);
	return 0;
}

int image_scan(int fd, struct image *ret, const char **ret_what)
{
	struct elf_file file;
	int r = elf_file_open(fd, &file);

	*ret_what = r == -ENOEXEC ? "it is no ELF file" : "its ELF header is broken";
	if (r < 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	r = scan(&file, ret, ret_what);
	elf_file_done(&file);
	return r;
}

const struct image_symbol *image_find(const struct image *image, const char *name)
{
	const struct image_symbol *found = NULL;

	for (uint32_t i = 0; i < image->n_symbols; i++) {
		const struct image_symbol *s = &image->symbols[i];

		if (s->defined && !strcmp(known_symbols[s->known].name, name) &&
		    (!found || (s->exported && !found->exported)))
			found = s;
	}
	return found;
}
