/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/mapped.h"

#include <string.h>

#include "util/strbuf.h"

const char *mapped_name(const struct trace_mapping *m, uint64_t address, struct intern *strings,
			uint64_t *ret_offset)
{
	_cleanup_strbuf_ struct strbuf path = { 0 };
	size_t n = 0;

	if (!m->start || address < m->start || address >= m->end)
		return NULL;
	while (n < TRACE_PATH_NAMES && m->path[n][0])
		n++;
	if (n == TRACE_PATH_NAMES)
		strbuf_puts(&path, "...");
	while (n--) {
		const char *name = (const char *)m->path[n];

		strbuf_puts(&path, "/");
		strbuf_add(&path, name, strnlen(name, TRACE_PATH_NAME));
	}
	if (path.failed || !path.len)
		return NULL;
	*ret_offset = m->offset + (address - m->start);
	return intern(strings, strbuf_str(&path));
}
