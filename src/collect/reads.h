/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many small reads of a target's memory, gathered and done at once. */
#ifndef COLLECT_READS_H
#define COLLECT_READS_H

#include "proc/reader.h"

struct reads {
	struct memory_range *ranges;
	int32_t *errs;
	size_t *offsets; /* in data */
	size_t n;
	struct strbuf data;
};

void reads_done(struct reads *r);

/* The index to get it by afterwards, SIZE_MAX when there is no memory. */
size_t reads_add(struct reads *r, uint64_t addr, size_t len);

/* 0 or -errno; ranges that cannot be read are no error here. */
int reads_run(struct reads *r, struct service *reader) _must_check_;

/* The bytes, or NULL where they could not be read (or the index is SIZE_MAX). Borrowed. */
const void *reads_get(const struct reads *r, size_t index);

#endif
