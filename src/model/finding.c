/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/finding.h"

#include <stdarg.h>
#include <string.h>

#include "util/array.h"
#include "util/strbuf.h"

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->items[i].evidence);
	free(f->items);
	arena_done(&f->arena);
	*f = (struct findings){ 0 };
}

struct finding *findings_add(struct findings *f)
{
	return ARRAY_ADD(f->items, f->n);
}

static bool is_one_of(const char *id, const char *const *ids, size_t n_ids)
{
	for (size_t i = 0; i < n_ids; i++)
		if (!strcmp(id, ids[i]))
			return true;
	return false;
}

size_t findings_remove(struct findings *f, size_t first, const char *const *ids, size_t n_ids)
{
	size_t kept = first, removed;

	for (size_t i = first; i < f->n; i++) {
		if (is_one_of(f->items[i].id, ids, n_ids))
			free(f->items[i].evidence);
		else
			f->items[kept++] = f->items[i];
	}
	removed = f->n - kept;
	f->n = kept;
	return removed;
}

void finding_evidence(struct findings *f, struct finding *finding, const char *format, ...)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	const char **slot = ARRAY_ADD(finding->evidence, finding->n_evidence);
	va_list ap;

	if (!slot)
		return;
	va_start(ap, format);
	strbuf_vprintf(&line, format, ap);
	va_end(ap);
	*slot = arena_strdup(&f->arena, strbuf_str(&line));
}

enum severity findings_worst(const struct findings *f, int32_t pid)
{
	enum severity worst = SEVERITY_NONE;

	for (size_t i = 0; i < f->n; i++)
		if ((!pid || f->items[i].subject.pid == pid) && f->items[i].severity > worst)
			worst = f->items[i].severity;
	return worst;
}
