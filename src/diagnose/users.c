/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose/users.h"

#include <inttypes.h>
#include <string.h>

#include "diagnose/add.h"
#include "diagnose/ask.h"
#include "model/known.h"

static const struct symbol_facts *definition(const struct object_facts *o, enum known_role role)
{
	for (size_t i = 0; i < o->n_symbols; i++)
		if (o->symbols[i].role == role && o->symbols[i].defined)
			return &o->symbols[i];
	return NULL;
}

static bool asked_kernel(const struct process_facts *p)
{
	return p->has & PROCESS_REGISTERED;
}

/* --- counters --- */

/* Somebody counted users of this thread's registration, and it is not there. */
static bool counts_wrongly(const struct thread_facts *f, const struct candidate *c)
{
	if (!ask_is_regular(f) || !(c->has & CANDIDATE_REFCOUNT) || !(c->has & CANDIDATE_ADDRESS) ||
	    !c->refcount)
		return false;
	return f->registered == 0 || (f->registered == 1 && f->area != c->address);
}

void rule_refcount_mismatch(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	const struct thread_facts *first = NULL;
	const struct candidate *which = NULL;
	struct finding *f;
	uint32_t n = 0;

	for (size_t i = 0; i < p->n_threads; i++)
		for (size_t k = 0; k < p->threads[i].n_candidates; k++) {
			if (!counts_wrongly(&p->threads[i], &p->threads[i].candidates[k]))
				continue;
			if (!n++) {
				first = &p->threads[i];
				which = &first->candidates[k];
			}
		}
	f = first ? diagnose_add(rule, d, SEVERITY_ERROR, first->tid, which->object) : NULL;
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena,
				 "__rseq_refcount of %s says that its area is in use in %u of %u threads, and the kernel has %s",
				 ask_base_name(which->object), n, ask_regular_threads(p),
				 first->registered ? "another one registered" : "no registration");
	finding_evidence(d->findings, f, "thread %d: __rseq_refcount %u, its area 0x%" PRIx64 ", registered %s",
			 first->tid, which->refcount, which->address, first->registered ? "elsewhere" : "nowhere");
}

/* librseq sets it at the first registration that it makes, and never lowers it while it is loaded. */
static const struct symbol_facts *librseq_was_registered(const struct process_facts *p, size_t object)
{
	const struct symbol_facts *size = ask_live_symbol(p, object, ROLE_LIBRSEQ_SIZE);

	if (!size || !(size->has & SYMBOL_VALUE) || !size->value || (uint32_t)size->value == UINT32_MAX)
		return NULL;
	return ask_cooperates(p, object) ? NULL : size;
}

static void add_unregistered(const struct rule *rule, const struct diagnosis *d, int32_t tid, const char *object,
			     uint32_t n, const char *counter, uint64_t value)
{
	struct finding *f = diagnose_add(rule, d, SEVERITY_ERROR, tid, object);

	if (!f)
		return;
	/* librseq never lowers rseq_size, not even when it unregisters the last thread itself. */
	if (!tid)
		f->confidence = CONFIDENCE_INFERRED;
	f->detail = arena_printf(&d->findings->arena,
				 "%s was registered and relies on it, and is not registered any more in %u of %u threads",
				 ask_base_name(object), n, ask_regular_threads(d->process));
	finding_evidence(d->findings, f, "%s is %" PRIu64 ", and the kernel has no registration", counter, value);
}

/* Threads in which the object's counter is above 0 and nothing is registered. */
static void check_counter(const struct rule *rule, const struct diagnosis *d, size_t object)
{
	const struct process_facts *p = d->process;
	const struct thread_facts *first = NULL;
	uint32_t n = 0, refcount = 0;

	for (size_t i = 0; i < p->n_threads; i++)
		for (size_t k = 0; k < p->threads[i].n_candidates; k++) {
			const struct candidate *c = &p->threads[i].candidates[k];

			if (c->object_index != object || p->threads[i].registered != 0 ||
			    !counts_wrongly(&p->threads[i], c))
				continue;
			if (!n++) {
				first = &p->threads[i];
				refcount = c->refcount;
			}
		}
	if (first)
		add_unregistered(rule, d, first->tid, p->objects[object].path, n, "__rseq_refcount", refcount);
}

void rule_unregistered_under_user(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;

	for (size_t i = 0; asked_kernel(p) && i < p->n_objects; i++) {
		const struct symbol_facts *size = NULL;

		if (p->objects[i].has_area)
			check_counter(rule, d, i);
		if (p->objects[i].has_area && !p->threads_registered && definition(&p->objects[i], ROLE_LIBRSEQ_SIZE))
			size = librseq_was_registered(p, i);
		if (size)
			add_unregistered(rule, d, 0, p->objects[i].path, ask_regular_threads(p), "rseq_size", size->value);
	}
}

/* --- __rseq_handled, 2019 --- */

static struct finding *add_handled(const struct rule *rule, const struct diagnosis *d, enum severity severity,
				   const struct object_facts *o, const char *detail)
{
	struct finding *f = diagnose_add(rule, d, severity, 0, o->path);

	if (!f)
		return NULL;
	f->detail = detail;
	finding_evidence(d->findings, f, "__rseq_handled of %s is %" PRIu64, o->path,
			 definition(o, ROLE_HANDLED)->value);
	return f;
}

/* Some thread is owned by an object that has the flag too: it set it, in its own or a copy of it. */
static bool setter_owns(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct object_facts *o = ask_owner_object(p, &p->threads[i]);

		if (ask_is_owned(&p->threads[i]) && o && definition(o, ROLE_HANDLED))
			return true;
	}
	return false;
}

/* A definition that look-ups find: of another, interposed one nobody knows the value. */
static const struct symbol_facts *live_handled(const struct object_facts *o)
{
	const struct symbol_facts *s = definition(o, ROLE_HANDLED);

	return s && s->wins != 0 && s->has & SYMBOL_VALUE ? s : NULL;
}

/* Objects of one namespace of which each believes its own. */
static bool handled_disagree(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;

	for (size_t i = 0; i < p->n_objects; i++)
		for (size_t k = i + 1; live_handled(&p->objects[i]) && k < p->n_objects; k++) {
			const struct object_facts *a = &p->objects[i], *b = &p->objects[k];
			const struct symbol_facts *theirs = live_handled(b);
			struct finding *f;

			if (!theirs || a->namespace != b->namespace || live_handled(a)->value == theirs->value)
				continue;
			f = add_handled(rule, d, SEVERITY_WARNING, a, "several __rseq_handled disagree");
			if (f)
				finding_evidence(d->findings, f, "__rseq_handled of %s is %" PRIu64, b->path, theirs->value);
			return true;
		}
	return false;
}

static void judge_handled(const struct rule *rule, const struct diagnosis *d, const struct object_facts *o,
			  uint64_t value)
{
	const struct process_facts *p = d->process;

	if (value && !p->threads_registered)
		add_handled(rule, d, SEVERITY_WARNING, o,
			    "__rseq_handled says that somebody registers rseq, and no thread is registered");
	else if (value && !setter_owns(p))
		add_handled(rule, d, SEVERITY_WARNING, o,
			    arena_printf(&d->findings->arena, "__rseq_handled says that %s registers rseq, and %s does",
					 ask_base_name(o->path),
					 ask_owner_words(&d->findings->arena, p, &p->owner)));
	else if (!value && p->threads_registered)
		add_handled(rule, d, SEVERITY_INFO, o,
			    "__rseq_handled is 0 although somebody registers: a later library would try too");
}

void rule_handled_mismatch(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;

	if (!asked_kernel(p) || handled_disagree(rule, d))
		return;
	for (size_t i = 0; i < p->n_objects; i++)
		if (live_handled(&p->objects[i]))
			judge_handled(rule, d, &p->objects[i], live_handled(&p->objects[i])->value);
}

/* --- where the owner lives --- */

/* Modules of LD_AUDIT stay for as long as the process does. */
static bool is_audit_module(const struct process_facts *p, const struct object_facts *o)
{
	const char *name = ask_base_name(o->path), *at = o->namespace ? p->ld_audit : NULL;

	/* Its elements are separated by colons. */
	while (at && *at) {
		size_t n = strcspn(at, ":");
		const char *slash = memrchr(at, '/', n), *base = slash ? slash + 1 : at;

		if (strlen(name) == (size_t)(at + n - base) && !memcmp(name, base, strlen(name)))
			return true;
		at += n + (at[n] == ':');
	}
	return false;
}

/* The first thread that this object owns, by areas in its memory. */
static const struct thread_facts *first_owned(const struct process_facts *p, size_t object)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (ask_is_registered(&p->threads[i]) && ask_owner_object(p, &p->threads[i]) == &p->objects[object])
			return &p->threads[i];
	return NULL;
}

void rule_owner_unloadable(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	/* dlclose does nothing there */
	bool musl = p->libc.name && !strcmp(p->libc.name, "musl");

	for (size_t i = 0; !musl && i < p->n_objects; i++) {
		const struct object_facts *o = &p->objects[i];
		const struct thread_facts *thread = first_owned(p, i);
		bool reused = thread && thread->owner.place != PLACE_DATA && o->static_tls == 1;
		struct finding *f;

		if (!thread || o->startup || o->nodelete || !(o->has & OBJECT_NAMESPACE) || is_audit_module(p, o))
			continue;
		f = diagnose_add(rule, d, reused ? SEVERITY_WARNING : SEVERITY_ERROR, thread->tid, o->path);
		if (!f)
			return;
		/* Whether dlopen was told RTLD_NODELETE does not show. */
		f->confidence = CONFIDENCE_INFERRED;
		f->detail = arena_printf(&d->findings->arena, "%s owns the registered area and can be unloaded: the kernel would go on writing to memory that is %s",
					 ask_base_name(o->path), reused ? "given to another library" : "freed");
		finding_evidence(d->findings, f, "thread %d: area 0x%" PRIx64 " in its %s", thread->tid, thread->area,
				 thread->owner.place == PLACE_DATA ? "data" :
				 reused				   ? "static thread-local storage" :
								     "dynamic thread-local storage");
		finding_evidence(d->findings, f, "it was opened after the start and is not linked with -z nodelete");
	}
}

void rule_namespace_owner(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;

	for (size_t i = 0; i < p->n_objects; i++) {
		const struct object_facts *o = &p->objects[i];
		const struct thread_facts *thread = o->namespace ? first_owned(p, i) : NULL;
		struct finding *f;

		if (!thread || !(o->has & OBJECT_NAMESPACE))
			continue;
		f = diagnose_add(rule, d, SEVERITY_WARNING, thread->tid, o->path);
		if (!f)
			return;
		f->detail = arena_printf(&d->findings->arena,
					 "%s owns rseq from link namespace %u: the program's own libraries cannot see its symbols",
					 ask_base_name(o->path), o->namespace);
		finding_evidence(d->findings, f, "thread %d: area 0x%" PRIx64 " is in %s", thread->tid, thread->area, o->path);
	}
}

/* --- symbols --- */

static bool is_area(const struct symbol_facts *s)
{
	return s->role == ROLE_AREA && s->defined && s->exported && !strcmp(s->type, "TLS");
}

static const struct symbol_facts *area_of(const struct object_facts *o)
{
	for (size_t i = 0; i < o->n_symbols; i++)
		if (is_area(&o->symbols[i]))
			return &o->symbols[i];
	return NULL;
}

static void add_interposed(const struct rule *rule, const struct diagnosis *d, const struct object_facts *winner,
			   const struct object_facts *other)
{
	const struct symbol_facts *small = area_of(winner), *large = area_of(other);
	struct finding *f = diagnose_add(rule, d, SEVERITY_ERROR, 0, winner->path);

	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "%s of %s is smaller than that of %s, whose users get it",
				 small->name, ask_base_name(winner->path), ask_base_name(other->path));
	finding_evidence(d->findings, f, "%s: %" PRIu64 " bytes, and wins (%s)", winner->path, small->size,
			 small->wins_reason ? small->wins_reason : "it is first");
	finding_evidence(d->findings, f, "%s: %" PRIu64 " bytes", other->path, large->size);
}

void rule_interposed_size(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;

	for (size_t i = 0; i < p->n_objects; i++) {
		const struct symbol_facts *winner = area_of(&p->objects[i]);

		for (size_t k = 0; winner && winner->wins == 1 && k < p->n_objects; k++) {
			const struct symbol_facts *other = area_of(&p->objects[k]);

			if (!other || other->wins != 0 || strcmp(other->name, winner->name) ||
			    p->objects[k].namespace != p->objects[i].namespace || winner->size >= other->size)
				continue;
			add_interposed(rule, d, &p->objects[i], &p->objects[k]);
			return;
		}
	}
}

static const struct object_facts *definer_elsewhere(const struct process_facts *p, size_t object,
						    const struct symbol_facts *ref)
{
	for (size_t i = 0; i < p->n_objects; i++)
		for (size_t k = 0; i != object && k < p->objects[i].n_symbols; k++) {
			const struct symbol_facts *s = &p->objects[i].symbols[k];

			if (s->defined && s->exported && !strcmp(s->name, ref->name) &&
			    p->objects[i].namespace == p->objects[object].namespace)
				return &p->objects[i];
		}
	return NULL;
}

static void check_version(const struct rule *rule, const struct diagnosis *d, size_t object,
			  const struct symbol_facts *ref)
{
	const struct object_facts *definer = ref->binds ? NULL : definer_elsewhere(d->process, object, ref);
	struct finding *f;

	if (ref->defined || !ref->exported || !ref->version[0] || (!ref->binds && !definer) ||
	    (ref->binds && !strcmp(ref->binds_version, ref->version)))
		return;
	f = diagnose_add(rule, d, SEVERITY_ERROR, 0, d->process->objects[object].path);
	if (!f)
		return;
	f->detail = arena_printf(&d->findings->arena, "%s needs %s@%s and got %s",
				 ask_base_name(d->process->objects[object].path), ref->name, ref->version,
				 !ref->binds		   ? "none: no definition has that version" :
				 ref->binds_version[0] ? "one of another version" : "one without a version");
	finding_evidence(d->findings, f, "%s%s of %s", ref->name,
			 ref->binds && ref->binds_version[0] ?
				 arena_printf(&d->findings->arena, "@%s", ref->binds_version) : "",
			 ref->binds ? ref->binds : definer->path);
}

void rule_version_mismatch(const struct rule *rule, const struct diagnosis *d)
{
	for (size_t i = 0; i < d->process->n_objects; i++)
		for (size_t k = 0; k < d->process->objects[i].n_symbols; k++)
			check_version(rule, d, i, &d->process->objects[i].symbols[k]);
}

static bool is_lost_reference(const struct symbol_facts *s)
{
	return s->role == ROLE_LIBC_OFFSET && !s->defined && !s->binds && !strcmp(s->bind, "WEAK");
}

/* Sections that no thread was seen in, nor had been in since the kernel last looked. */
static void check_sections(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;

	for (size_t i = 0; p->sample_seconds && p->threads_registered && i < p->n_objects; i++) {
		const struct object_facts *o = &p->objects[i];
		struct finding *f;

		if (!o->sections_total || o->published)
			continue;
		f = diagnose_add(rule, d, SEVERITY_INFO, 0, o->path);
		if (!f)
			return;
		f->confidence = CONFIDENCE_INFERRED;
		f->detail = arena_printf(&d->findings->arena,
					 "no thread was seen to use any of the %" PRIu64 " critical sections of %s",
					 o->sections_total, ask_base_name(o->path));
		finding_evidence(d->findings, f, "rseq_cs of %u threads pointed to none of them in %u s, looked at every 10 ms",
				 p->threads_registered, p->sample_seconds);
	}
}

void rule_unused_registration(const struct rule *rule, const struct diagnosis *d)
{
	const struct process_facts *p = d->process;
	bool libc_has = p->libc.has & LIBC_OFFSET || p->owner.kind == OWNER_LIBC;

	check_sections(rule, d);
	for (size_t i = 0; libc_has && i < p->n_objects; i++)
		for (size_t k = 0; k < p->objects[i].n_symbols; k++) {
			const struct symbol_facts *s = &p->objects[i].symbols[k];
			struct finding *f;

			if (!is_lost_reference(s))
				continue;
			f = diagnose_add(rule, d, SEVERITY_INFO, 0, p->objects[i].path);
			if (!f)
				return;
			f->detail = arena_printf(&d->findings->arena,
						 "%s looks for libc's area by a weak reference to %s, which is bound to nothing: it works without rseq",
						 ask_base_name(p->objects[i].path), s->name);
			finding_evidence(d->findings, f, "%s: %s is an undefined weak symbol, and %s",
					 p->objects[i].path, s->name,
					 s->exported ? "no relocation fills it in" : "not in the dynamic symbol table");
			return;
		}
}
