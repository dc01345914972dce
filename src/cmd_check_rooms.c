/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_check_rooms.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd_counter.h"
#include "collect/task_iter.h"
#include "collect/task_ptrace.h"
#include "critical/registration.h"
#include "probe/thread.h"
#include "proc/reader.h"
#include "rseqctl/task_record.h"
#include "stress/stress.h"

/* --- half a second of stress --- */

enum { THREADS_PER_CPU = 4, MIN_ABORTS = 10, STRESS_MS = 500, TRACED_MS = 200 };

static uint32_t permitted_disturbers(const struct stress_options *plan)
{
	const struct stress_choice *d;
	const char *why;
	uint32_t bits = 0;

	for (size_t i = 0; (d = stress_disturber(i)); i++)
		if (d->by_default && stress_disturber_possible(i, plan, &why) == 0)
			bits |= 1u << i;
	return bits;
}

static int find_fault(const char *name, size_t workload)
{
	const struct stress_choice *f;

	for (size_t i = 0; name && (f = stress_fault(i)); i++)
		if (!strcmp(f->name, name) && stress_fault_applies(i, workload))
			return (int)i;
	return -1;
}

static int make_plan(struct stress_options *ret, unsigned int ms)
{
	uint32_t seed = 1;

	*ret = (struct stress_options){
		.duration_ns = ms * UINT64_C(1000000),
		.min_aborts = MIN_ABORTS,
		.fault = -1,
		.own_registration = !registration_libc_area(),
		.length = registration_usual_length(),
	};
	if (sched_getaffinity(0, sizeof(ret->cpus), &ret->cpus) < 0)
		return -errno;
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	ret->seed = seed;
	ret->threads = THREADS_PER_CPU * (uint32_t)CPU_COUNT(&ret->cpus);
	ret->disturb = permitted_disturbers(ret);
	return 0;
}

/* Of several, the first says the most. */
static const struct invariant_facts *add_invariants(struct probe_run *r, const struct stress_result *result)
{
	const struct invariant_facts *broken = NULL;

	for (size_t i = 0; i < result->n_invariants; i++) {
		const struct invariant_facts *f = &result->invariants[i];

		probe_row(r, f->ok, "holds", f->ok < 0 ? "untried" : f->ok ? "holds" : "broken", "%s", f->title);
		broken = broken || f->ok ? broken : f;
	}
	return broken;
}

static void judge_stress(struct probe_run *r, const struct stress_result *result, uint64_t seed)
{
	const struct invariant_facts *broken = add_invariants(r, result);

	if (result->verdict == VERDICT_NOT_APPLICABLE)
		probe_skip(r, "%s", result->why);
	else if (broken)
		probe_fail(r, "seed %" PRIu64 ", %" PRIu64 " operations, %" PRIu64 " aborts: %s", seed, result->operations,
			   result->aborts, broken->detail ? broken->detail : broken->title);
	else if (result->verdict == VERDICT_PASS)
		probe_pass(r, "seed %" PRIu64 ": %" PRIu64 " operations, %" PRIu64 " aborts", seed, result->operations,
			   result->aborts);
	else
		probe_unknown(r, "%s; seed %" PRIu64, result->why, seed);
}

void check_stress(struct probe_run *r)
{
	const struct check_data *data = r->options->data;
	struct arena arena = { 0 };
	struct stress_options plan;
	struct stress_result result;
	const char *why = "";
	int e = make_plan(&plan, STRESS_MS);

	if (!critical_is_supported()) {
		probe_skip(r, "there are no critical sections for this architecture");
		return;
	}
	plan.fault = find_fault(data->fault, data->workload);
	if (e == 0)
		e = stress_run(&plan, data->workload, NULL, NULL, &arena, &result, &why);
	if (e < 0)
		probe_unknown(r, "it could not be run: %s: %s", why, strerror(-e));
	else
		judge_stress(r, &result, plan.seed);
	arena_done(&arena);
}

/* --- what BPF needs --- */

static bool file_has(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char content[256] = "";

	return f && fgets(content, sizeof(content), f) && strstr(content, text);
}

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

/* Capabilities of another user namespace than the first do not count for BPF. Without /proc nobody can tell. */
static bool in_first_user_namespace(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned long inside, outside, count;

	return !f || (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3 && count == UINT32_MAX);
}

/* Says that and why it may not be used here; true then. */
static bool skip_without_bpf(struct probe_run *r)
{
	uint64_t have = effective_capabilities();
	bool bpf = have >> CAP_BPF & 1, perfmon = have >> CAP_PERFMON & 1, admin = have >> CAP_SYS_ADMIN & 1;

	if (!admin && (!bpf || !perfmon))
		probe_skip(r, "it needs root, or the capabilities bpf and perfmon: this process does not have %s%s%s",
			   bpf ? "" : "bpf", !bpf && !perfmon ? " and " : "", perfmon ? "" : "perfmon");
	else if (!in_first_user_namespace())
		probe_skip(r, "the capabilities of this process count in its user namespace alone, as in a rootless container");
	else if (file_has("/sys/kernel/security/lockdown", "[confidentiality]"))
		probe_skip(r, "the kernel is locked down (confidentiality) and lets nobody read its memory");
	else
		return false;
	return true;
}

/* What is not there, or not now, cannot be wrong; all else was permitted, and is refused. */
static void refused(struct probe_run *r, int e, const char *why)
{
	if (e == -ETIMEDOUT || e == -EAGAIN || e == -ENOMEM || e == -EMFILE || e == -ENFILE)
		probe_unknown(r, "%s: %s", why, strerror(-e));
	else if (e == -EOPNOTSUPP || e == -ENOENT || access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		probe_skip(r, "%s", why);
	else
		probe_fail(r, "permitted, and yet refused: %s", why);
}

/* --- tracepoints: the kernel's count against the workers' own --- */

/* A counter, and what it said. */
struct witness {
	struct abort_counter counter;
	int err;
	char why[256];
	bool missed; /* the kernel said so of what it traced */
};

static int start_witness(void *data, pid_t pid, const char **ret_why)
{
	struct witness *w = data;

	w->err = w->counter.start(w->counter.data, pid, ret_why);
	if (w->err < 0)
		snprintf(w->why, sizeof(w->why), "%s", *ret_why);
	return w->err;
}

static int stop_witness(void *data, struct abort_counts *ret, const char **ret_why)
{
	struct witness *w = data;
	int e = w->counter.stop(w->counter.data, ret, ret_why);

	w->missed = e == -EOVERFLOW;
	if (e < 0)
		snprintf(w->why, sizeof(w->why), "%s", *ret_why);
	return e;
}

static void judge_count(struct probe_run *r, const struct witness *w, const struct stress_result *result)
{
	char own[24], kernel[24];

	if (w->err < 0) {
		refused(r, w->err, w->why);
		return;
	}
	if (!(result->has & STRESS_KERNEL_ABORTS) || result->verdict != VERDICT_PASS) {
		probe_unknown(r, "there is nothing to compare with: %s", w->why[0] ? w->why : result->why ? result->why :
			      "the workers failed");
		return;
	}
	snprintf(own, sizeof(own), "%" PRIu64, result->aborts);
	snprintf(kernel, sizeof(kernel), "%" PRIu64, result->kernel.total);
	probe_row(r, result->kernel.total == result->aborts, own, kernel, "aborts of one thread");
	probe_pass(r, "%s aborts, as their thread counted them", kernel);
}

static void run_tracepoints(struct probe_run *r)
{
	struct counter counter = COUNTER_NONE;
	struct witness witness = { .counter = counter_of(&counter), .err = -EIO };
	const struct abort_counter asked = { start_witness, stop_witness, &witness };
	uint64_t end = probe_now() + r->options->limit_ns / 2;
	struct arena arena = { 0 };
	struct stress_options plan;
	struct stress_result result;
	const char *why = "";
	int e;

	if (skip_without_bpf(r))
		return;
	e = make_plan(&plan, TRACED_MS);
	plan.counter = &asked;
	plan.min_aborts = 1;
	/* From 7.0 on a program at a tracepoint can be preempted, and what another thread does meanwhile is missed. */
	plan.threads = 1;
	/* What was missed once, where others got in between, is not missed each time. */
	do {
		witness.missed = false;
		e = e == 0 ? stress_run(&plan, 0, NULL, NULL, &arena, &result, &why) : e;
	} while (e == 0 && witness.missed && probe_now() < end);
	if (e < 0)
		probe_unknown(r, "there is nothing to trace: %s: %s", why, strerror(-e));
	else
		judge_count(r, &witness, &result);
	counter_done(&counter);
	arena_done(&arena);
}

const struct probe check_tracepoints = {
	.id = "tracepoints",
	.title = "the kernel's tracepoints count aborts as their thread does",
	.run = run_tracepoints,
};

/* --- the kernel's record of a thread --- */

static const struct task_record *find_record(const struct strbuf *reply, size_t skip, pid_t tid, struct task_record *ret)
{
	for (size_t at = skip; at + sizeof(*ret) <= reply->len; at += sizeof(*ret)) {
		memcpy(ret, reply->data + at, sizeof(*ret));
		if (ret->tid == tid)
			return ret;
	}
	return NULL;
}

static void compare(struct probe_run *r, const char *what, uint64_t expected, uint64_t seen)
{
	char words[2][24];

	snprintf(words[0], sizeof(words[0]), "0x%" PRIx64, expected);
	snprintf(words[1], sizeof(words[1]), "0x%" PRIx64, seen);
	probe_row(r, expected == seen, words[0], words[1], "%s of the registration", what);
}

static void judge_record(struct probe_run *r, const struct task_record *record, const struct probe_thread *t)
{
	if (!record) {
		probe_fail(r, "the thread has no record");
		return;
	}
	compare(r, "area", (uintptr_t)&t->area, record->area);
	compare(r, "length", RSEQ_ORIGINAL_LENGTH, record->length);
	compare(r, "signature", critical_signature(), record->signature);
	probe_pass(r, NULL);
}

static void run_iterator(struct probe_run *r)
{
	static struct probe_thread thread;
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	struct service_status status = { 0 };
	struct task_record record;
	int32_t pid = getpid();
	struct service_request request = { TASK_ITER_READ, &pid, sizeof(pid) };
	struct service service;
	int e;

	if (skip_without_bpf(r))
		return;
	e = service_start(&task_iter_kind, "", 1, &service, &status);
	if (e < 0) {
		refused(r, e, status.what[0] ? status.what : strerror(-e));
		return;
	}
	e = probe_thread_register(r, &thread, PROMISE_ORIGINAL);
	if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(&thread);
	if (e < 0)
		probe_unknown(r, "this thread cannot be registered: %s", strerror(-e));
	else if ((e = service_call(&service, &request, &reply, NULL)) < 0)
		refused(r, e, "the records cannot be read");
	else
		judge_record(r, find_record(&reply, 0, pid, &record), &thread);
	service_stop(&service);
}

const struct probe check_iterator = {
	.id = "iterator",
	.title = "a BPF task iterator shows the kernel's record of a thread",
	.run = run_iterator,
};

/* A child of ours, registered, that waits to be killed; -1 when it could not be. */
static pid_t start_tracee(struct probe_run *r, struct probe_thread *thread)
{
	int ready[2];
	char c = 1;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = probe_fork();
	if (pid == 0) {
		c = probe_thread_register(r, thread, PROMISE_ORIGINAL) < 0;
		if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
			probe_thread_unregister(thread);
		(void)!write(ready[1], &c, 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &c, 1) != 1 || c)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void skip_ptrace(struct probe_run *r)
{
	char scope = '0';
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");

	if (f)
		scope = (char)fgetc(f);
	if (scope >= '2')
		probe_skip(r, "it is not permitted: kernel.yama.ptrace_scope is %c", scope);
	else
		probe_skip(r, "it is not permitted (EPERM), not even for a child: by a seccomp filter or a security module");
}

static void judge_tracee(struct probe_run *r, const struct task_record *record, const struct probe_thread *thread)
{
	if (record && (record->error == -EPERM || record->error == -EACCES))
		skip_ptrace(r);
	else if (record && record->error == -EIO)
		probe_skip(r, "this kernel has no PTRACE_GET_RSEQ_CONFIGURATION: it came with 5.13");
	else if (record && record->error == -ETIMEDOUT)
		probe_unknown(r, "the thread did not stop in time");
	else if (record && record->error == -ENOSYS)
		probe_skip(r, "ptrace() is denied (ENOSYS), as by a seccomp filter");
	else if (record && record->error < 0)
		probe_fail(r, "the thread's record cannot be read: %s", strerror(-record->error));
	else
		judge_record(r, record, thread);
}

static void run_ptrace(struct probe_run *r)
{
	static struct probe_thread thread;
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	struct reader_child child = { .pidfd = -1, .mm = -1 };
	struct service_request request = { .op = TASK_PTRACE_READ };
	struct task_record record;
	char path[32];
	int e;

	child.pid = start_tracee(r, &thread);
	if (child.pid < 0) {
		probe_unknown(r, "a child process cannot be registered");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d", (int)child.pid);
	child.proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (child.proc < 0) {
		probe_skip(r, "the child cannot be found in /proc: %s", strerror(errno));
		return;
	}
	e = task_ptrace_handle(&child, &request, &reply, NULL);
	if (e < 0)
		probe_fail(r, "the child cannot be looked at: %s", strerror(-e));
	else
		judge_tracee(r, find_record(&reply, sizeof(struct ptrace_reply), child.pid, &record), &thread);
}

const struct probe check_ptrace = {
	.id = "ptrace",
	.title = "ptrace shows the kernel's record of a child's thread",
	.run = run_ptrace,
};
