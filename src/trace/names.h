/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was learned of files: each place of each distinct file looked up once, whoever maps it. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/descriptors.h"
#include "image/functions.h"
#include "proc/reader.h"
#include "util/intern.h"

/* One stretch of a file, by offset. */
struct name_range {
	uint64_t low, high;
	uint64_t shift;	  /* to be added to an offset: from the function's start, else the vaddr */
	const char *name; /* NULL: none known there */
	const char *why;  /* static: there is one, but it could not be kept; else NULL */
};

struct names {
	struct names_file *files;
	size_t n, ranges, descriptors;
	uint64_t clock;
};

void names_done(struct names *names);

/* What is known of that place; NULL, and *ret_why when it cannot be learned (static). Borrowed until
 * the next names_add. */
const struct name_range *names_find(struct names *names, const struct file_key *key, uint64_t offset,
				    const char **ret_why);

/* Takes in what a decoder answered. */
void names_add(struct names *names, const struct file_key *key, const struct function *functions, size_t n,
	       struct intern *strings);

/*
 * Whether the name of a section's descriptor was asked for, and what it is: NULL where the file has none.
 * Borrowed as names are.
 */
bool names_find_descriptor(struct names *names, const struct file_key *key, uint64_t offset, uint64_t length,
			   const char **ret_symbol);
void names_add_descriptor(struct names *names, const struct file_key *key, const struct descriptor *d,
			  struct intern *strings);

/* Nothing can be learned of this file; why is static. */
void names_refuse(struct names *names, const struct file_key *key, const char *why);

#endif
