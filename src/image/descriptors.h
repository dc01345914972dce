/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptors of critical sections (struct rseq_cs) that an ELF file holds. */
#ifndef IMAGE_DESCRIPTORS_H
#define IMAGE_DESCRIPTORS_H

#include <stdint.h>

#include "image/functions.h"
#include "util/cleanup.h"

/* A critical section, by what its descriptor says of it. */
struct descriptor {
	uint64_t offset; /* where it starts in the file: what is asked for */
	uint64_t length; /* bytes, also asked for */
	char symbol[FUNCTION_NAME_MAX]; /* the descriptor's name, cut; "" where the file has none */
};

/*
 * Fills the symbol of a section: that of the one descriptor in __rseq_cs (or __rseq_table) that tells of it.
 * A descriptor that is made while the program runs, or that two tell of, has no name; nor has any in a
 * stripped file, where symbols are local. 0, -ENOEXEC when it is no ELF file, or -EBADMSG when it is
 * broken; *ret_what then says what was, static.
 */
int descriptors_find(int fd, struct descriptor *descriptor, const char **ret_what) _must_check_;

#endif
