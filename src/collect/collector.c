/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/collector.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "collect/host.h"
#include "collect/images.h"
#include "collect/kernel_class.h"
#include "collect/process.h"
#include "collect/scan.h"
#include "collect/task_iter.h"
#include "collect/task_ptrace.h"
#include "model/host.h"
#include "proc/privileges.h"
#include "proc/reader.h"
#include "proc/service.h"
#include "rseqctl/task_record.h"
#include "util/array.h"
#include "util/parse.h"

enum { KIND_READER, KIND_KERNEL, KINDS };

struct collector {
	struct service nursery, kernel;
	struct service_kind kinds[KINDS];
	struct service_op reader_operations[READER_OPS + 2];
	struct images *images;
	struct host_facts host;
	struct arena arena; /* strings of host */
	enum method wish, method; /* method: METHOD_UNKNOWN until it is known whether BPF works */
	struct refusal no_bpf;
	bool has_snapshot, asked_class;
	struct strbuf snapshot; /* of collector_list */
	unsigned int sample_seconds;
};

/* --- the machine --- */

static void host_unknown(struct collector *c, const char *what, const char *why)
{
	struct unknown *u = ARRAY_ADD(c->host.unknown, c->host.n_unknown);

	if (!u)
		return;
	u->what = what;
	u->why = arena_strdup(&c->arena, why);
}

static void read_class(struct collector *c)
{
	const char *why;

	c->host.rseq_class = kernel_class_read(&why);
	if (!c->host.rseq_class)
		host_unknown(c, "rseq_class", why);
}

/* --- the kernel's records --- */

static int read_records(void *ctx, int32_t pid, struct strbuf *out)
{
	struct collector *c = ctx;
	struct service_request request = { TASK_ITER_READ, &pid, sizeof(pid) };
	struct task_record first;
	int r = service_call(&c->kernel, &request, out, NULL);

	if (r == 0 && out->len >= sizeof(first)) {
		memcpy(&first, out->data, sizeof(first));
		c->host.rseq_class = host_class(first.layout);
	}
	return r;
}

static enum method settle(struct collector *c, const struct service_status *status)
{
	if (!status->err)
		return METHOD_BPF;
	c->no_bpf.err = status->err;
	snprintf(c->no_bpf.what, sizeof(c->no_bpf.what), "%s", status->what);
	if (c->wish == METHOD_BPF)
		return METHOD_UNKNOWN;
	host_unknown(c, "method", status->what);
	return METHOD_NONE;
}

static enum method choose_method(void *ctx, struct refusal *refusal)
{
	struct collector *c = ctx;
	struct service_status status;

	if (!c->method && !c->no_bpf.err) {
		(void)!service_await(&c->kernel, &status);
		c->method = settle(c, &status);
	}
	if (!c->method)
		*refusal = c->no_bpf;
	return c->method;
}

/* --- life --- */

static void prepare_kinds(struct collector *c, bool verbose)
{
	memcpy(c->reader_operations, reader_ops, READER_OPS * sizeof(*reader_ops));
	c->reader_operations[READER_OPS] = (struct service_op){ TASK_PTRACE_READ, TASK_PTRACE_LIMIT_MS,
								task_ptrace_handle };
	c->reader_operations[READER_OPS + 1] = (struct service_op){ SCAN_FILE, SCAN_LIMIT_MS, scan_handle };
	c->kinds[KIND_READER] = (struct service_kind){
		.ops = c->reader_operations,
		.n_ops = READER_OPS + 2,
		.setup = reader_setup,
		.setup_limit_ms = READER_SETUP_LIMIT_MS,
	};
	c->kinds[KIND_KERNEL] = task_iter_kind;
	c->kinds[KIND_KERNEL].talks = verbose;
}

static int start(struct collector *c, enum method wish, bool verbose, struct refusal *refusal)
{
	char talk = verbose;
	int r;

	signal(SIGCHLD, SIG_IGN);
	prepare_kinds(c, verbose);
	refusal->err = r = nursery_start(c->kinds, KINDS, &c->nursery);
	if (r == 0)
		refusal->err = r = privileges_drop();
	snprintf(refusal->what, sizeof(refusal->what), "cannot start the helper processes");
	if (r < 0)
		return r;
	c->images = images_new();
	if (!c->images)
		return refusal->err = -ENOMEM;
	host_read(&c->host);
	c->wish = wish;
	if (wish == METHOD_PTRACE || wish == METHOD_NONE)
		c->method = wish;
	else
		r = nursery_spawn(&c->nursery, c->kinds, KIND_KERNEL, &talk, 1, &c->kernel);
	return refusal->err = r;
}

int collector_new(enum method method, bool verbose, struct collector **ret, struct refusal *refusal)
{
	struct collector *c = calloc(1, sizeof(*c));
	int r;

	*refusal = (struct refusal){ 0 };
	if (!c)
		return refusal->err = -ENOMEM;
	c->nursery = c->kernel = SERVICE_NONE;
	r = start(c, method, verbose, refusal);
	if (r < 0) {
		collector_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void collector_free(struct collector *c)
{
	if (!c)
		return;
	service_stop(&c->kernel);
	service_stop(&c->nursery);
	images_free(c->images);
	services_reap();
	free(c->host.unknown);
	arena_done(&c->arena);
	strbuf_done(&c->snapshot);
	free(c);
}

const struct host_facts *collector_host(struct collector *c)
{
	_cleanup_strbuf_ struct strbuf own = { 0 };
	struct refusal unused;

	if (c->host.rseq_class || c->asked_class)
		return &c->host;
	c->asked_class = true;
	/* Any record tells the class, also our own; without BPF the kernel's types do. */
	if (choose_method(c, &unused) != METHOD_BPF || read_records(c, getpid(), &own) < 0)
		read_class(c);
	return &c->host;
}

void collector_sample(struct collector *c, unsigned int seconds)
{
	c->sample_seconds = seconds;
}

/* --- processes --- */

int collector_process(struct collector *c, int32_t pid, struct process_facts *ret,
		      enum target_kind *ret_kind, struct refusal *refusal)
{
	struct reader_arg arg = { .pid = pid };
	struct service reader;
	struct service_status status = { 0 };
	struct process_request request = {
		.reader = &reader,
		.images = c->images,
		.source = {
			.method = choose_method,
			.ask = read_records,
			.snapshot = c->has_snapshot ? &c->snapshot : NULL,
			.ctx = c,
		},
		.sample_seconds = c->sample_seconds,
	};
	int r;

	*ret = (struct process_facts){ .pid = pid };
	*ret_kind = TARGET_PROCESS;
	r = nursery_spawn(&c->nursery, c->kinds, KIND_READER, &arg, sizeof(arg), &reader);
	if (r < 0) {
		r = -ECANCELED;
		snprintf(status.what, sizeof(status.what), "no helper process could be started");
	} else
		r = service_await(&reader, &status);
	if (r < 0) {
		*ret_kind = r == READER_IS_ZOMBIE ? TARGET_ZOMBIE : TARGET_PROCESS;
		refusal->err = r;
		snprintf(refusal->what, sizeof(refusal->what), "%s", status.what);
		return r;
	}
	r = process_collect(&request, pid, ret, ret_kind, refusal);
	service_stop(&reader);
	return r;
}

static bool is_our_own(const struct collector *c, int32_t pid)
{
	return pid == getpid() || pid == c->nursery.pid || pid == c->kernel.pid;
}

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

/* With hidepid a process is in the kernel's records and not in /proc: both are asked. */
static int list_records(struct collector *c, int32_t **list, size_t *n)
{
	int r;

	strbuf_clear(&c->snapshot);
	r = read_records(c, 0, &c->snapshot);
	if (r < 0)
		return r;
	c->has_snapshot = true;
	for (size_t i = 0; c->snapshot.len - i >= sizeof(struct task_record); i += sizeof(struct task_record)) {
		struct task_record record;
		int32_t *slot;

		memcpy(&record, c->snapshot.data + i, sizeof(record));
		if (record.tid != record.tgid)
			continue;
		slot = ARRAY_ADD(*list, *n);
		if (slot)
			*slot = record.tgid;
	}
	return 0;
}

static int list_proc(int32_t **list, size_t *n)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		int32_t *slot;
		uint64_t pid;

		if (!parse_str_u64(e->d_name, 10, &pid))
			continue;
		slot = ARRAY_ADD(*list, *n);
		if (slot)
			*slot = (int32_t)pid;
	}
	closedir(dir);
	return 0;
}

int collector_list(struct collector *c, int32_t **ret, size_t *ret_n, struct refusal *refusal)
{
	int32_t *list = NULL;
	size_t n = 0, kept = 0;
	int r;

	if (!choose_method(c, refusal))
		return refusal->err;
	r = list_proc(&list, &n);
	if (r == 0 && c->method == METHOD_BPF)
		r = list_records(c, &list, &n);
	if (r < 0) {
		refusal->err = r;
		snprintf(refusal->what, sizeof(refusal->what), "%s listing the processes",
			 strerrorname_np(-r));
		free(list);
		return r;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_number);
	for (size_t i = 0; i < n; i++)
		if (!is_our_own(c, list[i]) && (!kept || list[kept - 1] != list[i]))
			list[kept++] = list[i];
	*ret = list;
	*ret_n = kept;
	return 0;
}

void collector_files(const struct collector *c, size_t *ret_wanted, size_t *ret_decoded)
{
	struct images_counts counts = images_count(c->images);

	*ret_wanted = counts.wanted;
	*ret_decoded = counts.decoded;
}

bool collector_comm(struct collector *c, int32_t pid, char ret[17])
{
	_cleanup_fclose_ FILE *f = NULL;
	char name[40];
	size_t n;

	(void)c;
	snprintf(name, sizeof(name), "/proc/%d/comm", pid);
	f = fopen(name, "re");
	if (!f)
		return false;
	n = fread(ret, 1, 16, f);
	if (n && ret[n - 1] == '\n')
		n--;
	ret[n] = '\0';
	return n > 0;
}
