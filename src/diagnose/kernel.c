/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose/kernel.h"

#include <errno.h>
#include <string.h>

#include "diagnose/add.h"
#include "diagnose/ask.h"
#include "model/abi.h"
#include "model/known.h"
#include "util/strbuf.h"

static void add_host(const struct diagnosis *d, struct finding *f)
{
	finding_evidence(d->findings, f, "kernel %s (%s), class by its types: %s", d->host->kernel, d->host->arch,
			 rseq_class_names[d->host->rseq_class]);
}

/* --- cpu_id_start --- */

static bool has_slabs(const struct object_facts *o)
{
	for (size_t i = 0; o && i < o->n_symbols; i++)
		if (o->symbols[i].role == ROLE_SLABS && o->symbols[i].defined)
			return true;
	return false;
}

/* By its object's symbol, or caught while the pointer is there: no CPU's number has that bit. */
static bool keeps_pointer(const struct process_facts *p, const struct thread_facts *f)
{
	if (!ask_is_registered(f) || f->mode == MODE_OPTIMIZED || f->length > RSEQ_FIRST_LENGTH)
		return false;
	return has_slabs(ask_owner_object(p, f)) || (f->has & THREAD_IDS && f->cpu_id_start & 0x80000000 &&
						     f->cpu_id_start != f->cpu_id);
}

static const struct thread_facts *find_registrant(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (keeps_pointer(p, &p->threads[i]))
			return &p->threads[i];
	return NULL;
}

bool kernel_matters_for(const struct process_facts *p)
{
	return find_registrant(p) || ask_has_cached_pointer(p);
}

uint32_t kernel_rewrites(const struct diagnosis *d)
{
	uint32_t seen = d->kernel ? d->kernel->promise.cpu_id_start : VERDICT_UNKNOWN;

	if (seen == VERDICT_PASS || seen == VERDICT_FAIL)
		return seen;
	switch (d->host->rseq_class) {
	case CLASS_ORIGINAL:
	case CLASS_EXTENSIBLE:
		return VERDICT_PASS;
	}
	return VERDICT_UNKNOWN;
}

/* The class tells how its releases behave, and nothing of what was put back into them. */
static void note_unseen(const struct rule *rule, const struct diagnosis *d)
{
	const char *why = d->kernel ? d->kernel->why_unseen : NULL;

	process_unknown(d->process, rule->id, "whether this kernel rewrites cpu_id_start was not found out%s%s",
			why ? ": " : "", why ? why : "");
}

static struct finding *add_breaks(const struct rule *rule, const struct diagnosis *d)
{
	const struct thread_facts *who = d->process ? find_registrant(d->process) : NULL;

	if (who)
		return diagnose_add(rule, d, SEVERITY_ERROR, who->tid, who->owner.object);
	return diagnose_add(rule, d, SEVERITY_INFO, 0, NULL);
}

void rule_kernel_breaks_tcmalloc(const struct rule *rule, const struct diagnosis *d)
{
	uint32_t rewrites = kernel_rewrites(d);
	bool by_class = rewrites == VERDICT_UNKNOWN && d->host->rseq_class == CLASS_REWRITE;
	struct finding *f;

	if (d->process && !kernel_matters_for(d->process))
		return;
	/* Where nobody can register, the class alone is no news: the call is what to look at. */
	if (!d->process && d->kernel->promise.call == VERDICT_FAIL)
		return;
	if (d->process && rewrites == VERDICT_UNKNOWN)
		note_unseen(rule, d);
	if (rewrites != VERDICT_FAIL && !by_class)
		return;
	f = add_breaks(rule, d);
	if (!f)
		return;
	f->detail = f->severity == SEVERITY_ERROR ?
			    "the slab pointer over cpu_id_start goes stale: this kernel does not rewrite it, and memory is handed out twice" :
		    d->process ? "if tcmalloc registered here, its slab pointer would go stale: this kernel does not rewrite cpu_id_start" :
				 "this kernel does not rewrite cpu_id_start of areas of 32 bytes: tcmalloc would hand memory out twice";
	if (by_class)
		f->confidence = CONFIDENCE_INFERRED;
	else
		finding_evidence(d->findings, f, "in a thread of our own, cpu_id_start was not rewritten (check cpu_id_start)");
	add_host(d, f);
}

/* --- aborts --- */

static const char *const abort_names[PROMISE_ABORTS] = { "preemption", "migration", "signal", "membarrier" };
static const char *const length_names[PROMISE_LENGTHS] = { "32 bytes", "more than 32 bytes" };

/* Whether that kind of registration is there, where it is about a process. */
static bool concerns(const struct process_facts *p, enum promise_length length)
{
	if (!p)
		return true;
	for (size_t i = 0; i < p->n_threads; i++)
		if (ask_is_registered(&p->threads[i]) &&
		    (p->threads[i].length > RSEQ_FIRST_LENGTH) == (length == PROMISE_LONGER))
			return true;
	return false;
}

static bool add_missed(struct strbuf *out, const struct diagnosis *d, enum promise_length length)
{
	const uint32_t *aborts = d->kernel->promise.aborts[length];
	const char *before = out->len ? "; " : "";
	bool any = false;

	if (!concerns(d->process, length))
		return false;
	for (int i = 0; i < PROMISE_ABORTS; i++) {
		if (aborts[i] != VERDICT_FAIL)
			continue;
		strbuf_printf(out, "%s%s", any ? ", " : before, abort_names[i]);
		any = true;
	}
	if (any)
		strbuf_printf(out, " (registered with %s)", length_names[length]);
	return any;
}

void rule_kernel_misses_aborts(const struct rule *rule, const struct diagnosis *d)
{
	_cleanup_strbuf_ struct strbuf missed = { 0 };
	struct finding *f;
	bool any = false;

	for (int length = 0; d->kernel && length < PROMISE_LENGTHS; length++)
		any |= add_missed(&missed, d, (enum promise_length)length);
	f = any ? diagnose_add(rule, d, SEVERITY_ERROR, 0, NULL) : NULL;
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "a critical section goes on after %s", strbuf_str(&missed));
	finding_evidence(d->findings, f, "sections of our own were interrupted inside and were not aborted (checks abort-*)");
	add_host(d, f);
}

/* --- no rseq --- */

static bool knows_rseq(const struct host_facts *host)
{
	return host->rseq_class > CLASS_ABSENT || host->feature_size;
}

/* Where nothing tells whose answer ENOSYS is: a filter is named when there is one. */
static bool kernel_has_none(const struct kernel_facts *k)
{
	return k->promise.error == ENOSYS && !knows_rseq(k->host) &&
	       (k->host->rseq_class == CLASS_ABSENT || k->seccomp != SECCOMP_FILTERED);
}

/* Somebody besides libc asked for a registration, was refused, and nobody else has it. */
static const struct candidate *find_refused(const struct process_facts *p, int32_t *ret_tid)
{
	for (size_t i = 0; p->has & PROCESS_REGISTERED && !p->threads_registered && i < p->n_threads; i++)
		for (size_t k = 0; ask_is_regular(&p->threads[i]) && k < p->threads[i].n_candidates; k++) {
			const struct candidate *c = &p->threads[i].candidates[k];

			if (!(c->has & CANDIDATE_CPU_ID) || c->cpu_id != RSEQ_CPU_ID_REGISTRATION_FAILED)
				continue;
			*ret_tid = p->threads[i].tid;
			return c;
		}
	return NULL;
}

/* libc-failed says it already, of libc. */
static bool is_said(const struct diagnosis *d)
{
	for (size_t i = 0; i < d->findings->n; i++)
		if (d->findings->items[i].subject.pid == d->process->pid && !strcmp(d->findings->items[i].id, "libc-failed"))
			return true;
	return false;
}

static struct finding *add_refused(const struct rule *rule, const struct diagnosis *d)
{
	int32_t tid = 0;
	const struct candidate *c = is_said(d) ? NULL : find_refused(d->process, &tid);
	struct finding *f = c ? diagnose_add(rule, d, SEVERITY_WARNING, tid, c->object) : NULL;

	if (!f)
		return NULL;
	f->detail = arena_printf(&d->findings->arena, "%s asked for a registration and was refused, and nobody has one",
				 ask_base_name(c->object));
	finding_evidence(d->findings, f, "thread %d: its area has cpu_id -2 (RSEQ_CPU_ID_REGISTRATION_FAILED)", tid);
	return f;
}

void rule_kernel_no_rseq(const struct rule *rule, const struct diagnosis *d)
{
	struct finding *f = NULL;

	if (d->process)
		f = d->host->rseq_class == CLASS_ABSENT ? add_refused(rule, d) : NULL;
	else if (d->kernel->promise.call == VERDICT_FAIL && kernel_has_none(d->kernel))
		f = diagnose_add(rule, d, SEVERITY_WARNING, 0, NULL);
	if (!f)
		return;
	if (!d->process) {
		f->detail = "rseq() is not there";
		finding_evidence(d->findings, f, "rseq() ends with ENOSYS");
	}
	add_host(d, f);
}

/* Without an errno it was answered in the kernel's place, or the caller died; or rseq itself is broken. */
static bool is_denied(const struct kernel_facts *k)
{
	return k->promise.call == VERDICT_FAIL && !kernel_has_none(k) &&
	       (k->promise.error || k->seccomp == SECCOMP_FILTERED);
}

static struct finding *add_denied(const struct rule *rule, const struct diagnosis *d)
{
	const struct kernel_facts *k = d->kernel;
	struct finding *f = diagnose_add(rule, d, SEVERITY_WARNING, 0, NULL);
	const char *error = k->promise.error ? strerrorname_np(k->promise.error) : NULL;

	if (!f)
		return NULL;
	f->detail = arena_printf(&d->findings->arena, "rseq() is denied to this process%s%s", error ? ": " : "",
				 error ? error : "");
	if (error)
		finding_evidence(d->findings, f, "rseq() ends with %s, which this kernel does not answer", error);
	else
		finding_evidence(d->findings, f, "the call fails, but not as a kernel would answer: %s",
				 k->promise.call_detail ? k->promise.call_detail : "see the check syscall");
	finding_evidence(d->findings, f, "seccomp of this process: %s", seccomp_mode_names[k->seccomp]);
	if (!error || k->seccomp != SECCOMP_FILTERED)
		f->confidence = CONFIDENCE_INFERRED;
	return f;
}

void rule_seccomp_blocks_rseq(const struct rule *rule, const struct diagnosis *d)
{
	struct finding *f = NULL;

	if (!d->process) {
		f = is_denied(d->kernel) ? add_denied(rule, d) : NULL;
	} else if (d->process->seccomp == SECCOMP_FILTERED && d->host->rseq_class != CLASS_ABSENT) {
		f = add_refused(rule, d);
		if (f) {
			f->confidence = CONFIDENCE_INFERRED;
			finding_evidence(d->findings, f, "a seccomp filter is in force");
		}
	}
	if (f)
		add_host(d, f);
}
