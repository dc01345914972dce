/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose/ownership.h"

#include <inttypes.h>
#include <string.h>

#include "diagnose/add.h"
#include "diagnose/ask.h"
#include "diagnose/kernel.h"
#include "model/abi.h"

/* --- those who lost --- */

static const char *standing_name(const struct standing *s)
{
	return s->name ? s->name : s->path;
}

/* What to do so that the loser can own, or why not to. */
static const char *advice_for_loser(const struct diagnosis *d, const struct standing *s)
{
	struct arena *arena = &d->findings->arena;

	if (d->process->owner.kind != OWNER_LIBC)
		return "let one of them register: two owners cannot share a thread";
	if (d->host->rseq_class == CLASS_REWRITE && s->name && !strcmp(s->name, "tcmalloc"))
		return "leave it so on this kernel: it breaks tcmalloc's cached slab pointer (6.19 to 7.0.9); "
		       "on a fixed kernel start the program with GLIBC_TUNABLES=glibc.pthread.rseq=0";
	return arena_printf(arena,
			    "start the program with GLIBC_TUNABLES=glibc.pthread.rseq=0, then %s can register; "
			    "or leave it so, if it works without rseq",
			    standing_name(s));
}

void rule_lost_registration(const struct rule *rule, const struct diagnosis *d)
{
	struct arena *arena = &d->findings->arena;

	for (size_t i = 0; i < d->process->n_objects; i++) {
		struct standing s = ask_standing(d->process, i);
		struct finding *f;

		if (!s.refused)
			continue;
		f = diagnose_add(rule, d, SEVERITY_WARNING, s.first_refused, s.path);
		if (!f)
			return;
		f->detail = arena_printf(arena,
					 "%s has an area of its own and was refused in %u of %u threads: %s had the thread already",
					 standing_name(&s), s.refused, ask_regular_threads(d->process),
					 ask_owner_words(arena, d->process, &d->process->owner));
		f->advice = advice_for_loser(d, &s);
		finding_evidence(d->findings, f,
				 "thread %d: the area of %s at 0x%" PRIx64
				 " has cpu_id -2 (RSEQ_CPU_ID_REGISTRATION_FAILED)",
				 s.first_refused, s.path, s.refused_area);
		if (s.not_started)
			finding_evidence(d->findings, f, "in %u more threads it has not tried yet (cpu_id -1)",
					 s.not_started);
	}
}

void rule_not_started(const struct rule *rule, const struct diagnosis *d)
{
	for (size_t i = 0; i < d->process->n_objects; i++) {
		struct standing s = ask_standing(d->process, i);
		struct finding *f;

		if (!s.not_started || s.refused)
			continue;
		f = diagnose_add(rule, d, SEVERITY_INFO, s.first_not_started, s.path);
		if (!f)
			return;
		f->detail = arena_printf(&d->findings->arena,
					 "%s has an area of its own and has not tried to register it in %u of %u threads",
					 standing_name(&s), s.not_started, ask_regular_threads(d->process));
		finding_evidence(d->findings, f, "thread %d: its cpu_id is -1 (RSEQ_CPU_ID_UNINITIALIZED)",
				 s.first_not_started);
	}
}

/* --- libc --- */

static bool libc_is_off(const struct process_facts *p)
{
	return p->libc.has & LIBC_OFFSET && p->libc.has & LIBC_SIZE && p->libc.rseq_size == 0;
}

bool tunables_disable_rseq(const char *tunables)
{
	static const char name[] = "glibc.pthread.rseq=";
	bool off = false;

	/* The last setting counts; values other than 0 and 1 are out of bounds and ignored. */
	while (tunables && *tunables) {
		size_t len = strcspn(tunables, ":"), n = sizeof(name) - 1;

		if (len == n + 1 && !strncmp(tunables, name, n) && (tunables[n] == '0' || tunables[n] == '1'))
			off = tunables[n] == '0';
		tunables += len + (tunables[len] == ':');
	}
	return off;
}

static bool disabled_by_tunable(const struct process_facts *p)
{
	return p->secure != 1 && tunables_disable_rseq(p->tunables);
}

/* Somebody else owns every thread, those aside where tcmalloc has not started yet. */
static bool owned_by_another(const struct process_facts *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		if (!ask_is_regular(f) || ask_is_lazy(p, f))
			continue;
		if (!ask_is_owned(f) || f->owner.kind == OWNER_LIBC)
			return false;
		any = true;
	}
	return any;
}

static bool owners_unknown(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (ask_is_regular(&p->threads[i]) && p->threads[i].owner.kind == OWNER_UNKNOWN)
			return true;
	return !p->n_threads;
}

static struct finding *add_libc_off(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	bool fine = owned_by_another(p) || owners_unknown(p);
	struct finding *f = diagnose_add(rule, d, fine ? SEVERITY_INFO : SEVERITY_WARNING, 0, p->libc.object);

	if (owners_unknown(p))
		process_unknown(d->process, rule->id,
				"whether somebody else owns every thread is not known: it may be a warning");

	if (f)
		finding_evidence(d->findings, f, "__rseq_size is 0 in %s", p->libc.object);
	return f;
}

static const char *who_instead(const struct diagnosis *d)
{
	if (owners_unknown(d->process))
		return "and who owns instead is not known";
	if (!owned_by_another(d->process))
		return "and no one else owns every thread";
	if (d->process->owner.kind == OWNER_MIXED)
		return "and its threads have several owners instead";
	return arena_printf(&d->findings->arena, "and %s owns instead",
			    ask_owner_words(&d->findings->arena, d->process, &d->process->owner));
}

void rule_libc_disabled(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	struct finding *f;

	if (!libc_is_off(p) || !disabled_by_tunable(p))
		return;
	f = add_libc_off(rule, d);
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "libc was told not to register, %s", who_instead(d));
	finding_evidence(d->findings, f, "GLIBC_TUNABLES was \"%s\" at the start", p->tunables);
}

void rule_libc_failed(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	struct finding *f;

	if (!libc_is_off(p) || disabled_by_tunable(p))
		return;
	if (!p->tunables) {
		process_unknown(d->process, rule->id,
				"its environment is unknown: libc may have been told not to register");
		return;
	}
	f = add_libc_off(rule, d);
	if (!f)
		return;
	/* What the call answered is not kept anywhere; nor does a setting in /etc/tunables.conf (2.44) show. */
	f->confidence = CONFIDENCE_INFERRED;
	f->detail = arena_printf(&d->findings->arena, "libc's registration at the start failed, %s",
				 who_instead(d));
	finding_evidence(d->findings, f, "no tunable in its environment turns rseq off");
	if (p->seccomp == SECCOMP_FILTERED)
		finding_evidence(d->findings, f, "a seccomp filter is in force: it may deny rseq()");
	if (p->auxv.has & AUXV_READ)
		finding_evidence(d->findings, f, "AT_RSEQ_FEATURE_SIZE is %" PRIu64 "%s",
				 p->auxv.rseq_feature_size,
				 p->auxv.rseq_feature_size ? ": the kernel has rseq" : "");
}

/* --- threads without --- */

enum reason { REASON_NONE, RAW_CLONE, LAZY, BY_UNREGISTERED, LATER, REFUSED, REASON_UNKNOWN, REASONS };

/* Nobody holds the thread, and still its owner elsewhere was refused in it. */
static bool was_refused(const struct process_facts *p, const struct thread_facts *f)
{
	for (size_t i = 0; i < f->n_candidates; i++)
		if (f->candidates[i].object == p->owner.object && f->candidates[i].has & CANDIDATE_CPU_ID &&
		    f->candidates[i].cpu_id == RSEQ_CPU_ID_REGISTRATION_FAILED)
			return true;
	return false;
}

static enum reason why_unregistered(const struct process_facts *p, const struct thread_facts *f)
{
	if (f->registered != 0 || !ask_is_regular(f))
		return REASON_NONE;
	if (f->shares_tp || f->own_pthread == 0)
		return RAW_CLONE;
	if (ask_is_lazy(p, f))
		return LAZY;
	if (p->libc.rseq_size && f->has & THREAD_LIBC_CPU_ID) {
		if (f->libc_cpu_id == RSEQ_CPU_ID_REGISTRATION_FAILED)
			return BY_UNREGISTERED;
		if (f->libc_cpu_id == RSEQ_CPU_ID_UNINITIALIZED)
			return LATER;
	}
	return was_refused(p, f) ? REFUSED : REASON_UNKNOWN;
}

static const struct {
	enum severity severity;
	const char *words, *advice;
} reasons[REASONS] = {
	[RAW_CLONE] = { SEVERITY_INFO, "made by clone() without libc, which registers only its own threads",
			"nothing, unless code in that thread uses rseq or sched_getcpu()" },
	[LAZY] = { SEVERITY_INFO, "tcmalloc registers a thread when it first allocates, and it has not",
		   "nothing: it registers when it allocates" },
	[BY_UNREGISTERED] = { SEVERITY_WARNING,
			      "created by a thread that was itself not registered: libc passes that on",
			      "create threads from registered ones; find who unregistered the creator" },
	[LATER] = { SEVERITY_WARNING, "registered by libc at its start and unregistered later",
		    "find who unregisters: nothing but the thread itself can" },
	[REFUSED] = { SEVERITY_WARNING, "the kernel, or a filter, refused it though nobody holds it",
		      "allow the rseq system call in the seccomp filter, or install the filter after all threads were made" },
	[REASON_UNKNOWN] = { SEVERITY_WARNING, "nothing in its memory tells why",
			     "register in every thread before its first use of rseq" },
};

static void add_unregistered(const struct rule *rule, const struct diagnosis *d, enum reason reason)
{
	const struct process_facts *p = d->process;
	const struct thread_facts *first = NULL;
	struct finding *f;
	uint32_t n = 0;

	for (size_t i = 0; i < p->n_threads; i++) {
		if (why_unregistered(p, &p->threads[i]) != reason)
			continue;
		if (!n++)
			first = &p->threads[i];
	}
	if (!n)
		return;
	f = diagnose_add(rule, d, reasons[reason].severity, first->tid, NULL);
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "%u of %u threads %s not registered: %s", n,
				 ask_regular_threads(p), n == 1 ? "is" : "are", reasons[reason].words);
	f->advice = reasons[reason].advice;
	finding_evidence(d->findings, f, "thread %d: the kernel has no registration%s", first->tid,
			 p->has & PROCESS_SECOND_LOOK ? ", at two looks" : "");
	if (first->shares_tp)
		finding_evidence(d->findings, f, "thread %d: its thread pointer is another thread's", first->tid);
	else if (first->has & THREAD_LIBC_CPU_ID)
		finding_evidence(d->findings, f, "thread %d: cpu_id in libc's area is %d", first->tid,
				 first->libc_cpu_id);
	if (p->seccomp == SECCOMP_FILTERED)
		finding_evidence(d->findings, f, "a seccomp filter is in force: it may deny rseq()");
}

void rule_thread_unregistered(const struct rule *rule, const struct diagnosis *d)
{
	if (!d->process->threads_registered)
		return;
	for (int reason = RAW_CLONE; reason < REASONS; reason++)
		add_unregistered(rule, d, (enum reason)reason);
}

/* --- disagreement --- */

void rule_mixed_owner(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	struct arena *arena = &d->findings->arena;
	const struct thread_facts *a = NULL, *b = NULL;
	struct finding *f;

	if (p->owner.kind != OWNER_MIXED)
		return;
	for (size_t i = 0; i < p->n_threads && !b; i++) {
		const struct thread_facts *thread = &p->threads[i];

		if (!ask_is_regular(thread) || !ask_is_owned(thread))
			continue;
		if (!a)
			a = thread;
		else if (strcmp(ask_owner_words(arena, p, &a->owner), ask_owner_words(arena, p, &thread->owner)))
			b = thread;
	}
	if (!b)
		return;
	f = diagnose_add(rule, d, SEVERITY_WARNING, b->tid, b->owner.object);
	if (!f)
		return;
	f->detail = arena_printf(arena, "thread %d is registered by %s, thread %d by %s", a->tid,
				 ask_owner_words(arena, p, &a->owner), b->tid,
				 ask_owner_words(arena, p, &b->owner));
	finding_evidence(d->findings, f, "thread %d: area 0x%" PRIx64 ", length %u", a->tid, a->area, a->length);
	finding_evidence(d->findings, f, "thread %d: area 0x%" PRIx64 ", length %u", b->tid, b->area, b->length);
}

static bool ids_modified(const struct thread_facts *f)
{
	return f->has & THREAD_REGISTRATION && f->has & THREAD_IDS && f->cpu_id_start != f->cpu_id &&
	       ask_is_regular(f);
}

/* Who relies on these fields being rewritten dies, or corrupts memory, on a kernel that does not. */
static enum severity ids_severity(const struct diagnosis *d, const struct rule *rule,
				  const struct thread_facts *f)
{
	uint32_t rewrites = kernel_rewrites(d);

	if (f->mode == MODE_OPTIMIZED || rewrites == VERDICT_FAIL)
		return SEVERITY_ERROR;
	if (rewrites == VERDICT_UNKNOWN && d->host->rseq_class == CLASS_REWRITE)
		return SEVERITY_ERROR;
	if (rewrites == VERDICT_UNKNOWN && !d->host->rseq_class)
		process_unknown(d->process, rule->id,
				"the kernel's class is unknown: it may not rewrite these fields");
	return SEVERITY_INFO;
}

void rule_id_fields_modified(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	const struct thread_facts *first = NULL;
	enum severity worst = SEVERITY_NONE;
	struct finding *f;
	uint32_t n = 0;

	for (size_t i = 0; i < p->n_threads; i++) {
		enum severity severity;

		if (!ids_modified(&p->threads[i]))
			continue;
		n++;
		severity = ids_severity(d, rule, &p->threads[i]);
		if (severity > worst) {
			worst = severity;
			first = &p->threads[i];
		}
	}
	if (!first)
		return;
	f = diagnose_add(rule, d, worst, first->tid, first->owner.object);
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena,
				 "user space wrote cpu_id_start of the registered area in %u of %u threads%s", n,
				 ask_regular_threads(p),
				 first->cpu_id_start & 0x80000000 ?
					 ": bit 31 is set, as tcmalloc's cached slab pointer sets it" :
					 "");
	finding_evidence(d->findings, f, "thread %d: cpu_id_start 0x%x, cpu_id %d, length %u", first->tid,
			 first->cpu_id_start, (int32_t)first->cpu_id, first->length);
	finding_evidence(d->findings, f, "kernel class: %s", rseq_class_names[d->host->rseq_class]);
}
