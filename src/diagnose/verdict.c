/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "diagnose/ask.h"
#include "diagnose/diagnose.h"
#include "diagnose/kernel.h"
#include "util/strbuf.h"

/* The finding that the line leads with: the first of the highest severity, from warning on. */
static const struct finding *headline(const struct diagnosis *d)
{
	enum severity worst = findings_worst(d->findings, d->process->pid);

	for (size_t i = 0; worst >= SEVERITY_WARNING && i < d->findings->n; i++)
		if (d->findings->items[i].severity == worst &&
		    d->findings->items[i].subject.pid == d->process->pid)
			return &d->findings->items[i];
	return NULL;
}

static uint32_t count_regular(const struct process_facts *p)
{
	uint32_t n = 0;

	for (size_t i = 0; i < p->n_threads; i++)
		n += !p->threads[i].worker && !p->threads[i].exiting;
	return n;
}

static uint32_t count_owned(const struct process_facts *p)
{
	uint32_t n = 0;

	for (size_t i = 0; i < p->n_threads; i++)
		n += ask_is_owned(&p->threads[i]) && !p->threads[i].worker && !p->threads[i].exiting;
	return n;
}

/* "(32 bytes, legacy)"; the mode only where the kernel has two. */
static void add_registration(struct strbuf *out, const struct process_facts *p)
{
	const struct thread_facts *first = NULL;
	bool same_length = true, same_mode = true;

	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		if (!(f->has & THREAD_REGISTRATION))
			continue;
		if (!first)
			first = f;
		same_length &= f->length == first->length;
		same_mode &= f->mode == first->mode;
	}
	if (!first)
		return;
	if (same_length)
		strbuf_printf(out, " (%u bytes", first->length);
	else
		strbuf_puts(out, " (different lengths");
	if (!same_mode)
		strbuf_puts(out, ", different modes");
	else if (first->mode)
		strbuf_printf(out, ", %s", rseq_mode_names[first->mode]);
	strbuf_puts(out, ")");
}

static const char *why_unknown(const struct process_facts *p)
{
	static const char *const order[] = { "owner", "memory", "objects", "auxv", "arch", "threads" };

	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
		for (size_t i = 0; i < p->n_unknown; i++)
			if (!strcmp(p->unknown[i].what, order[k]))
				return p->unknown[i].why;
	return p->n_unknown ? p->unknown[0].why : "nothing told";
}

enum { OWNERS_SHOWN = 8 };

static void add_mixed(struct strbuf *out, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	const char *names[OWNERS_SHOWN];
	uint32_t times[OWNERS_SHOWN] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < p->n_threads; i++) {
		const char *words;
		size_t k = 0;

		if (!ask_is_owned(&p->threads[i]))
			continue;
		words = ask_owner_words(&d->findings->arena, p, &p->threads[i].owner);
		while (k < n && strcmp(names[k], words))
			k++;
		if (k == n && n < OWNERS_SHOWN)
			names[n++] = words;
		if (k < OWNERS_SHOWN)
			times[k]++;
	}
	strbuf_puts(out, "no single owner:");
	for (size_t k = 0; k < n; k++)
		strbuf_printf(out, "%s %s in %u", k ? "," : "", names[k], times[k]);
	strbuf_printf(out, " of %u threads", count_regular(p));
}

static void add_owner(struct strbuf *out, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	bool inferred = p->owner.confidence == CONFIDENCE_INFERRED;

	switch (p->owner.kind) {
	case OWNER_UNKNOWN:
		strbuf_printf(out, "unknown who owns rseq: %s", why_unknown(p));
		return;
	case OWNER_NONE:
		strbuf_printf(out, "nobody owns rseq: 0 of %u threads are registered", count_regular(p));
		return;
	case OWNER_MIXED:
		add_mixed(out, d);
		return;
	}
	strbuf_printf(out, "%s %s rseq in %u of %u threads",
		      ask_owner_words(&d->findings->arena, p, &p->owner),
		      inferred ? "seems to own" : "owns", count_owned(p), count_regular(p));
	add_registration(out, p);
	if (inferred)
		strbuf_puts(out, " (concluded from its memory; the kernel was not asked)");
}

static void add_losers(struct strbuf *out, const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_objects; i++) {
		struct standing s = ask_standing(p, i);
		const char *slash = s.path ? strrchr(s.path, '/') : NULL;
		const char *name = s.name ? s.name : slash ? slash + 1 : s.path;

		if (s.refused)
			strbuf_printf(out, "; %s refused in %u", name, s.refused);
		if (s.refused && s.not_started)
			strbuf_printf(out, ", not started in %u", s.not_started);
		else if (s.not_started)
			strbuf_printf(out, "; %s not started in %u", name, s.not_started);
	}
}

static void add_kernel(struct strbuf *out, const struct diagnosis *d)
{
	uint32_t rewrites = kernel_rewrites(d), aborts = kernel_aborts(d);

	if (!ask_has_cached_pointer(d->process))
		return;
	if (rewrites == VERDICT_FAIL || (rewrites != VERDICT_PASS && d->host->rseq_class == CLASS_REWRITE))
		strbuf_puts(out, "; this kernel breaks tcmalloc");
	else if (aborts == VERDICT_FAIL)
		strbuf_puts(out, "; this kernel breaks critical sections");
	else if (aborts == VERDICT_PASS && (rewrites == VERDICT_PASS || d->host->rseq_class == CLASS_SPLIT))
		strbuf_puts(out, "; this kernel is safe for either");
	else
		strbuf_puts(out, "; unknown whether this kernel is safe for tcmalloc");
}

const char *diagnose_verdict(const struct diagnosis *d)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const struct finding *f = headline(d);

	if (f)
		strbuf_printf(&out, "%s %s: ", f->severity == SEVERITY_ERROR ? "ERROR" : "WARNING", f->id);
	add_owner(&out, d);
	add_losers(&out, d->process);
	add_kernel(&out, d);
	return arena_strdup(&d->findings->arena, strbuf_str(&out));
}
