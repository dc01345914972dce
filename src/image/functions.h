/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function, or variable, of an ELF file lies at a place. */
#ifndef IMAGE_FUNCTIONS_H
#define IMAGE_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

enum { FUNCTION_NAME_MAX = 256, FUNCTIONS_MAX = 512 };

/* Without pointers: the answer of a helper process can be copied. */
struct function {
	uint64_t offset;    /* in the file: what is asked for */
	uint64_t low, high; /* offsets around it, [low, high): all of these have the same answer */
	uint64_t vaddr;	    /* of offset, in the loaded file; offset itself where it is not loaded */
	uint64_t start, size; /* of the function: vaddr, bytes; size 0 where the file does not say */
	char name[FUNCTION_NAME_MAX]; /* demangled, cut; "" where no function is known there */
};

/*
 * Fills functions, whose offset the caller sets; n is at most FUNCTIONS_MAX. Symbols tell, in one
 * pass for all: the innermost that covers the place, else the nearest one below in the same section
 * if its size is not known. In data it is variables, and one without a size has its first byte only.
 * A file without section headers names nothing. 0, -ENOEXEC when it is no ELF file, or -EBADMSG
 * when it is broken; *ret_what then says what was, static.
 */
int functions_find(int fd, struct function *functions, size_t n, const char **ret_what) _must_check_;

#endif
