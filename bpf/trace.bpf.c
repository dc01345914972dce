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
#include "trace_abort.bpf.h"
#include "trace_call.bpf.h"
#include "trace_cause.bpf.h"
#include "trace_config.bpf.h"
#include "trace_fault.bpf.h"
#include "trace_gone.bpf.h"

SEC("raw_tp/rseq_ip_fixup")
int trace_abort(__u64 *ctx)
{
	return abort_happens(ctx);
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

/* Before the kernel forgets the registration (rseq_execve). */
SEC("raw_tp/sched_process_exec")
int trace_exec(void *ctx __attribute__((unused)))
{
	gone_end(TRACE_GONE_EXEC);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int trace_exit(void *ctx __attribute__((unused)))
{
	return gone_exit();
}

SEC("raw_tp/sched_process_fork")
int trace_fork(__u64 *ctx)
{
	target_follow((struct task_struct *)ctx[0], (struct task_struct *)ctx[1]);
	return 0;
}

SEC("raw_tp/signal_generate")
int trace_fault(__u64 *ctx)
{
	return fault_happens(ctx);
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
