/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/finding.h"

#include <stdarg.h>

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
