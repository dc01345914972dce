/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/kernel_missed.h"

#include "trace/skeleton.h"
#include "util/array.h"

/* How often it should have run and did not, since it (or another task in it) was running on that CPU. */
static uint64_t missed_by(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(program);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.recursion_misses : 0;
}

void kernel_missed_stand_by(struct kernel_programs *p)
{
	struct trace_bpf *s = p->skel;
	uint64_t missed;

	if (!p->config.registrations || !s->links.trace_call || s->links.trace_call_2)
		return;
	missed = missed_by(s->progs.trace_call);
	if (!missed && !missed_by(s->progs.trace_enter))
		return;
	p->missed_single = missed;
	s->bss->is_doubled = true;
	s->links.trace_enter_2 = bpf_program__attach_raw_tracepoint(s->progs.trace_enter_2, "sys_enter");
	s->links.trace_call_2 = bpf_program__attach_raw_tracepoint(s->progs.trace_call_2, "sys_exit");
}

void kernel_missed_count(const struct kernel_programs *p, struct trace_totals *ret)
{
	const struct bpf_program *programs[] = { p->skel->progs.trace_abort, p->skel->progs.trace_fork,
						 p->skel->progs.trace_exec, p->skel->progs.trace_exit,
						 p->skel->progs.trace_fault };
	uint64_t both = missed_by(p->skel->progs.trace_call_2);

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		ret->missed += missed_by(programs[i]);
	/* Whose birth was missed is not followed. */
	ret->missed_aborts = missed_by(p->skel->progs.trace_abort) + missed_by(p->skel->progs.trace_fork);
	/* Of two programs at one point: what the second one missed the first one may have seen. */
	ret->missed += p->skel->links.trace_call_2 ? p->missed_single + both : missed_by(p->skel->progs.trace_call);
}
