/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which libc a file is or holds, and its version where the file says it. */
#ifndef IMAGE_LIBC_H
#define IMAGE_LIBC_H

#include "image/elf_file.h"

/* Fills libc, banner and libc_version, once the symbols are there. */
void libc_identify(const struct elf_file *file, struct image *image);

#endif
