/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/reads.h"

#include <errno.h>

#include "util/array.h"

void reads_done(struct reads *r)
{
	free(r->ranges);
	free(r->errs);
	free(r->offsets);
	strbuf_done(&r->data);
	*r = (struct reads){ 0 };
}

size_t reads_add(struct reads *r, uint64_t addr, size_t len)
{
	struct memory_range *range = ARRAY_ADD(r->ranges, r->n);

	if (!range)
		return SIZE_MAX;
	*range = (struct memory_range){ addr, len };
	return r->n - 1;
}

int reads_run(struct reads *r, struct service *reader)
{
	size_t offset = 0;

	r->errs = calloc(r->n + 1, sizeof(*r->errs));
	r->offsets = calloc(r->n + 1, sizeof(*r->offsets));
	if (!r->errs || !r->offsets)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++) {
		r->offsets[i] = offset;
		offset += r->ranges[i].len;
		r->errs[i] = -EFAULT;
	}
	return reader_memory_batch(reader, r->ranges, r->n, &r->data, r->errs);
}

const void *reads_get(const struct reads *r, size_t index)
{
	if (index >= r->n || !r->errs || r->errs[index] ||
	    r->offsets[index] + r->ranges[index].len > r->data.len)
		return NULL;
	return r->data.data + r->offsets[index];
}
