/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/process.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "collect/conclude.h"
#include "collect/libc.h"
#include "collect/link_map.h"
#include "collect/lookup.h"
#include "collect/memory_records.h"
#include "collect/objects.h"
#include "collect/reads.h"
#include "collect/sample.h"
#include "collect/sections.h"
#include "collect/task_ptrace.h"
#include "collect/threads.h"
#include "proc/reader.h"
#include "proc/status.h"
#include "rseqctl/rseq_abi.h"
#include "util/array.h"

/* PF_KTHREAD of include/linux/sched.h, in /proc/PID/stat */
#define FLAG_KTHREAD 0x200000

/* A file of hundreds of MiB takes some ten ms; one that takes seconds was made to. */
#define SCAN_BUDGET_MS 10000

/* What looks wrong must still be so after this. */
#define SECOND_LOOK_NS 10000000
/* A thread registers in its first moments, which come late where many wait for a CPU. */
#define YOUNG_NS 300000000

static int refuse(struct refusal *refusal, int err, const char *format, ...) _printf_(3, 4);

static int refuse(struct refusal *refusal, int err, const char *format, ...)
{
	va_list ap;

	refusal->err = err;
	va_start(ap, format);
	vsnprintf(refusal->what, sizeof(refusal->what), format, ap);
	va_end(ap);
	return err;
}

static int gone(struct refusal *refusal)
{
	return refuse(refusal, -ESRCH, "it exited while it was read");
}

/* --- what /proc says --- */

static int read_stat(struct target *t, struct proc_stat *ret, enum target_kind *ret_kind,
		     struct refusal *refusal)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	int r = reader_file(t->reader, "stat", &text);

	if (r == -ESRCH)
		return gone(refusal);
	if (r < 0 || !status_parse_stat((struct span){ strbuf_str(&text), text.len }, ret))
		return refuse(refusal, r < 0 ? r : -EBADMSG, "%s reading stat",
			      strerrorname_np(r < 0 ? -r : EBADMSG));
	t->facts->comm = arena_strndup(&t->facts->arena, ret->comm, ret->comm_len);
	if (ret->flags & FLAG_KTHREAD) {
		*ret_kind = TARGET_KERNEL_THREAD;
		return refuse(refusal, -EINVAL, "is a kernel thread: those have no rseq");
	}
	return 0;
}

static void read_status(struct target *t)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	int r = reader_file(t->reader, "status", &text);
	struct span span = { strbuf_str(&text), text.len };
	uint64_t value;

	if (r < 0) {
		process_unknown(t->facts, "seccomp", "%s reading status", strerrorname_np(-r));
		return;
	}
	if (status_find_u64(span, "Seccomp", &value) && value < 3)
		t->facts->seccomp = (uint32_t)value + SECCOMP_DISABLED;
	t->inner_pid = status_inner_id(span);
	if (status_find_u64(span, "Threads", &value))
		t->threads_in_status = value;
	if (status_find_u64(span, "TracerPid", &value)) {
		t->facts->tracer = (int32_t)value;
		t->facts->has |= PROCESS_TRACER;
	}
}

static void read_auxv(struct target *t)
{
	int r = reader_file(t->reader, "auxv", &t->auxv);

	if (r < 0) {
		process_unknown(t->facts, "auxv", "%s reading auxv", strerrorname_np(-r));
		return;
	}
	/* Its words are those of the program: read as another size it would say nonsense. */
	if (!t->abi) {
		process_unknown(t->facts, "auxv", "the program's architecture is not known");
		return;
	}
	t->facts->auxv = (struct auxv_facts){
		.has = AUXV_READ,
		.rseq_feature_size = target_auxv(t, AUXV_RSEQ_FEATURE_SIZE),
		.rseq_align = target_auxv(t, AUXV_RSEQ_ALIGN),
	};
	t->facts->secure = target_auxv(t, AT_SECURE) != 0;
}

/* A variable as the program was started with: "" when it was not set, NULL when that cannot be told. */
static const char *started_with(struct target *t, struct span env, const char *name)
{
	struct span value;

	if (status_find_env(env, name, &value))
		return arena_strndup(&t->facts->arena, value.p, value.len);
	return status_env_is_intact(env) ? "" : NULL;
}

static void read_environ(struct target *t)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	int r = reader_file(t->reader, "environ", &text);
	struct span env = { strbuf_str(&text), text.len };

	if (r < 0) {
		process_unknown(t->facts, "tunables", "%s reading environ", strerrorname_np(-r));
		return;
	}
	t->facts->tunables = started_with(t, env, "GLIBC_TUNABLES");
	t->facts->ld_preload = started_with(t, env, "LD_PRELOAD");
	t->facts->ld_audit = started_with(t, env, "LD_AUDIT");
	if (!t->facts->tunables)
		process_unknown(t->facts, "tunables", "it has written over its environment");
}

static void read_exe(struct target *t)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	int r = reader_exe(t->reader, &text);

	if (r < 0)
		process_unknown(t->facts, "exe", "%s reading exe", strerrorname_np(-r));
	else
		t->facts->exe = arena_strndup(&t->facts->arena, strbuf_str(&text), text.len);
}

static int read_maps(struct target *t)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	int r = reader_file(t->reader, "maps", &text);

	if (r == 0)
		r = maps_parse((struct span){ strbuf_str(&text), text.len }, &t->facts->arena, &t->maps);
	if (r < 0)
		process_unknown(t->facts, "owner", "%s reading maps", strerrorname_np(-r));
	return r;
}

/* --- memory --- */

static const struct mapping *find_executable(const struct target *t)
{
	for (size_t i = 0; t->facts->exe && i < t->maps.n; i++) {
		const struct mapping *m = &t->maps.items[i];
		size_t len = strlen(m->path);

		/* exe says " (deleted)" too, which the mapping's path here does not */
		if (m->inode && !m->offset && !strncmp(m->path, t->facts->exe, len) &&
		    (!t->facts->exe[len] || !strcmp(t->facts->exe + len, " (deleted)")))
			return m;
	}
	return NULL;
}

/* The program's kind, from the header of its file as it is mapped. */
static void read_arch(struct target *t)
{
	const struct mapping *m = find_executable(t);
	unsigned char ident[20];

	if (!m || reader_memory(t->reader, m->start, ident, sizeof(ident)) < 0 ||
	    memcmp(ident, ELFMAG, SELFMAG)) {
		process_unknown(t->facts, "arch", "the program's ELF header cannot be read");
		return;
	}
	t->abi = arch_abi_find((uint16_t)(ident[18] | ident[19] << 8),
			       ident[EI_CLASS] == ELFCLASS64 ? 8 : 4);
	if (!t->abi) {
		process_unknown(t->facts, "arch", "the program's architecture is not known");
		return;
	}
	t->facts->arch = t->abi->name;
	t->facts->arch_signature = t->abi->signature;
}

static void read_objects(struct target *t)
{
	if (!(t->facts->auxv.has & AUXV_READ) || !t->maps.n)
		return;
	link_map_read(t);
	objects_scan(t);
	/* Each step needs the files that the one before it found. */
	if (link_map_follow(t))
		objects_scan(t);
	if (link_map_read_namespaces(t))
		objects_scan(t);
	if (link_map_add_unlisted(t))
		objects_scan(t);
	link_map_explain(t);
	if (t->list_error == 0 && t->n_namespaces) {
		t->facts->namespaces = t->n_namespaces;
		t->facts->has |= PROCESS_NAMESPACES;
	}
	lookup_prepare(t);
	libc_read(t);
	lookup_read_bound(t);
	objects_describe(t);
}

/* --- the kernel's record --- */

static uint64_t clock_ticks(uint64_t ns)
{
	return ns / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Seconds that our time namespace adds to CLOCK_BOOTTIME, and so to start times in /proc. */
static int64_t boottime_offset_ns(void)
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
	uint64_t ticks = clock_ticks(r->start_boottime + (uint64_t)boottime_offset_ns());

	return ticks == stat->start_ticks;
}

static void take_records(struct target *t, const char *data, size_t len)
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

static int records_by_bpf(struct target *t, const struct process_request *request,
			  const struct proc_stat *stat)
{
	_cleanup_strbuf_ struct strbuf fresh = { 0 };
	const struct strbuf *data = request->snapshot;
	int r = 0;

	if (!data) {
		r = request->records(request->ctx, t->facts->pid, &fresh);
		data = &fresh;
	}
	if (r < 0) {
		process_unknown(t->facts, "threads", "%s reading the BPF task iterator",
				strerrorname_np(-r));
		return 0;
	}
	take_records(t, strbuf_str(data), data->len);
	if (t->n_records && !same_start(&t->records[0], stat))
		return -ESRCH;
	t->from_kernel = t->n_records > 0;
	return 0;
}

/* Stops these threads one after another, all for none; 0 and t->records, or -errno. */
static int stop_threads(struct target *t, const int32_t *tids, size_t n)
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
	take_records(t, reply.data + sizeof(head), reply.len - sizeof(head));
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

static void records_by_ptrace(struct target *t)
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
	r = stop_threads(t, NULL, 0);
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
	records_by_ptrace(t);
}

/* The main thread is in libc's list of threads, for as long as it lives. */
static bool lists_itself(const struct target *t)
{
	for (size_t i = 0; i < t->n_records; i++)
		if (t->records[i].inner_tid == t->inner_pid)
			return true;
	return !t->n_records || !t->inner_pid;
}

static int read_threads(struct target *t, const struct process_request *request,
			const struct proc_stat *stat, struct refusal *refusal)
{
	enum method method = request->method(request->ctx, refusal);
	struct thread_contents *before = NULL;
	int r = 0;

	t->facts->method = method;
	if (method == METHOD_UNKNOWN)
		return refusal->err;
	if (method == METHOD_BPF) {
		r = records_by_bpf(t, request, stat);
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

/* --- the second look --- */

static bool suspicious(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_facts *f = &p->threads[i];

		if (f->worker || f->exiting)
			continue;
		/* Where nobody is registered only what seems to be is strange: a program that just starts. */
		if (!p->threads_registered && !(f->has & THREAD_LIBC_CPU_ID && f->libc_cpu_id >= 0))
			continue;
		if (f->section_state == SECTION_UNMAPPED || f->section_state == SECTION_BROKEN)
			return true;
		if (f->registered != 1 || !(f->has & THREAD_IDS) || !(f->has & THREAD_TP) || f->cpu_id_start != f->cpu_id)
			return true;
		for (size_t k = 0; k < f->n_candidates; k++)
			if (f->candidates[k].has & CANDIDATE_CPU_ID && f->candidates[k].cpu_id < 0)
				return true;
	}
	return false;
}

/* The kernel lists threads in the same order each time: the search goes on where it was. */
static const struct task_record *find_record(const struct target *t, int32_t tid, size_t *hint)
{
	for (size_t i = 0; i < t->n_records; i++) {
		size_t at = (*hint + i) % t->n_records;

		if (t->records[at].tid != tid)
			continue;
		*hint = at + 1;
		return &t->records[at];
	}
	return NULL;
}

/* cpu_id_start with bit 31 set is no number of a CPU: nothing that the kernel could have left half done. */
static bool may_be_torn(const struct thread_facts *f)
{
	return f->has & THREAD_IDS && f->cpu_id_start != f->cpu_id && !(f->cpu_id_start >> 31);
}

/* The kernel writes two fields, one after the other: a difference must be there at two looks. */
static void reread_ids(struct target *t)
{
	struct reads reads = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < t->facts->n_threads; i++)
		if (may_be_torn(&t->facts->threads[i]))
			reads_add(&reads, t->facts->threads[i].area, 8);
	if (reads.n && reads_run(&reads, t->reader) == 0)
		for (size_t i = 0; i < t->facts->n_threads; i++) {
			struct thread_facts *f = &t->facts->threads[i];
			const uint32_t *ids = may_be_torn(f) ? reads_get(&reads, at++) : NULL;

			if (!ids || ids[0] != ids[1])
				continue;
			f->cpu_id_start = ids[0];
			f->cpu_id = ids[1];
		}
	reads_done(&reads);
}

static int32_t *unregistered_tids(const struct process_facts *p, size_t *ret_n)
{
	int32_t *tids = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < p->n_threads && *ret_n < TASK_PTRACE_TIDS_MAX; i++) {
		const struct thread_facts *f = &p->threads[i];
		int32_t *slot = f->registered == 0 && !f->worker && !f->exiting ? ARRAY_ADD(tids, *ret_n) : NULL;

		if (slot)
			*slot = f->tid;
	}
	return tids;
}

static int64_t now_boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* How long to wait, so that no thread is judged for what it could not do yet. */
static long second_look_ns(const struct target *t)
{
	int64_t now = now_boottime_ns(), offset = boottime_offset_ns(), wait = SECOND_LOOK_NS;

	for (size_t i = 0; i < t->facts->n_threads && i < t->n_records; i++) {
		const struct thread_facts *f = &t->facts->threads[i];
		const struct task_record *r = &t->records[i];
		int64_t start = (int64_t)r->thread_start + (r->layout == TASK_LAYOUT_PTRACE ? 0 : offset);

		if (f->registered == 0 && !f->worker && !f->exiting && r->thread_start &&
		    start + YOUNG_NS - now > wait)
			wait = start + YOUNG_NS - now;
	}
	return (long)(wait < YOUNG_NS ? wait : YOUNG_NS);
}

/*
 * Threads come and go between the kernel's record and the reading of memory: what would become a
 * finding is asked for again, and a thread that is not as it was is left out of every rule.
 */
static void look_again(struct target *t, const struct process_request *request)
{
	_cleanup_strbuf_ struct strbuf again = { 0 };
	_cleanup_free_ int32_t *tids = NULL;
	size_t n = 0, hint = 0;

	if (!t->from_kernel || !suspicious(t->facts))
		return;
	nanosleep(&(struct timespec){ .tv_nsec = second_look_ns(t) }, NULL);
	if (t->facts->method == METHOD_PTRACE) {
		tids = unregistered_tids(t->facts, &n);
		if (!n || stop_threads(t, tids, n) < 0)
			return;
	} else {
		if (request->records(request->ctx, t->facts->pid, &again) < 0)
			return;
		take_records(t, strbuf_str(&again), again.len);
		reread_ids(t);
	}
	sections_recheck(t);
	t->facts->has |= PROCESS_SECOND_LOOK;
	for (size_t i = 0; i < t->facts->n_threads; i++) {
		struct thread_facts *f = &t->facts->threads[i];
		const struct task_record *r = find_record(t, f->tid, &hint);

		/* Who was registered is not stopped a second time. */
		if (tids && f->registered != 0)
			continue;
		f->changed = !r || r->area != f->area || r->tp != f->tp ||
			     (r->flags & TASK_EXITING && !f->exiting);
	}
}

/* --- all of it --- */

/* An exec replaces the memory under the same process id: the auxiliary vector tells, by AT_RANDOM. */
static int check_not_replaced(struct target *t)
{
	_cleanup_strbuf_ struct strbuf now = { 0 };
	int r;

	if (!(t->facts->auxv.has & AUXV_READ))
		return reader_alive(t->reader);
	r = reader_file(t->reader, "auxv", &now);
	if (r < 0)
		return r;
	if (now.len != t->auxv.len || memcmp(strbuf_str(&now), strbuf_str(&t->auxv), now.len))
		return -EAGAIN;
	return 0;
}

/* Not an errno: the records were of a moment that is over. */
enum { STALE_SNAPSHOT = 1 };

static bool any_changed(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (p->threads[i].changed)
			return true;
	return false;
}

/* A thread that ran when it was read: at another moment it has its thread pointer. */
static bool lacks_tp(const struct process_facts *p)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (p->threads[i].registered == 1 && !(p->threads[i].has & THREAD_TP) && p->arch &&
		    p->n_objects)
			return true;
	return false;
}

static void target_done(struct target *t)
{
	strbuf_done(&t->auxv);
	maps_done(&t->maps);
	for (size_t i = 0; i < t->n_objects; i++) {
		free(t->objects[i].needs);
		free(t->objects[i].bound);
	}
	free(t->objects);
	free(t->records);
}

static int collect_once(const struct process_request *request, int32_t pid,
			struct process_facts *facts, enum target_kind *ret_kind,
			struct refusal *refusal)
{
	struct target t = {
		.reader = request->reader,
		.images = request->images,
		.scan_budget_ms = SCAN_BUDGET_MS,
		.facts = facts,
	};
	struct proc_stat stat;
	int r;

	*facts = (struct process_facts){ .pid = pid, .secure = -1 };
	*ret_kind = TARGET_PROCESS;
	r = read_stat(&t, &stat, ret_kind, refusal);
	if (r < 0)
		goto out;
	read_status(&t);
	read_exe(&t);
	read_environ(&t);
	if (read_maps(&t) == 0) {
		read_arch(&t);
		read_auxv(&t);
		read_objects(&t);
	}
	r = read_threads(&t, request, &stat, refusal);
	if (t.facts->method == METHOD_UNKNOWN)
		goto out;
	if (r == 0) {
		conclude_process(&t);
		look_again(&t, request);
		if (request->sample_seconds)
			sample_sections(&t, request->sample_seconds);
		r = check_not_replaced(&t);
		if (r == 0 && ((request->snapshot && any_changed(facts)) || lacks_tp(facts) || t.maps_stale))
			r = STALE_SNAPSHOT;
	}
	if (r == -ESRCH)
		gone(refusal);
	else if (r == -EAGAIN || r == STALE_SNAPSHOT)
		refuse(refusal, r, "it became another program while it was read");
	else if (r < 0) {
		/* The helper was ended, at its time limit mostly: what was read before stands. */
		process_unknown(facts, "memory", "%s: reading it %s", strerrorname_np(-r),
				r == -ETIMEDOUT ? "did not come to an end" : "failed");
		r = 0;
	}
out:
	target_done(&t);
	return r;
}

int process_collect(const struct process_request *request, int32_t pid, struct process_facts *ret,
		    enum target_kind *ret_kind, struct refusal *refusal)
{
	struct process_request again = *request;
	int r = -EAGAIN;

	for (int i = 0; (r == -EAGAIN || r == STALE_SNAPSHOT) && i < 3; i++) {
		if (i)
			process_facts_done(ret);
		r = collect_once(&again, pid, ret, ret_kind, refusal);
		again.snapshot = NULL; /* What has changed since is asked for anew. */
	}
	/* Three moments are enough: what is unknown then stays so, and is said. */
	return r == STALE_SNAPSHOT ? 0 : r;
}
