/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of rseq(): what was asked for, what the kernel or a filter answered, and who called. */
#ifndef RSEQCTL_TRACE_CALL_BPF_H
#define RSEQCTL_TRACE_CALL_BPF_H

#include "kernel_types.bpf.h"
#include "rseqctl/trace_record.h"
#include "task_rseq.bpf.h"
#include "trace_config.bpf.h"
#include "trace_gone.bpf.h"
#include "trace_mapping.bpf.h"
#include "trace_slot.bpf.h"
#include "trace_tell.bpf.h"

#define X86_64_SYS_RSEQ 334
#define X32_BIT 0x40000000
#define I386_SYS_RSEQ 386
#define ARM64_SYS_RSEQ 293
#define ARM_SYS_RSEQ 398

/* Without a filter there is nobody else to answer; entries from before the trace were not seen. */
#define CURRENT_SECCOMP (bpf_core_field_exists(TASK_FIELD(seccomp.mode)) ? CURRENT(seccomp.mode) : 0)

/*
 * Threads that are in rseq() just now, by the low bits of their numbers: what a filter answered comes
 * back without having been here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} entered SEC(".maps");

struct call {
	__u64 area, length, flags, signature;
	bool compat, entered;
};

/*
 * From 7.0 on a program may be preempted at a tracepoint (tracepoints guarded by SRCU), and until it
 * goes on, the kernel does not run it for anybody else on that CPU: with a program at every system call
 * that is a loss that counts. So, once the first is seen to have missed something, a second one stands
 * by: it takes what the first one has not answered.
 */
bool is_doubled = false;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} answered SEC(".maps");

static __always_inline bool call_x86(struct pt_regs *regs, struct call *ret)
{
	__u64 number = BPF_CORE_READ(regs, orig_ax);

	if ((number & ~X32_BIT) != X86_64_SYS_RSEQ && number != I386_SYS_RSEQ)
		return false;
	/* TS_COMPAT, arch/x86/include/asm/thread_info.h: of this one call */
	ret->compat = CURRENT(thread_info.status) & 2;
	if (ret->compat != (number == I386_SYS_RSEQ))
		return false;
	ret->area = ret->compat ? BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di);
	ret->length = ret->compat ? BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, si);
	ret->flags = BPF_CORE_READ(regs, dx);
	ret->signature = ret->compat ? BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, r10);
	return true;
}

static __always_inline bool call_arm64(struct pt_regs *regs, struct call *ret)
{
	/* PSR_MODE32_BIT */
	ret->compat = BPF_CORE_READ(regs, pstate) & 0x10;
	if (BPF_CORE_READ(regs, syscallno) != (ret->compat ? ARM_SYS_RSEQ : ARM64_SYS_RSEQ))
		return false;
	ret->area = BPF_CORE_READ(regs, orig_x0);
	ret->length = BPF_CORE_READ(regs, regs[1]);
	ret->flags = BPF_CORE_READ(regs, regs[2]);
	ret->signature = BPF_CORE_READ(regs, regs[3]);
	return true;
}

/* Every return from every system call comes by here: the common way out is short. */
static __always_inline bool call_is_rseq(struct pt_regs *regs, struct call *ret)
{
	if (bpf_core_field_exists(regs->orig_ax))
		return call_x86(regs, ret);
	return bpf_core_field_exists(regs->syscallno) && call_arm64(regs, ret);
}

static __always_inline void read_caller(struct pt_regs *regs, struct trace_call *r)
{
	r->sp = BPF_CORE_READ(regs, sp);
	if (bpf_core_field_exists(regs->ip)) {
		r->ip = BPF_CORE_READ(regs, ip);
	} else {
		r->ip = BPF_CORE_READ(regs, pc);
		r->link = BPF_CORE_READ(regs, regs[30]);
	}
	if (!bpf_probe_read_user(r->words, sizeof(r->words), (void *)r->sp))
		r->n_words = sizeof(r->words);
	else if (!bpf_probe_read_user(r->words, sizeof(r->words[0]), (void *)r->sp))
		r->n_words = sizeof(r->words[0]);
	else
		r->n_words = 0;
	mapping_read(r->ip, &r->here);
	mapping_read(r->link ? r->link : r->words[0], &r->outside);
}

static __always_inline void count_call(struct trace_counts *c, const struct call *call, __s64 result,
				       bool done)
{
	bool off = (__u32)call->flags & 1;

	if (result || !done)
		off ? c->unregister_failed++ : c->register_failed++;
	else
		off ? c->unregistered++ : c->registered++;
}

static __always_inline void tell_call(struct trace_counts *c, struct pt_regs *regs, const struct call *call,
				      __s64 result, const struct task_record *now, const struct ids *ids)
{
	struct trace_call *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		c->lost[TRACE_CALL]++;
		return;
	}
	tell_head(&r->header, TRACE_CALL, ids);
	r->area = call->area;
	r->length = (__u32)call->length;
	r->flags = (__u32)call->flags;
	r->signature = (__u32)call->signature;
	r->result = (__s32)result;
	r->now_area = now->area;
	r->now_length = now->length;
	r->now_signature = now->signature;
	r->compat = call->compat;
	r->link = 0;
	r->entered = call->entered;
	r->seccomp = CURRENT_SECCOMP;
	read_caller(regs, r);
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

static __always_inline int call_enters(__u64 number)
{
	number &= ~(__u64)X32_BIT;
	/* All numbers of all architectures: what is marked too much does no harm. */
	if (number == X86_64_SYS_RSEQ || number == I386_SYS_RSEQ || number == ARM64_SYS_RSEQ || number == ARM_SYS_RSEQ)
		slot_mark(&entered);
	return 0;
}

/*
 * The arguments are still in the registers at the return. By sys_exit itself and not
 * syscalls/sys_exit_rseq, which 32-bit calls do not reach.
 */
static __always_inline int call_returns(__u64 *ctx, bool is_second)
{
	struct pt_regs *regs = (void *)ctx[0];
	struct task_record now = {};
	struct trace_counts *c;
	struct call call = {};
	struct ids ids;
	__s64 result;
	bool off;

	if (!call_is_rseq(regs, &call))
		return 0;
	if (is_second && slot_take(&answered))
		return 0;
	if (!is_second && is_doubled)
		slot_mark(&answered);
	c = own_counts();
	if (!c || !current_is_wanted(&ids))
		return 0;
	result = call.compat ? (__s32)ctx[1] : (__s64)ctx[1];
	read_current(&now);
	call.entered = slot_take(&entered) || !CURRENT_SECCOMP;
	off = (__u32)call.flags & 1;
	count_call(c, &call, result, call.entered && (off ? now.area != call.area : now.area == call.area));
	if (!off && now.area && now.area == call.area && outlives(&now))
		slot_mark(&staying);
	tell_call(c, regs, &call, result, &now, &ids);
	return 0;
}

#endif
