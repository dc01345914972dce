/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/process.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "collect/conclude.h"
#include "collect/libc.h"
#include "collect/link_map.h"
#include "collect/lookup.h"
#include "collect/objects.h"
#include "collect/sample.h"
#include "collect/second_look.h"
#include "proc/reader.h"
#include "proc/status.h"
#include "rseqctl/rseq_abi.h"

/* PF_KTHREAD of include/linux/sched.h, in /proc/PID/stat */
#define FLAG_KTHREAD 0x200000

/* A file of hundreds of MiB takes some ten ms; one that takes seconds was made to. */
#define SCAN_BUDGET_MS 10000

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

/* Before the mappings: from here on an exec is noticed, also one that is in the middle (check_not_replaced). */
static void read_auxv(struct target *t)
{
	t->auxv_error = reader_file(t->reader, "auxv", &t->auxv);
	if (t->auxv_error < 0)
		process_unknown(t->facts, "auxv", "%s reading auxv", strerrorname_np(-t->auxv_error));
}

static void decode_auxv(struct target *t)
{
	if (t->auxv_error < 0)
		return;
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

/* --- all of it --- */

/* An exec replaces the memory under the same process id: the auxiliary vector tells, by AT_RANDOM. */
static int check_not_replaced(struct target *t)
{
	_cleanup_strbuf_ struct strbuf now = { 0 };
	int r;

	if (t->auxv_error < 0)
		return reader_alive(t->reader);
	r = reader_file(t->reader, "auxv", &now);
	if (r < 0)
		return r;
	if (now.len != t->auxv.len || memcmp(strbuf_str(&now), strbuf_str(&t->auxv), now.len))
		return -EAGAIN;
	/* Of one that has just ended it is empty. */
	return now.len ? 0 : reader_alive(t->reader);
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

/*
 * The dynamic linker is at work, and nobody is registered: mostly a program that just starts, whose libc has not
 * come to it yet. Its __rseq_size is 0 until then, which says nothing.
 */
static bool is_starting(struct target *t)
{
	if (t->list_error != -EAGAIN || t->facts->threads_registered || !(t->facts->libc.has & LIBC_SIZE))
		return false;
	t->facts->libc.has &= ~LIBC_SIZE;
	process_unknown(t->facts, "libc.rseq_size", "the dynamic linker has not finished its list: libc may not have tried yet");
	return true;
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
	read_auxv(&t);
	if (read_maps(&t) == 0) {
		read_arch(&t);
		decode_auxv(&t);
		read_objects(&t);
	}
	r = records_read(&t, &request->source, &stat, refusal);
	if (t.facts->method == METHOD_UNKNOWN)
		goto out;
	if (r == 0) {
		conclude_process(&t);
		second_look(&t, &request->source);
		if (request->sample_seconds)
			sample_sections(&t, request->sample_seconds);
		r = check_not_replaced(&t);
		if (r == 0 && (is_starting(&t) || (request->source.snapshot && any_changed(facts)) || lacks_tp(facts) ||
			       t.maps_stale))
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
		again.source.snapshot = NULL; /* What has changed since is asked for anew. */
	}
	/* Three moments are enough: what is unknown then stays so, and is said. */
	return r == STALE_SNAPSHOT ? 0 : r;
}
