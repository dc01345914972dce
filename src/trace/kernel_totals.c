/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/kernel_totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/skeleton.h"
#include "util/cleanup.h"

static void add_u64(void *to, const void *from, size_t size)
{
	uint64_t *t = to;
	const uint64_t *f = from;

	for (size_t i = 0; i < size / sizeof(*t); i++)
		t[i] += f[i];
}

int kernel_totals_counts(const struct kernel_programs *p, struct trace_counts *ret)
{
	_cleanup_free_ struct trace_counts *all = calloc((size_t)p->n_cpus, sizeof(*all));
	uint32_t zero = 0;

	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.counts), &zero, all) < 0)
		return -errno;
	for (int i = 0; i < p->n_cpus; i++)
		add_u64(ret, &all[i], sizeof(*ret));
	return 0;
}

/* Offsets stand in each CPU's own order. */
static void add_offset(struct trace_section *to, uint32_t offset, uint64_t count)
{
	for (int i = 0; i < TRACE_OFFSETS; i++) {
		if (!to->offsets[i].count)
			to->offsets[i].offset = offset;
		if (to->offsets[i].offset == offset) {
			to->offsets[i].count += count;
			return;
		}
	}
	to->offsets_other += count;
}

static void add_section(struct trace_section *to, const struct trace_section *from)
{
	add_u64(to->causes, from->causes, sizeof(to->causes));
	to->interruptions += from->interruptions;
	to->not_measured += from->not_measured;
	to->offsets_other += from->offsets_other;
	if (from->abort)
		to->abort = from->abort;
	if (from->comm[0])
		memcpy(to->comm, from->comm, sizeof(to->comm));
	for (int i = 0; i < TRACE_OFFSETS && from->offsets[i].count; i++)
		add_offset(to, from->offsets[i].offset, from->offsets[i].count);
}

uint32_t kernel_totals_sections(const struct kernel_programs *p, struct strbuf *reply)
{
	_cleanup_free_ struct trace_section *all = calloc((size_t)p->n_cpus, sizeof(*all));
	struct trace_section_key key, *previous = NULL;
	int fd = bpf_map__fd(p->skel->maps.sections);
	uint32_t n = 0;

	while (all && bpf_map_get_next_key(fd, previous, &key) == 0) {
		struct trace_section_total total = { .key = key };

		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, all) < 0)
			continue;
		for (int i = 0; i < p->n_cpus; i++)
			add_section(&total.section, &all[i]);
		strbuf_add(reply, &total, sizeof(total));
		n++;
	}
	return n;
}

void kernel_totals_stacks(const struct kernel_programs *p, struct strbuf *reply)
{
	struct trace_stack_key key, *previous = NULL;
	int fd = bpf_map__fd(p->skel->maps.stack_counts);

	while (bpf_map_get_next_key(fd, previous, &key) == 0) {
		struct trace_stack_total total = { .key = key };

		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &total.count) == 0)
			strbuf_add(reply, &total, sizeof(total));
	}
}

int kernel_totals_frames(const struct kernel_programs *p, uint32_t id, struct strbuf *reply)
{
	uint64_t frames[TRACE_STACK_DEPTH] = { 0 };
	size_t n = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.stacks), &id, frames) < 0)
		return -errno;
	while (n < TRACE_STACK_DEPTH && frames[n])
		n++;
	strbuf_add(reply, frames, n * sizeof(frames[0]));
	return 0;
}
