/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/mapped.h"

#include <string.h>
#include <time.h>

#include "util/strbuf.h"

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Its path from the root of its file system; "..." stands for what the record had no room for. */
static bool take_path(const struct trace_mapping *m, char *ret, size_t size)
{
	_cleanup_strbuf_ struct strbuf path = { 0 };
	size_t n = 0;

	while (n < TRACE_PATH_NAMES && m->path[n][0])
		n++;
	if (n == TRACE_PATH_NAMES)
		strbuf_puts(&path, "...");
	while (n--) {
		const char *name = (const char *)m->path[n];

		strbuf_puts(&path, "/");
		strbuf_add(&path, name, strnlen(name, TRACE_PATH_NAME));
	}
	if (path.failed || !path.len || path.len >= size)
		return false;
	memcpy(ret, strbuf_str(&path), path.len + 1);
	return true;
}

static bool take_file(const struct trace_mapping *m, const struct happened *when, uint64_t address,
		      struct mapped_file *ret)
{
	if (!m || !m->start || address < m->start || address >= m->end || !take_path(m, ret->path, sizeof(ret->path)))
		return false;
	ret->start = ret->end = 0;
	ret->inode = m->inode;
	ret->device = (uint64_t)(m->device >> 20) << 32 | (m->device & 0xfffff);
	ret->until_ns = (int64_t)when->time_ns + now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME);
	return true;
}

void mapped_resolve(struct symbolizer *s, const struct happened *when, const struct trace_mapping *mapping,
		    uint64_t address, uint64_t length, struct place *ret)
{
	struct past_place past = { .address = address, .length = length };
	struct mapped_file file;

	if (take_file(mapping, when, address, &file)) {
		past.file = &file;
		past.offset = mapping->offset + (address - mapping->start);
	}
	symbolizer_resolve_past(s, when->tgid, when->generation, &past, ret);
}

void mapped_find(struct symbolizer *s, const struct trace_header *h, const struct trace_mapping *mapping,
		 uint64_t address, struct code_place *ret)
{
	struct happened when = { h->tgid, h->generation, h->time_ns };
	struct place p;

	mapped_resolve(s, &when, mapping, address, 0, &p);
	*ret = (struct code_place){
		.has = p.object ? PLACE_OFFSET : 0,
		.object = p.object,
		.function = p.function,
		.why = p.function ? NULL : p.why,
		.address = address,
		.offset = p.offset,
	};
}
