// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aborts with their cause, registrations, the end of registered threads, and SIGSEGV by the kernel:
 * counted here, so that totals are exact, and told one by one through a ring buffer.
 *
 * Raw tracepoints only: they are there on every kernel from 5.10 on, also where kprobes and fentry
 * are refused. Nothing is hooked that runs at every switch (5 to 7 % of a switching load).
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel_types.bpf.h"
#include "rseqctl/rseq_abi.h"
#include "rseqctl/trace_record.h"
#include "task_number.bpf.h"
#include "task_rseq.bpf.h"
#include "task_tp.bpf.h"
#include "trace_cause.bpf.h"
#include "trace_config.bpf.h"
#include "trace_mapping.bpf.h"

#define SIGSEGV 11
#define SI_KERNEL 0x80
/* include/linux/sched/signal.h: SEND_SIG_NOINFO and SEND_SIG_PRIV are no pointers */
#define SIGINFO_SPECIAL 2
/* include/trace/events/signal.h: what became of it; one is on its way already */
#define TRACE_SIGNAL_ALREADY_PENDING 2
#define SIGNAL_GROUP_EXIT 0x4
#define TASK_COMM_LEN 16
#define X86_64_SYS_RSEQ 334
#define X32_BIT 0x40000000
#define I386_SYS_RSEQ 386
#define ARM64_SYS_RSEQ 293
#define ARM_SYS_RSEQ 398
/* An area of the thread's own thread-local storage is not further from its thread pointer. */
#define TLS_REACH (64 << 10)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_counts);
} counts SEC(".maps");

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

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

static const struct trace_section no_section;
static const __u64 nothing;

/* --- records --- */

static __always_inline struct trace_counts *own_counts(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counts, &zero);
}

static __always_inline void head(struct trace_header *h, __u32 type, const struct ids *ids)
{
	h->type = type;
	h->cpu = bpf_get_smp_processor_id();
	h->time_ns = bpf_ktime_get_boot_ns();
	h->generation = ids->generation;
	h->tgid = ids->tgid;
	h->tid = ids->tid;
	bpf_get_current_comm(h->comm, sizeof(h->comm));
	h->parent = 0;
	h->pad = 0;
	h->parent_generation = 0;
	if (type != TRACE_ABORT)
		h->parent = current_parent(&h->parent_generation);
}

/* --- aborts --- */

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
	head(&r->header, type, ids);
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

SEC("raw_tp/rseq_ip_fixup")
int trace_abort(__u64 *ctx)
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

/* --- what aborts a section: see trace_cause.bpf.h --- */

SEC("raw_tp/signal_deliver")
int trace_signal(void *ctx __attribute__((unused)))
{
	cause_mark(MARK_SIGNAL);
	return 0;
}

SEC("raw_tp/csd_function_entry")
int trace_ipi(__u64 *ctx)
{
	if (ctx[0] == ipi_rseq)
		cause_mark(MARK_IPI);
	return 0;
}

/* Some function that another CPU calls here: where it cannot be told which one (up to 6.3). */
SEC("raw_tp/call_function_entry")
int trace_call_function(void *ctx __attribute__((unused)))
{
	cause_mark(MARK_IPI);
	return 0;
}

SEC("raw_tp/call_function_single_entry")
int trace_call_function_single(void *ctx __attribute__((unused)))
{
	cause_mark(MARK_IPI);
	return 0;
}

SEC("raw_tp/sched_migrate_task")
int trace_migrate(__u64 *ctx)
{
	cause_mark_migration((struct task_struct *)ctx[0]);
	return 0;
}

/* --- registrations --- */

/* Without a filter there is nobody else to answer; entries from before the trace were not seen. */
#define CURRENT_SECCOMP (bpf_core_field_exists(TASK_FIELD(seccomp.mode)) ? CURRENT(seccomp.mode) : 0)

/*
 * Threads that are in rseq() just now, by the low bits of their numbers: what a filter answered comes
 * back without having been here.
 */
#define ENTERED_SLOTS 4096
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENTERED_SLOTS);
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
	__uint(max_entries, ENTERED_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} answered SEC(".maps");

static __always_inline void slot_mark(void *map)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid(), index = thread % ENTERED_SLOTS;
	__u32 *slot = bpf_map_lookup_elem(map, &index);

	if (slot)
		*slot = thread;
}

static __always_inline bool slot_take(void *map)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid(), index = thread % ENTERED_SLOTS;
	__u32 *slot = bpf_map_lookup_elem(map, &index);

	if (!slot || *slot != thread)
		return false;
	*slot = 0;
	return true;
}

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

static __always_inline void read_task(struct task_record *ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	task_rseq_read(task, ret);
	task_tp_read(task, ret);
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
	head(&r->header, TRACE_CALL, ids);
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

SEC("raw_tp/sys_enter")
int trace_enter(__u64 *ctx)
{
	return call_enters(ctx[1]);
}

SEC("raw_tp/sys_enter")
int trace_enter_2(__u64 *ctx)
{
	return call_enters(ctx[1]);
}

/*
 * Threads that registered memory that stays. Up to 6.15 a thread that ends has no thread pointer any
 * more: the tracepoint comes after deactivate_mm(), which clears it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENTERED_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} staying SEC(".maps");

/* Whether the area is memory that stays when its thread ends, as far as that can be told from here. */
static __always_inline bool outlives(const struct task_record *now)
{
	if (!(now->flags & TASK_HAS_TP))
		return false;
	if (!now->tp)
		return slot_take(&staying);
	return now->area - now->tp + TLS_REACH > 2 * TLS_REACH;
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
	read_task(&now);
	call.entered = slot_take(&entered) || !CURRENT_SECCOMP;
	off = (__u32)call.flags & 1;
	count_call(c, &call, result, call.entered && (off ? now.area != call.area : now.area == call.area));
	if (!off && now.area && now.area == call.area && outlives(&now))
		slot_mark(&staying);
	tell_call(c, regs, &call, result, &now, &ids);
	return 0;
}

SEC("raw_tp/sys_exit")
int trace_call(__u64 *ctx)
{
	return call_returns(ctx, false);
}

SEC("raw_tp/sys_exit")
int trace_call_2(__u64 *ctx)
{
	return call_returns(ctx, true);
}

/* --- the end of registered threads --- */

static __always_inline void tell_gone(struct trace_counts *c, __u32 how, const struct task_record *now,
				      const struct ids *ids)
{
	struct trace_gone *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		c->lost[TRACE_GONE]++;
		return;
	}
	head(&r->header, TRACE_GONE, ids);
	r->area = now->area;
	r->tp = now->tp;
	r->length = now->length;
	r->signature = now->signature;
	r->how = how;
	r->pad = 0;
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void end(__u32 how)
{
	struct trace_counts *c = own_counts();
	struct task_record now = {};
	struct ids ids;

	if (!c || !current_is_wanted(&ids))
		return;
	read_task(&now);
	if (!now.area)
		return;
	c->gone[how]++;
	if (how == TRACE_GONE_THREAD && outlives(&now))
		tell_gone(c, how, &now, &ids);
}

/* Before the kernel forgets the registration (rseq_execve). */
SEC("raw_tp/sched_process_exec")
int trace_exec(void *ctx __attribute__((unused)))
{
	end(TRACE_GONE_EXEC);
	return 0;
}

/* Another thread of the process executes a program, which ends this one. */
static __always_inline bool is_exec(struct task_struct *task)
{
	if (bpf_core_field_exists(((struct signal_struct *)0)->group_exec_task))
		return BPF_CORE_READ(task, signal, group_exec_task);
	return bpf_core_field_exists(((struct signal_struct *)0)->group_exit_task) &&
	       BPF_CORE_READ(task, signal, group_exit_task);
}

SEC("raw_tp/sched_process_exit")
int trace_exit(void *ctx __attribute__((unused)))
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool last = !BPF_CORE_READ(task, signal, live.counter);
	__u32 how = TRACE_GONE_THREAD;

	if (last || BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		how = TRACE_GONE_PROCESS;
	else if (is_exec(task))
		how = TRACE_GONE_EXEC;
	if (want_registrations)
		end(how);
	target_is_gone(last);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int trace_fork(__u64 *ctx)
{
	target_follow((struct task_struct *)ctx[0], (struct task_struct *)ctx[1]);
	return 0;
}

/* --- faults --- */

static __always_inline __u32 vma_at(__u64 address)
{
	struct vma_note note;
	long e = vma_find(address, &note);

	if (e)
		return e == -2 ? TRACE_VMA_NONE : TRACE_VMA_UNKNOWN;
	return note.writable ? TRACE_VMA_WRITABLE : TRACE_VMA_READ_ONLY;
}

static __always_inline void read_descriptor(struct trace_fault *r, const struct rseq_area *area)
{
	struct rseq_descriptor d = {};

	r->rseq_cs = area->rseq_cs;
	r->descriptor_error = bpf_probe_read_user(&d, sizeof(d), (void *)area->rseq_cs);
	r->abort_error = bpf_probe_read_user(&r->abort_signature, sizeof(r->abort_signature),
					     (void *)(d.abort_ip - sizeof(r->abort_signature)));
	__builtin_memcpy(r->descriptor, &d, sizeof(d));
}

static __always_inline void read_area(struct trace_fault *r, const struct task_record *now)
{
	struct rseq_area area = {};

	r->area = now->area;
	r->length = now->length;
	r->signature = now->signature;
	r->has_rseq = now->has_rseq;
	r->area_error = bpf_probe_read_user(&area, sizeof(area), (void *)now->area);
	__builtin_memcpy(r->area_content, &area, sizeof(area));
	read_descriptor(r, &area);
}

static __always_inline void read_kernel_side(struct trace_fault *r, struct task_struct *task)
{
	struct task_struct___data *data = (void *)task;

	if (bpf_core_field_exists(task->thread.trap_nr))
		r->trap = BPF_CORE_READ(task, thread.trap_nr);
	if (bpf_core_field_exists(data->rseq.ids.cpu_id)) {
		r->has_ids = 1;
		r->cpu_id = BPF_CORE_READ(data, rseq.ids.cpu_id);
		r->mm_cid = BPF_CORE_READ(data, rseq.ids.mm_cid);
		if (bpf_core_field_exists(data->rseq.ids.node_id))
			r->node_id = BPF_CORE_READ(data, rseq.ids.node_id);
	}
	r->task_size = BPF_CORE_READ(task, mm, task_size);
	r->ip = cause_ip(task);
	r->in_syscall = cause_syscall(task) + 1;
}

/* The signal is sent by the thread to itself, on its way back to user space: this is that thread. */
static __always_inline bool signal_is_candidate(__u64 *ctx)
{
	struct kernel_siginfo *info = (void *)ctx[1];

	return (int)ctx[0] == SIGSEGV && (int)ctx[4] != TRACE_SIGNAL_ALREADY_PENDING && ctx[1] > SIGINFO_SPECIAL && ctx[2] == bpf_get_current_task() &&
	       BPF_CORE_READ(info, si_code) == SI_KERNEL;
}

SEC("raw_tp/signal_generate")
int trace_fault(__u64 *ctx)
{
	struct task_record now = {};
	struct trace_counts *c;
	struct trace_fault *r;
	struct ids ids;

	if (!signal_is_candidate(ctx))
		return 0;
	c = own_counts();
	read_task(&now);
	if (!c || !now.area || !current_is_wanted(&ids))
		return 0;
	c->faults++;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		c->lost[TRACE_FAULT]++;
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	head(&r->header, TRACE_FAULT, &ids);
	read_area(r, &now);
	read_kernel_side(r, ids.task);
	r->n_kernel = bpf_get_stack(ctx, r->kernel, sizeof(r->kernel), 0);
	r->area_vma = vma_at(now.area);
	r->descriptor_vma = vma_at(r->rseq_cs);
	mapping_read(r->descriptor[1], &r->mapping);
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* --- what has to be learned before --- */

/* Where we are: numbers of processes are told as they are in the namespace of who reads this once. */
SEC("iter/task")
int trace_learn(struct bpf_iter__task *ctx __attribute__((unused)))
{
	config_learn();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
