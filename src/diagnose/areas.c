/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose/areas.h"

#include <inttypes.h>
#include <string.h>

#include "diagnose/add.h"
#include "diagnose/ask.h"
#include "model/abi.h"

/* What is true of threads, counted, with the first of them to show. */
struct those {
	const struct thread_facts *first;
	uint32_t n;
};

typedef bool (*thread_test)(const struct diagnosis *d, const struct thread_facts *f);

static struct those find(const struct diagnosis *d, thread_test test)
{
	struct those those = { 0 };

	for (size_t i = 0; i < d->process->n_threads; i++) {
		const struct thread_facts *f = &d->process->threads[i];

		if (!ask_is_regular(f) || !test(d, f))
			continue;
		if (!those.n++)
			those.first = f;
	}
	return those;
}

static uint32_t all(const struct diagnosis *d)
{
	return ask_regular_threads(d->process);
}

/* --- the place --- */

static const char *why_invalid(const struct thread_facts *f)
{
	if (!(f->has & THREAD_REGISTRATION))
		return NULL;
	if (f->area_mapped == 0)
		return "is not mapped";
	if (f->area_writable == 0)
		return "is not writable";
	if (f->area % RSEQ_FIRST_LENGTH)
		return "is not aligned";
	return f->area_orphaned ? "lies in a deleted file that no loaded object is" : NULL;
}

static bool is_invalid(const struct diagnosis *d, const struct thread_facts *f)
{
	(void)d;
	return why_invalid(f) != NULL;
}

void rule_area_invalid(const struct rule *rule, const struct diagnosis *d)
{
	struct those bad = find(d, is_invalid);
	struct finding *f = bad.n ? diagnose_add(rule, d, SEVERITY_ERROR, bad.first->tid, bad.first->owner.object) : NULL;

	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "the registered area of %u of %u threads %s: %s", bad.n, all(d),
				 why_invalid(bad.first),
				 bad.first->area_mapped && bad.first->area_writable ?
					 "the file's owner may truncate it under the kernel" :
					 "the kernel kills the thread with SIGSEGV when it next writes there");
	finding_evidence(d->findings, f, "thread %d: area 0x%" PRIx64 ", length %u", bad.first->tid, bad.first->area,
			 bad.first->length);
}

static bool is_dangling(const struct diagnosis *d, const struct thread_facts *f)
{
	return d->process->has & PROCESS_SECOND_LOOK &&
	       (f->section_state == SECTION_UNMAPPED || f->section_state == SECTION_BROKEN);
}

void rule_dangling_section(const struct rule *rule, const struct diagnosis *d)
{
	struct those bad = find(d, is_dangling);
	struct finding *f = bad.n ? diagnose_add(rule, d, SEVERITY_ERROR, bad.first->tid, bad.first->owner.object) : NULL;

	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena,
				 "rseq_cs of %u of %u threads points to %s: the kernel kills the thread with SIGSEGV when it is next preempted or gets a signal",
				 bad.n, all(d),
				 bad.first->section_state == SECTION_UNMAPPED ? "memory that is not mapped" :
										"what is no descriptor of a section");
	finding_evidence(d->findings, f, "thread %d: rseq_cs 0x%" PRIx64 ", at two looks", bad.first->tid,
			 bad.first->rseq_cs);
}

/* --- the length --- */

static bool is_too_long(const struct diagnosis *d, const struct thread_facts *f)
{
	(void)d;
	return f->has & THREAD_REGISTRATION && f->owner.room && f->length > f->owner.room;
}

void rule_length_exceeds_area(const struct rule *rule, const struct diagnosis *d)
{
	struct those bad = find(d, is_too_long);
	struct finding *f = bad.n ? diagnose_add(rule, d, SEVERITY_ERROR, bad.first->tid, bad.first->owner.object) : NULL;

	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena,
				 "%u of %u threads registered more than the %s holds: the kernel writes over what lies behind it",
				 bad.n, all(d), bad.first->owner.symbol ? "variable" : "thread-local storage");
	finding_evidence(d->findings, f, "thread %d: length %u, %" PRIu64 " bytes from 0x%" PRIx64 " to the end of %s",
			 bad.first->tid, bad.first->length, bad.first->owner.room, bad.first->area,
			 bad.first->owner.symbol ? bad.first->owner.symbol : "the block");
}

/* glibc 2.35 on: 32 registered means 20, 28 or (2.35 to 2.39 unpatched) 32 in use; beyond it both are one. */
static bool is_unlike_size(const struct diagnosis *d, const struct thread_facts *f)
{
	uint32_t size = d->process->libc.rseq_size;

	if (!(f->has & THREAD_REGISTRATION) || f->owner.kind != OWNER_LIBC || !(d->process->libc.has & LIBC_SIZE) || !size)
		return false;
	return f->length == RSEQ_FIRST_LENGTH ? size < RSEQ_FIRST_ACTIVE || size > RSEQ_FIRST_LENGTH :
						   f->length != size;
}

/* Lengths are rounded up to 32 by those who ask for a whole struct rseq. */
static bool is_partly_filled(const struct diagnosis *d, const struct thread_facts *f)
{
	uint64_t filled = d->process->auxv.rseq_feature_size;

	if (!(f->has & THREAD_REGISTRATION) || !(d->process->auxv.has & AUXV_READ))
		return false;
	if (filled < RSEQ_FIRST_ACTIVE)
		filled = RSEQ_FIRST_ACTIVE;
	return f->length > (filled + 31) / 32 * 32;
}

void rule_length_and_size(const struct rule *rule, const struct diagnosis *d)
{
	struct those unlike = find(d, is_unlike_size), partly = find(d, is_partly_filled);
	const struct thread_facts *first = unlike.n ? unlike.first : partly.first;
	struct finding *f;

	f = first ? diagnose_add(rule, d, unlike.n ? SEVERITY_WARNING : SEVERITY_INFO, first->tid, first->owner.object) :
		    NULL;
	if (!f)
		return;
	if (unlike.n)
		f->detail = arena_printf(&d->findings->arena,
					 "libc's __rseq_size and the registered length do not go together in %u of %u threads",
					 unlike.n, all(d));
	else
		f->detail = arena_printf(&d->findings->arena,
					 "%u of %u threads registered more than this kernel fills: fields beyond are never written",
					 partly.n, all(d));
	finding_evidence(d->findings, f, "thread %d: length %u", first->tid, first->length);
	if (unlike.n)
		finding_evidence(d->findings, f, "__rseq_size is %u", d->process->libc.rseq_size);
	finding_evidence(d->findings, f, "AT_RSEQ_FEATURE_SIZE is %" PRIu64 ", AT_RSEQ_ALIGN %" PRIu64,
			 d->process->auxv.rseq_feature_size, d->process->auxv.rseq_align);
}

/* --- the signature --- */

static bool has_own_signature(const struct diagnosis *d, const struct thread_facts *f)
{
	return f->has & THREAD_REGISTRATION && d->process->arch_signature &&
	       f->signature != d->process->arch_signature;
}

/* An object whose abort handlers carry another signature than the registered one. */
static const struct object_facts *other_signature(const struct process_facts *p, uint32_t signature, uint32_t *ret)
{
	for (size_t i = 0; i < p->n_objects; i++)
		for (size_t k = 0; k < p->objects[i].n_abort_signatures; k++)
			if (p->objects[i].abort_signatures[k] != signature) {
				*ret = p->objects[i].abort_signatures[k];
				return &p->objects[i];
			}
	return NULL;
}

void rule_nonstandard_signature(const struct rule *rule, const struct diagnosis *d)
{
	struct those own = find(d, has_own_signature);
	const struct object_facts *killed = NULL;
	struct finding *f;
	uint32_t theirs;

	if (!own.n)
		return;
	killed = other_signature(d->process, own.first->signature, &theirs);
	f = diagnose_add(rule, d, killed ? SEVERITY_ERROR : SEVERITY_WARNING, own.first->tid,
			 killed ? killed->path : own.first->owner.object);
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "%u of %u threads registered with a signature of their own%s", own.n,
				 all(d),
				 killed ? ": an abort of a section that carries another one kills the thread with SIGSEGV" :
					  ": sections of other libraries cannot be used in them");
	finding_evidence(d->findings, f, "thread %d: signature 0x%x, this architecture's is 0x%x", own.first->tid,
			 own.first->signature, d->process->arch_signature);
	if (killed)
		finding_evidence(d->findings, f, "0x%x stands before abort handlers of %s", theirs, killed->path);
}

/* --- libc's area --- */

static bool is_abandoned(const struct diagnosis *d, const struct thread_facts *f)
{
	return f->has & THREAD_REGISTRATION && f->owner.kind != OWNER_LIBC && f->owner.kind != OWNER_UNKNOWN &&
	       d->process->libc.has & LIBC_SIZE && d->process->libc.rseq_size && f->has & THREAD_LIBC_CPU_ID &&
	       f->libc_cpu_id == RSEQ_CPU_ID_UNINITIALIZED;
}

void rule_libc_area_abandoned(const struct rule *rule, const struct diagnosis *d)
{
	struct those left = find(d, is_abandoned);
	struct finding *f = left.n ? diagnose_add(rule, d, SEVERITY_WARNING, left.first->tid, left.first->owner.object) : NULL;

	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena,
				 "libc's area was unregistered and another one registered in %u of %u threads, and __rseq_size still says that libc's is in use",
				 left.n, all(d));
	finding_evidence(d->findings, f, "thread %d: area 0x%" PRIx64 ", cpu_id in libc's area is -1, __rseq_size is %u",
			 left.first->tid, left.first->area, d->process->libc.rseq_size);
}

/* glibc made the thread, and cpu_id in an area of its own is that of a CPU, which only the kernel writes. */
static bool is_emulated(const struct diagnosis *d, const struct thread_facts *f)
{
	return d->process->has & PROCESS_SECOND_LOOK && f->registered == 0 && !f->shares_tp && f->own_pthread != 0 &&
	       f->has & THREAD_LIBC_CPU_ID && f->libc_cpu_id >= 0;
}

void rule_emulated(const struct rule *rule, const struct diagnosis *d)
{
	struct those those = find(d, is_emulated);
	struct finding *f = those.n ? diagnose_add(rule, d, SEVERITY_WARNING, those.first->tid, d->process->libc.object) : NULL;

	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena,
				 "cpu_id of libc's area is live in %u of %u threads, and the kernel has no registration for them",
				 those.n, all(d));
	finding_evidence(d->findings, f, "thread %d: cpu_id %d at 0x%" PRIx64 ", at two looks", those.first->tid,
			 those.first->libc_cpu_id, those.first->tp + (uint64_t)d->process->libc.rseq_offset);
	if (d->process->tracer)
		finding_evidence(d->findings, f, "process %d traces it: rr emulates rseq", d->process->tracer);
}

/* --- agreement --- */

static bool reads_anothers(const struct diagnosis *d, const struct thread_facts *f)
{
	const struct process_facts *p = d->process;

	for (size_t i = 0; f->registered == 0 && f->shares_tp && i < p->n_threads; i++)
		if (&p->threads[i] != f && p->threads[i].tp == f->tp && ask_is_registered(&p->threads[i]))
			return true;
	return false;
}

void rule_shared_area(const struct rule *rule, const struct diagnosis *d)
{
	struct those those = find(d, reads_anothers);
	struct finding *f = those.n ? diagnose_add(rule, d, SEVERITY_WARNING, those.first->tid, NULL) : NULL;

	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena,
				 "%u of %u threads run with the thread pointer of another one: they read its area, and take its CPU for theirs",
				 those.n, all(d));
	finding_evidence(d->findings, f, "thread %d: thread pointer 0x%" PRIx64 " is another thread's, and it is not registered",
			 those.first->tid, those.first->tp);
}

/* The first registered thread, and the first that differs from it; false where there is none. */
typedef bool (*differs_fn)(const struct thread_facts *a, const struct thread_facts *b);

static bool find_pair(const struct process_facts *p, differs_fn differs, const struct thread_facts **ret_a,
		      const struct thread_facts **ret_b)
{
	const struct thread_facts *a = NULL;

	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		if (!ask_is_registered(f))
			continue;
		if (!a)
			a = f;
		if (!differs(a, f))
			continue;
		*ret_a = a;
		*ret_b = f;
		return true;
	}
	return false;
}

static bool length_differs(const struct thread_facts *a, const struct thread_facts *b)
{
	return a->length != b->length;
}

static bool signature_differs(const struct thread_facts *a, const struct thread_facts *b)
{
	return a->signature != b->signature;
}

void rule_mixed_length(const struct rule *rule, const struct diagnosis *d)
{
	const struct thread_facts *a, *b;
	struct finding *f;

	if (!find_pair(d->process, length_differs, &a, &b))
		return;
	f = diagnose_add(rule, d, SEVERITY_WARNING, b->tid, b->owner.object);
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "threads of the process are registered with different lengths, %u and %u bytes%s",
				 a->length, b->length,
				 a->mode != b->mode ? ": the kernel treats them in different modes" : "");
	finding_evidence(d->findings, f, "thread %d: length %u; thread %d: length %u", a->tid, a->length, b->tid, b->length);
}

void rule_mixed_signature(const struct rule *rule, const struct diagnosis *d)
{
	const struct thread_facts *a, *b;
	struct finding *f;

	if (!find_pair(d->process, signature_differs, &a, &b))
		return;
	f = diagnose_add(rule, d, SEVERITY_WARNING, b->tid, b->owner.object);
	if (!f)
		return;
	f->detail = "threads of the process are registered with different signatures: a section works in some, and kills others when it is aborted";
	finding_evidence(d->findings, f, "thread %d: signature 0x%x; thread %d: signature 0x%x", a->tid, a->signature, b->tid,
			 b->signature);
}

static bool same_owner(const struct thread_facts *a, const struct thread_facts *b)
{
	return a->owner.kind == b->owner.kind &&
	       (a->owner.kind == OWNER_RAW || a->owner.object == b->owner.object);
}

static bool offset_differs(const struct thread_facts *a, const struct thread_facts *b)
{
	return same_owner(a, b) && a->has & b->has & THREAD_OFFSET && a->tp_offset != b->tp_offset;
}

/* Memory of the heap and dynamic TLS lie where they come; what has one place in every thread does not move. */
static bool offset_may_differ(const struct process_facts *p, const struct thread_facts *f)
{
	const struct object_facts *o = ask_owner_object(p, f);

	return f->owner.kind == OWNER_RAW || f->owner.place == PLACE_DATA ||
	       (o && o->static_tls != 1 && !o->startup);
}

void rule_mixed_offset(const struct rule *rule, const struct diagnosis *d)
{
	const struct thread_facts *a, *b;
	struct finding *f;

	if (!find_pair(d->process, offset_differs, &a, &b))
		return;
	f = diagnose_add(rule, d, offset_may_differ(d->process, a) ? SEVERITY_INFO : SEVERITY_WARNING, b->tid, b->owner.object);
	if (!f)
		return;
	f->detail = "the distance from the thread pointer to the area differs between threads of one owner: code and tools that count on one distance fail";
	finding_evidence(d->findings, f, "thread %d: %+" PRId64 "; thread %d: %+" PRId64, a->tid, a->tp_offset, b->tid, b->tp_offset);
}
