/* SPDX-License-Identifier: GPL-2.0-only */
/* Aborts: counted by section, cause and place, and told where single ones are wanted. */
#ifndef RSEQCTL_TRACE_ABORT_BPF_H
#define RSEQCTL_TRACE_ABORT_BPF_H

#include "rseqctl/trace_count.h"
#include "trace_cause.bpf.h"
#include "trace_config.bpf.h"
#include "trace_mapping.bpf.h"
#include "trace_tell.bpf.h"

/* Its size is set by the number of CPUs before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct trace_section_key);
	__type(value, struct trace_section);
} sections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, TRACE_STACK_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct trace_stack_key);
	__type(value, __u64);
} stack_counts SEC(".maps");

static const struct trace_section no_section;
static const __u64 nothing;

struct abort {
	__u64 ip, start, length, abort;
	__u64 interruptions;
	__u32 cause;
	__s32 stack_id;
};

static __always_inline void count_offset(struct trace_section *s, __u32 offset)
{
	for (int i = 0; i < TRACE_OFFSETS; i++) {
		if (!s->offsets[i].count)
			s->offsets[i].offset = offset;
		if (s->offsets[i].offset == offset) {
			s->offsets[i].count++;
			return;
		}
	}
	s->offsets_other++;
}

static __always_inline void fill_abort(struct trace_abort *r, __u32 type, const struct abort *a,
				       const struct ids *ids)
{
	tell_head(&r->header, type, ids);
	r->ip = a->ip;
	r->start = a->start;
	r->length = a->length;
	r->abort = a->abort;
	r->cause = a->cause;
	r->stack_id = a->stack_id;
}

/*
 * Many at once cost one wake-up: the reader looks by itself some times a second, so it is woken only
 * when a part of the buffer is full. The last part is for what is rare, and counted nowhere else.
 */
static __always_inline void tell_abort(struct trace_counts *c, const struct abort *a, const struct ids *ids)
{
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	struct trace_abort *r = NULL;

	if (waiting < aborts_up_to)
		r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		c->lost[TRACE_ABORT]++;
		return;
	}
	fill_abort(r, TRACE_ABORT, a, ids);
	bpf_ringbuf_submit(r, waiting >= wake_at ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void tell_section(struct trace_counts *c, const struct abort *a, const struct ids *ids)
{
	struct trace_section_seen *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		c->lost[TRACE_SECTION]++;
		return;
	}
	fill_abort(&r->abort, TRACE_SECTION, a, ids);
	mapping_read(a->start, &r->mapping);
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

/* The entry of a section, made by its first abort; NULL when the map is full. */
static __always_inline struct trace_section *section_of(const struct trace_section_key *key, bool *ret_new)
{
	struct trace_section *s = bpf_map_lookup_elem(&sections, key);

	*ret_new = false;
	if (s)
		return s;
	*ret_new = !bpf_map_update_elem(&sections, key, &no_section, BPF_NOEXIST);
	s = bpf_map_lookup_elem(&sections, key);
	if (!s)
		return NULL;
	/* Tested one after the other: clang makes one of both, which the verifier refuses. */
	barrier_var(s);
	if (*ret_new)
		bpf_get_current_comm(s->comm, sizeof(s->comm));
	return s;
}

static __always_inline void count_stack(struct trace_counts *c, const struct trace_section_key *section,
					__s32 stack_id)
{
	struct trace_stack_key key = { section->start, section->generation, section->tgid, stack_id };
	__u64 *n = stack_id < 0 ? NULL : bpf_map_lookup_elem(&stack_counts, &key);

	if (!n && stack_id >= 0) {
		bpf_map_update_elem(&stack_counts, &key, &nothing, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&stack_counts, &key);
	}
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		c->stacks_lost++;
}

static __always_inline void count_abort(struct trace_counts *c, const struct abort *a, const struct ids *ids)
{
	struct trace_section_key key = {
		.start = a->start,
		.generation = ids->generation,
		.tgid = ids->tgid,
		.length = a->length >> 32 ? ~0u : (__u32)a->length,
	};
	struct trace_section *s;
	bool new;

	/* For the verifier; the values are such anyway. */
	if (a->cause >= TRACE_CAUSES)
		return;
	c->causes[a->cause]++;
	s = section_of(&key, &new);
	if (s) {
		s->causes[a->cause]++;
		if (a->interruptions != NOT_MEASURED)
			s->interruptions += a->interruptions;
		else if (a->cause == TRACE_CAUSE_MIGRATE || a->cause == TRACE_CAUSE_PREEMPT)
			s->not_measured++;
		s->abort = a->abort;
		count_offset(s, (__u32)(a->ip - a->start));
	} else {
		c->sections_other[a->cause]++;
	}
	if (want_stack)
		count_stack(c, &key, a->stack_id);
	if (new)
		tell_section(c, a, ids);
	if (want_events)
		tell_abort(c, a, ids);
}

/* The tracepoint: where the thread was, and start, length and abort handler of its section. */
static __always_inline int abort_happens(__u64 *ctx)
{
	struct abort a = { .ip = ctx[0], .start = ctx[1], .length = ctx[2], .abort = ctx[3], .stack_id = -1 };
	struct trace_counts *c = own_counts();
	struct ids ids;

	if (!c || !current_is_wanted(&ids))
		return 0;
	if (want_cause)
		a.cause = cause_of_abort(ids.task, a.ip, ids.thread, &a.interruptions);
	if (want_stack)
		a.stack_id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP);
	count_abort(c, &a, &ids);
	return 0;
}

#endif
