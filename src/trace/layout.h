/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mapped where in a process, kept small: a hostile one may have a million mappings. */
#ifndef TRACE_LAYOUT_H
#define TRACE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/reader.h"
#include "util/intern.h"
#include "util/parse.h"

/* A mapped file, or "[heap]", "[anonymous]"... */
struct layout_object {
	const char *path; /* NULL: it could not be kept */
	const char *why;  /* its file cannot be looked at: static; else NULL */
	uint64_t inode;	  /* 0: no file */
	uint64_t device;  /* as it stands in the maps, which is not always what stat says */
	uint64_t start, end; /* of one mapping of it: of the first executable one, if there is one */
	bool executable;
	bool identified, was_identified; /* the latter in an earlier layout */
	bool elsewhere; /* the process is gone, and its reader does not hold this file */
	struct file_key key; /* valid when either is set */
};

struct region {
	uint64_t start, end, offset; /* offset: in the file */
	uint32_t object;
};

struct layout {
	struct region *regions; /* by address */
	struct layout_object *objects;
	size_t n, n_objects;
};

/* Out of /proc/PID/maps; paths become interned. 0, -ENOMEM, or -EFBIG when it is more than is kept. */
int layout_parse(struct span text, struct intern *strings, struct layout *ret) _must_check_;
void layout_done(struct layout *layout);

/* 0 or -ENOMEM. */
int layout_copy(const struct layout *layout, struct layout *ret) _must_check_;

/* The same file, mapped by another process. Borrowed, or NULL. */
const struct layout_object *layout_find_same(const struct layout *layout, const struct layout_object *o);

/* Takes over what an earlier layout of the process knew of its files. */
void layout_inherit(struct layout *layout, const struct layout *earlier);

/* The bytes it takes. */
size_t layout_size(const struct layout *layout);

/* Borrowed; NULL: nothing is mapped there. */
const struct region *layout_find(const struct layout *layout, uint64_t addr);

#endif
