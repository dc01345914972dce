/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rseqctl/rseq_abi.h"
#include "trace/caller.h"
#include "trace/registrations.h"

/* A thread that cannot even take the signal is sent a second one on the way: one death, not two. */
#define SAME_FAULT_NS 200000

/* By the low bits of a process's number: in which batch its mappings were last looked at. */
enum { FRESH_SLOTS = 64 };
struct fresh {
	uint64_t generation, batch;
};

/* More than all reasons of all types, which are words of ours. */
enum { REASONS_MAX = 64 };

struct events {
	struct events_room room;
	struct fresh fresh[FRESH_SLOTS];
	uint64_t batch;
	struct registrations *registrations;
	uint64_t faults;
	struct reason_count reasons[REASONS_MAX];
	size_t n_reasons;
	struct trace_header last_fault;
	char detail[600];
};

struct events *events_new(const struct events_room *room)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->room = *room;
	e->registrations = registrations_new();
	if (e->registrations)
		return e;
	free(e);
	return NULL;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	registrations_free(e->registrations);
	free(e);
}

uint64_t events_faults(const struct events *e)
{
	return e->faults;
}

const struct reason_count *events_reasons(const struct events *e, size_t *ret_n)
{
	*ret_n = e->n_reasons;
	return e->reasons;
}

static void count_reason(struct events *e, const struct event *event)
{
	struct reason_count *r = e->reasons;

	while (r < e->reasons + e->n_reasons && (r->type != event->type || strcmp(r->reason, event->reason) != 0))
		r++;
	if (r == e->reasons + REASONS_MAX)
		return;
	if (r == e->reasons + e->n_reasons) {
		*r = (struct reason_count){ .type = event->type, .reason = event->reason };
		e->n_reasons++;
	}
	r->count++;
	for (; r > e->reasons && r[-1].count < r->count; r--) {
		struct reason_count less = r[-1];

		r[-1] = *r;
		*r = less;
	}
}

/* Of all but aborts, whose causes are counted in the kernel. */
static void deliver(struct events *e, const struct event *event, trace_handler *handler, void *ctx)
{
	if (event->reason)
		count_reason(e, event);
	handler(ctx, event);
}

static struct event begin(const struct trace_header *h, enum event_type type)
{
	struct event event = {
		.type = type, .time_ns = h->time_ns, .pid = h->tgid, .tid = h->tid, .cpu = h->cpu
	};

	memcpy(event.comm, h->comm, sizeof(h->comm));
	return event;
}

/* --- aborts --- */

/* mapping: what was mapped there, or NULL; it names what the process no longer can. */
static struct event_section section_of(struct events *e, const struct trace_header *h, uint64_t start, uint64_t length,
				       const struct trace_mapping *mapping)
{
	struct trace_section_key key = { start, h->generation, h->tgid,
					 length > UINT32_MAX ? UINT32_MAX : (uint32_t)length };
	struct section_name *name = section_names_get(e->room.sections, &key, mapping, h->time_ns);

	return name ? name->names : (struct event_section){ .start = start, .length = length };
}

/*
 * Before a process is asked for names. A child that ends soon has its parent's mappings, and so its
 * parent's names; and another library may lie at an address that was named before. Once for all records
 * that were fetched together.
 */
static void prepare_names(struct events *e, const struct trace_header *h, uint64_t address)
{
	struct fresh *f = &e->fresh[(uint32_t)h->tgid % FRESH_SLOTS];
	struct symbolizer *s = e->room.symbolizer;
	struct place unused;

	if (f->generation == h->generation && f->batch == e->batch)
		return;
	if (f->generation != h->generation && h->parent) {
		symbolizer_resolve(s, h->parent, h->parent_generation, &address, 1, &unused);
		symbolizer_forked(s, h->parent, h->parent_generation, h->tgid, h->generation);
	}
	symbolizer_refresh(s, h->tgid);
	*f = (struct fresh){ h->generation, e->batch };
}

void events_next_batch(struct events *e)
{
	e->batch++;
	symbolizer_happened(e->room.symbolizer);
}

/* Its first abort: the time to name it. */
static void take_section(struct events *e, const struct trace_section_seen *s)
{
	prepare_names(e, &s->abort.header, s->abort.start);
	(void)section_of(e, &s->abort.header, s->abort.start, s->abort.length, &s->mapping);
}

static void take_abort(struct events *e, const struct trace_abort *a, trace_handler *handler, void *ctx)
{
	struct event event = begin(&a->header, EVENT_ABORT);
	struct trace_stack_key key = { a->start, a->header.generation, a->header.tgid, a->stack_id };

	event.section = section_of(e, &a->header, a->start, a->length, NULL);
	event.has = EVENT_SECTION;
	event.cause = a->cause < CAUSES ? a->cause : CAUSE_UNKNOWN;
	event.ip_offset = a->ip - a->start;
	if (a->stack_id >= 0)
		event.stack = (struct code_place *)stacks_get(e->room.stacks, &key, a->ip, &event.n_stack);
	if (event.stack)
		event.has |= EVENT_STACK;
	handler(ctx, &event);
}

/* --- calls --- */

static void describe(const struct code_place *p, char *ret, size_t size)
{
	if (p->object && p->function)
		snprintf(ret, size, "%s of %s", p->function, p->object);
	else
		snprintf(ret, size, "%s", p->object ? p->object : "an unknown caller");
}

static bool is_same_object(const struct code_place *a, const struct code_place *b)
{
	return a->object && b->object ? !strcmp(a->object, b->object) : a->object == b->object;
}

/* What the kernel cannot say: who it was, if that was seen. */
static void add_history(struct events *e, const struct trace_call *c, const struct registration *before, const char *reason)
{
	char who[256];
	size_t n = strlen(e->detail);

	if (c->now_area && before && before->area == c->now_area) {
		describe(&before->by, who, sizeof(who));
		snprintf(e->detail + n, sizeof(e->detail) - n, "; it was registered by %s", who);
	} else if (!strcmp(reason, "not-registered") && before && before->gone_area) {
		describe(&before->gone_by, who, sizeof(who));
		snprintf(e->detail + n, sizeof(e->detail) - n, "; it was unregistered %.3f s before by %s",
			 (double)(c->header.time_ns - before->gone_ns) / 1e9, who);
	} else if (c->now_area) {
		snprintf(e->detail + n, sizeof(e->detail) - n, "; that was before the trace, or is inherited");
	}
}

static void tell_failure(struct events *e, const struct trace_call *c, const struct registration *before, struct event *event)
{
	struct verdict v = { 0 };

	judge_call(c, e->room.kernel, &v);
	event->error = c->result ? strerrorname_np(-c->result) : NULL;
	event->reason = v.reason;
	snprintf(e->detail, sizeof(e->detail), "%s", v.detail);
	if (strcmp(v.reason, "seccomp") != 0 && strcmp(v.reason, "query") != 0)
		add_history(e, c, before, v.reason);
	event->detail = e->detail;
}

/* One that unregisters what another one registered, and may still rely on. */
static void tell_unregistration(struct events *e, const struct registration *before, struct event *event)
{
	char who[256];

	if (!before || before->area != event->area || is_same_object(&before->by, &event->caller))
		return;
	describe(&before->by, who, sizeof(who));
	event->reason = "other-owner";
	snprintf(e->detail, sizeof(e->detail), "it was registered by %s", who);
	event->detail = e->detail;
}

static void take_call(struct events *e, const struct trace_call *c, trace_handler *handler, void *ctx)
{
	bool off = c->flags & 1, done = c->entered && c->result == 0 && (off ? c->now_area != c->area : c->now_area == c->area);
	const struct registration *before = registrations_find(e->registrations, &c->header);
	struct event event = begin(&c->header, off ? (done ? EVENT_UNREGISTER : EVENT_UNREGISTER_FAILED) :
						     (done ? EVENT_REGISTER : EVENT_REGISTER_FAILED));

	event.has = EVENT_AREA | EVENT_REGISTRATION | EVENT_CALLER;
	event.area = c->area;
	event.length = c->length;
	event.signature = c->signature;
	prepare_names(e, &c->header, c->ip);
	caller_find(e->room.symbolizer, c, &event.caller);
	if (!done)
		tell_failure(e, c, before, &event);
	else if (off)
		tell_unregistration(e, before, &event);
	if (done)
		registrations_note(e->registrations, c, &event.caller);
	deliver(e, &event, handler, ctx);
}

/* --- the end of threads --- */

static void take_gone(struct events *e, const struct trace_gone *g, trace_handler *handler, void *ctx)
{
	struct event event = begin(&g->header, EVENT_GONE);

	event.has = EVENT_AREA | EVENT_REGISTRATION;
	event.area = g->area;
	event.length = g->length;
	event.signature = g->signature;
	event.reason = "exit";
	snprintf(e->detail, sizeof(e->detail),
		 "the thread ended while registered with memory that is not its own and stays");
	event.detail = e->detail;
	deliver(e, &event, handler, ctx);
}

/* --- faults --- */

static bool is_told_already(struct events *e, const struct trace_header *h)
{
	bool same = h->tid == e->last_fault.tid && h->generation == e->last_fault.generation &&
		    h->time_ns - e->last_fault.time_ns < SAME_FAULT_NS;

	e->last_fault = *h;
	return same;
}

static void take_fault(struct events *e, const struct trace_fault *f, trace_handler *handler, void *ctx)
{
	struct event event = begin(&f->header, EVENT_FAULT);
	struct rseq_descriptor d;
	struct verdict v;

	judge_fault(f, e->room.kernel, &v);
	if (!v.reason || is_told_already(e, &f->header))
		return;
	e->faults++;
	event.has = EVENT_AREA | EVENT_REGISTRATION;
	event.area = f->area;
	event.length = f->length;
	event.signature = f->signature;
	event.reason = v.reason;
	snprintf(e->detail, sizeof(e->detail), "%s", v.detail);
	event.detail = e->detail;
	memcpy(&d, f->descriptor, sizeof(d));
	if (f->rseq_cs && !f->descriptor_error) {
		prepare_names(e, &f->header, d.start_ip);
		event.has |= EVENT_SECTION;
		event.section = section_of(e, &f->header, d.start_ip, d.post_commit_offset, &f->mapping);
		event.ip_offset = f->ip - d.start_ip;
	}
	deliver(e, &event, handler, ctx);
}

void events_take(struct events *e, const void *record, size_t size, trace_handler *handler, void *ctx)
{
	const struct trace_header *h = record;

	if (size < sizeof(*h))
		return;
	if (h->type == TRACE_ABORT && size == sizeof(struct trace_abort))
		take_abort(e, record, handler, ctx);
	else if (h->type == TRACE_SECTION && size == sizeof(struct trace_section_seen))
		take_section(e, record);
	else if (h->type == TRACE_CALL && size == sizeof(struct trace_call))
		take_call(e, record, handler, ctx);
	else if (h->type == TRACE_GONE && size == sizeof(struct trace_gone))
		take_gone(e, record, handler, ctx);
	else if (h->type == TRACE_FAULT && size == sizeof(struct trace_fault))
		take_fault(e, record, handler, ctx);
}
