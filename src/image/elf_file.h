/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open ELF file, for the files of this room: libelf for its formats, pread for its bytes. */
#ifndef IMAGE_ELF_FILE_H
#define IMAGE_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"
#include "util/cleanup.h"

struct elf_file {
	Elf *elf;
	int fd;
	uint64_t size;
	GElf_Ehdr ehdr;
	size_t phnum;
};

/* fd is borrowed. 0, -ENOEXEC or -EBADMSG. */
int elf_file_open(int fd, struct elf_file *ret) _must_check_;
void elf_file_done(struct elf_file *file);

/* All len bytes at a file offset; false when the file does not have them. */
bool elf_file_read(const struct elf_file *file, uint64_t offset, void *ret, size_t len);

/* Where an address of the loaded file lies in it, and how many bytes follow there; false if nowhere. */
bool elf_file_offset(const struct image *image, uint64_t vaddr, uint64_t *ret_offset,
		     uint64_t *ret_len);

/* Bytes by address of the loaded file. */
bool elf_file_read_at(const struct elf_file *file, const struct image *image, uint64_t vaddr,
		      void *ret, size_t len);

/* A string by file offset, cut at size - 1 bytes; false when it is not in the file. */
bool elf_file_string(const struct elf_file *file, uint64_t offset, char *ret, size_t size);

/* A 32- or 64-bit number in the file's byte order. */
uint32_t elf_file_u32(const struct elf_file *file, const void *p);
uint64_t elf_file_word(const struct elf_file *file, const void *p);

#endif
