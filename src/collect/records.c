/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/memory_records.h"
#include "collect/task_ptrace.h"
#include "collect/threads.h"
#include "util/array.h"

static uint64_t clock_ticks(uint64_t ns)
{
	return ns / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

int64_t records_boottime_offset_ns(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/timens_offsets", "re");
	long long s = 0, ns = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "boottime %lld %lld", &s, &ns) == 2 || sscanf(line, "7 %lld %lld", &s, &ns) == 2)
			return s * 1000000000 + ns;
	return 0;
}

/* Whether the record is of the process that the reader holds: the same start, not only the same id. */
static bool same_start(const struct task_record *r, const struct proc_stat *stat)
{
	uint64_t ticks = clock_ticks(r->start_boottime + (uint64_t)records_boottime_offset_ns());

	return ticks == stat->start_ticks;
}

static void take(struct target *t, const char *data, size_t len)
{
	free(t->records);
	t->records = NULL;
	t->n_records = 0;
	for (size_t i = 0; len - i >= sizeof(struct task_record) && i < len; i += sizeof(struct task_record)) {
		struct task_record r, *slot;

		memcpy(&r, data + i, sizeof(r));
		if (r.size != sizeof(r) || r.tgid != t->facts->pid)
			continue;
		slot = ARRAY_ADD(t->records, t->n_records);
		if (!slot)
			return;
		*slot = r;
	}
}

int records_ask(struct target *t, const struct records_source *source)
{
	_cleanup_strbuf_ struct strbuf fresh = { 0 };
	int r = source->ask(source->ctx, t->facts->pid, &fresh);

	if (r < 0)
		return r;
	take(t, strbuf_str(&fresh), fresh.len);
	return 0;
}

static int read_by_bpf(struct target *t, const struct records_source *source, const struct proc_stat *stat)
{
	int r = 0;

	if (source->snapshot)
		take(t, strbuf_str(source->snapshot), source->snapshot->len);
	else
		r = records_ask(t, source);
	if (r < 0) {
		process_unknown(t->facts, "threads", "%s reading the BPF task iterator",
				strerrorname_np(-r));
		return 0;
	}
	if (t->n_records && !same_start(&t->records[0], stat))
		return -ESRCH;
	t->from_kernel = t->n_records > 0;
	return 0;
}

int records_stop(struct target *t, const int32_t *tids, size_t n)
{
	struct service_request request = { TASK_PTRACE_READ, tids, n * sizeof(*tids) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	struct ptrace_reply head;
	int r = service_call(t->reader, &request, &reply, NULL);

	if (r < 0)
		return r;
	if (reply.len < sizeof(head))
		return -EPIPE;
	memcpy(&head, reply.data, sizeof(head));
	take(t, reply.data + sizeof(head), reply.len - sizeof(head));
	if (head.max_stop_ns > t->facts->max_stop_ns)
		t->facts->max_stop_ns = head.max_stop_ns;
	if (head.max_stop_ns)
		t->facts->has |= PROCESS_STOP;
	return 0;
}

/* A thread that did not stop has told nothing: what its libc says of it stands. */
static void keep_tps(struct target *t, const struct task_record *before, size_t n)
{
	for (size_t i = 0; i < t->n_records; i++)
		for (size_t k = 0; !(t->records[i].flags & TASK_HAS_TP) && k < n; k++) {
			if (before[k].inner_tid != t->records[i].inner_tid)
				continue;
			t->records[i].tp = before[k].tp;
			t->records[i].flags |= TASK_HAS_TP | (t->abi->word == 4 ? TASK_COMPAT : 0);
		}
}

static void read_by_ptrace(struct target *t)
{
	_cleanup_free_ struct task_record *before = NULL;
	size_t n_before = t->n_records;
	int r;

	if (t->facts->tracer) {
		process_unknown(t->facts, "threads", "it is traced by process %d: ptrace is taken",
				t->facts->tracer);
		t->facts->method = METHOD_NONE;
		return;
	}
	before = t->records;
	t->records = NULL;
	t->n_records = 0;
	r = records_stop(t, NULL, 0);
	if (r < 0)
		process_unknown(t->facts, "threads", "%s stopping its threads", strerrorname_np(-r));
	if (r < 0 && !t->n_records) {
		t->records = before;
		t->n_records = n_before;
		before = NULL;
	}
	keep_tps(t, before, before ? n_before : 0);
	/* A worker is known without asking; the kernel has answered if it answered for another thread. */
	for (size_t i = 0; r == 0 && i < t->n_records; i++)
		t->from_kernel |= (t->records[i].flags & (TASK_HAS_AREA | TASK_WORKER)) == TASK_HAS_AREA;
	if (!t->from_kernel)
		t->facts->method = METHOD_NONE;
}

static void explain_no_kernel(struct target *t, const char *why_no_list)
{
	if (why_no_list)
		process_unknown(t->facts, "threads", "%s", why_no_list);
	process_unknown(t->facts, "threads[].area",
			"the kernel was not asked: bpf (as root) knows, and so does --method ptrace, "
			"which stops each thread for a moment");
	if (t->n_records && t->n_records != t->threads_in_status)
		process_unknown(t->facts, "threads",
				"of %lu threads libc lists %zu: nothing is known of the others",
				(unsigned long)t->threads_in_status, t->n_records);
}

/* What a stop would change is read before it, where libc lists the threads. */
static void read_stopped(struct target *t, struct thread_contents **ret_before)
{
	if (t->n_records)
		*ret_before = thread_contents_read(t);
	else
		process_unknown(t->facts, "threads[].rseq_cs",
				"it and the ids are as the stop left them: where the areas are was not known before");
	read_by_ptrace(t);
}

/* The main thread is in libc's list of threads, for as long as it lives. */
static bool lists_itself(const struct target *t)
{
	for (size_t i = 0; i < t->n_records; i++)
		if (t->records[i].inner_tid == t->inner_pid)
			return true;
	return !t->n_records || !t->inner_pid;
}

int records_read(struct target *t, const struct records_source *source, const struct proc_stat *stat,
		 struct refusal *refusal)
{
	enum method method = source->method(source->ctx, refusal);
	struct thread_contents *before = NULL;
	int r = 0;

	t->facts->method = method;
	if (method == METHOD_UNKNOWN)
		return refusal->err;
	if (method == METHOD_BPF) {
		r = read_by_bpf(t, source, stat);
	} else {
		const char *why_no_list = memory_records_read(t);

		if (!why_no_list && stat->state != 'Z' && !lists_itself(t)) {
			why_no_list = "it shares its memory with another process (vfork), whose threads those are";
			t->n_records = 0;
		}
		if (method == METHOD_PTRACE)
			read_stopped(t, &before);
		else
			explain_no_kernel(t, why_no_list);
	}
	if (r == 0)
		threads_describe(t, before);
	thread_contents_free(before);
	return r;
}
