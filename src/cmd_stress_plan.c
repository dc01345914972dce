/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_stress_plan.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#include "collect/host.h"
#include "critical/critical.h"
#include "critical/registration.h"
#include "model/host.h"
#include "stress/again.h"
#include "stress/environment.h"
#include "util/strbuf.h"

enum { THREADS_PER_CPU = 4 };

enum status cmd_stress_refuse(struct stress_session *s, const char *what, const char *format, ...)
{
	_cleanup_strbuf_ struct strbuf why = { 0 };
	va_list ap;

	va_start(ap, format);
	strbuf_vprintf(&why, format, ap);
	va_end(ap);
	progress_erase(&s->progress);
	fprintf(stderr, "rseqctl stress: %s\n", strbuf_str(&why));
	s->facts.failure = arena_alloc(&s->arena, sizeof(*s->facts.failure));
	if (s->facts.failure) {
		*s->facts.failure = (struct stress_failure){ "stress", what, arena_strdup(&s->arena, strbuf_str(&why)) };
		s->facts.n_failures = 1;
	}
	return STATUS_IMPOSSIBLE;
}

static enum status choose_cpus(struct stress_session *s)
{
	const cpu_set_t *wanted = &s->wish->cpus;
	cpu_set_t may;

	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return cmd_stress_refuse(s, "cpus", "cannot ask which CPUs may be used: %s", strerror(errno));
	s->plan.cpus = may;
	if (!s->wish->cpus_named)
		return STATUS_OK;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, wanted) && !CPU_ISSET(cpu, &may))
			return cmd_stress_refuse(s, "cpus", "--cpus: there is no CPU %d, or this process may not run on it",
						 cpu);
	s->plan.cpus = *wanted;
	return STATUS_OK;
}

static enum status choose_disturbers(struct stress_session *s)
{
	const struct stress_choice *d;
	uint32_t named = s->wish->disturb;

	for (size_t i = 0; (d = stress_disturber(i)); i++) {
		const char *why = "";

		if (named ? !(named & 1u << i) : !d->by_default)
			continue;
		if (stress_disturber_possible(i, &s->plan, &why) == 0)
			s->plan.disturb |= 1u << i;
		else if (named)
			return cmd_stress_refuse(s, "disturb", "--disturb %s is not possible here: %s", d->name, why);
		else if (s->wish->common.verbosity >= 0)
			fprintf(stderr, "rseqctl stress: without %s: %s\n", d->name, why);
	}
	return STATUS_OK;
}

static enum status choose_indexes(struct stress_session *s)
{
	uint32_t mm_cid = 1u << cmd_stress_find(stress_index, "mm_cid");

	if (s->wish->keys & mm_cid && !registration_has_mm_cid())
		return cmd_stress_refuse(s, "index", "--index mm_cid: this kernel keeps no mm_cid (Linux 6.3 on)");
	s->plan.keys = s->wish->keys;
	return STATUS_OK;
}

/* Only comes back when it could not be. */
static enum status start_again(struct stress_session *s)
{
	const char *why = "";
	int r = again_without_libc("rseqctl stress", &why);

	return cmd_stress_refuse(s, "owner", "--owner self: %s: %s", why, strerror(-r));
}

static enum status choose_owner(struct stress_session *s)
{
	const void *libc_area = registration_libc_area();
	enum owner_wish wish = s->wish->owner;
	int r = registration_available();

	if (r == -ENOSYS)
		return cmd_stress_refuse(s, "rseq", "this kernel has no rseq, or a filter says so (ENOSYS)");
	if (r < 0)
		return cmd_stress_refuse(s, "rseq", "rseq is denied here: %s; by a seccomp filter, as of a container?",
					 strerror(-r));
	if (!critical_is_supported())
		return cmd_stress_refuse(s, "rseq", "there are no critical sections for this architecture");
	if (wish == OWNER_BY_LIBC && !libc_area)
		return cmd_stress_refuse(s, "owner",
					 "--owner libc: libc did not register rseq here; --owner self does without it");
	if (wish == OWNER_BY_SELF && libc_area)
		return start_again(s);
	s->plan.own_registration = !libc_area;
	s->plan.length = s->wish->length ? (uint32_t)s->wish->length : registration_usual_length();
	return STATUS_OK;
}

static void read_environment(struct stress_session *s)
{
	struct environment_facts *e = &s->facts.environment;

	host_read_class(&s->host, &s->arena);
	environment_read(&s->plan, &s->arena, e);
	e->mode = host_mode(&s->host, e->length);
}

enum status cmd_stress_plan(struct stress_session *s)
{
	const struct stress_wish *o = s->wish;
	uint32_t seed = 0;
	enum status status;

	s->aborts = counter_of(&s->counter);
	s->plan.counter = &s->aborts;
	s->plan.fault = o->fault;
	s->plan.min_aborts = o->min_aborts;
	s->plan.operations = o->operations;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = 1;
	s->plan.seed = o->seed_named ? o->seed : seed;
	host_read(&s->host);
	s->facts.host = &s->host;
	status = choose_owner(s);
	status = status ? status : choose_cpus(s);
	status = status ? status : choose_indexes(s);
	if (status)
		return status;
	s->plan.threads = o->threads ? (uint32_t)o->threads : THREADS_PER_CPU * (uint32_t)CPU_COUNT(&s->plan.cpus);
	status = choose_disturbers(s);
	read_environment(s);
	return status;
}
