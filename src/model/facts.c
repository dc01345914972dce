/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/facts.h"

#include <stdarg.h>
#include <string.h>

#include "rseqctl/rseq_abi.h"
#include "util/array.h"
#include "util/strbuf.h"

void process_facts_done(struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++)
		free(p->threads[i].candidates);
	for (size_t i = 0; i < p->n_objects; i++)
		free(p->objects[i].symbols);
	free(p->threads);
	free(p->objects);
	free(p->unknown);
	arena_done(&p->arena);
	*p = (struct process_facts){ 0 };
}

void process_unknown(struct process_facts *p, const char *what, const char *format, ...)
{
	_cleanup_strbuf_ struct strbuf why = { 0 };
	struct unknown *u;
	va_list ap;

	va_start(ap, format);
	strbuf_vprintf(&why, format, ap);
	va_end(ap);
	/* One line for one reason, however many threads or objects it holds for. */
	for (size_t i = 0; i < p->n_unknown; i++)
		if (!strcmp(p->unknown[i].what, what) && !strcmp(p->unknown[i].why, strbuf_str(&why)))
			return;
	u = ARRAY_ADD(p->unknown, p->n_unknown);
	if (!u)
		return;
	u->what = arena_strdup(&p->arena, what);
	u->why = arena_strdup(&p->arena, strbuf_str(&why));
}

uint32_t rseq_active_size(uint32_t length, uint64_t feature_size)
{
	/* Up to 6.2 the kernel says nothing and keeps the fields of the original ABI. */
	uint64_t known = feature_size ? feature_size : RSEQ_ORIGINAL_ACTIVE;

	return length < known ? length : (uint32_t)known;
}

bool rseq_is_libc_size(uint32_t size)
{
	return size == 20 || size == 28 || (size >= 32 && size <= 256);
}
