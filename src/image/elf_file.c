/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/elf_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int elf_file_open(int fd, struct elf_file *ret)
{
	struct elf_file file = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	file.size = (uint64_t)st.st_size;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	/* The read mode: the mapped one dies of SIGBUS when the file shrinks. */
	file.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!file.elf || elf_kind(file.elf) != ELF_K_ELF) {
		elf_file_done(&file);
		return -ENOEXEC;
	}
	if (!gelf_getehdr(file.elf, &file.ehdr) || elf_getphdrnum(file.elf, &file.phnum) < 0) {
		elf_file_done(&file);
		return -EBADMSG;
	}
	*ret = file;
	return 0;
}

void elf_file_done(struct elf_file *file)
{
	elf_end(file->elf);
	file->elf = NULL;
}

bool elf_file_read(const struct elf_file *file, uint64_t offset, void *ret, size_t len)
{
	char *p = ret;

	if (offset > file->size || len > file->size - offset)
		return false;
	while (len) {
		ssize_t n = pread(file->fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

bool elf_file_offset(const struct image *image, uint64_t vaddr, uint64_t *ret_offset,
		     uint64_t *ret_len)
{
	for (uint32_t i = 0; i < image->n_segments; i++) {
		const struct image_segment *s = &image->segments[i];

		if (vaddr < s->vaddr || vaddr - s->vaddr >= s->filesz)
			continue;
		*ret_offset = s->offset + (vaddr - s->vaddr);
		*ret_len = s->filesz - (vaddr - s->vaddr);
		return true;
	}
	return false;
}

bool elf_file_read_at(const struct elf_file *file, const struct image *image, uint64_t vaddr,
		      void *ret, size_t len)
{
	uint64_t offset, room;

	return elf_file_offset(image, vaddr, &offset, &room) && len <= room &&
	       elf_file_read(file, offset, ret, len);
}

bool elf_file_string(const struct elf_file *file, uint64_t offset, char *ret, size_t size)
{
	size_t len = size - 1;

	if (offset >= file->size)
		return false;
	if (len > file->size - offset)
		len = file->size - offset;
	if (!elf_file_read(file, offset, ret, len))
		return false;
	ret[len] = '\0';
	return true;
}

static bool swapped(const struct elf_file *file)
{
	return file->ehdr.e_ident[EI_DATA] !=
	       (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

uint32_t elf_file_u32(const struct elf_file *file, const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped(file) ? __builtin_bswap32(v) : v;
}

uint64_t elf_file_word(const struct elf_file *file, const void *p)
{
	uint64_t v;

	if (file->ehdr.e_ident[EI_CLASS] == ELFCLASS32)
		return elf_file_u32(file, p);
	memcpy(&v, p, sizeof(v));
	return swapped(file) ? __builtin_bswap64(v) : v;
}
