/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "trace.skel.h"
#include "trace_old.skel.h"
#pragma GCC diagnostic pop
#include "trace/kernel_symbols.h"
#include "util/array.h"
#include "util/strbuf.h"

enum {
	RING_EVENTS = 8 << 20, /* a second of 60,000 aborts */
	RING_RARE = 1 << 20,
	POLL_REPLY_MAX = 1 << 20,
	/* Per-CPU maps of large machines: what all sections together may take. */
	SECTIONS_BYTES = 32 << 20,
	SECTIONS_MIN = 256,
	SECTIONS_MAX = 4096,
	STACKS = 16384,
};

struct kernel {
	struct trace_bpf *skel;
	struct ring_buffer *ring;
	struct kernel_symbols symbols;
	struct trace_config config;
	struct trace_loaded loaded;
	struct strbuf *reply; /* while polling */
	uint64_t missed_single; /* system calls that were missed before the second programs stood by */
	int n_cpus;
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

static void refuse(struct kernel *k, int err, const char *format, ...) _printf_(3, 4);

static void refuse(struct kernel *k, int err, const char *format, ...)
{
	va_list ap;

	k->loaded.err = err;
	va_start(ap, format);
	vsnprintf(k->loaded.why, sizeof(k->loaded.why), format, ap);
	va_end(ap);
}

static void note(struct kernel *k, const char *text)
{
	if (k->loaded.n_notes < TRACE_NOTES_MAX)
		snprintf(k->loaded.notes[k->loaded.n_notes++], TRACE_NOTE, "%s", text);
}

/* --- what is there --- */

static bool file_says(const char *path, const char *text)
{
	char content[128] = "";
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	return f && fgets(content, sizeof(content), f) && strstr(content, text);
}

static void learn_symbols(struct kernel *k)
{
	_cleanup_fclose_ FILE *f = NULL;

	if (!k->config.faults && !(k->config.aborts && k->config.cause))
		return;
	f = fopen("/proc/kallsyms", "re");
	if (f)
		kernel_symbols_read(f, &k->symbols);
	k->loaded.debug = k->symbols.debug_rseq || file_says("/sys/kernel/debug/rseq/debug", "1");
}

/* --- what is asked for, before loading --- */

static uint32_t ring_size(const struct trace_config *c)
{
	uint64_t size = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!c->buffer_kib)
		return c->events ? RING_EVENTS : RING_RARE;
	/* The kernel takes powers of two. */
	while (size < (uint64_t)c->buffer_kib * 1024)
		size *= 2;
	return (uint32_t)size;
}

static void set_options(struct kernel *k)
{
	const struct trace_config *c = &k->config;
	struct trace_bpf__rodata *o = k->skel->rodata;

	o->want_cause = c->cause;
	o->want_stack = c->stack;
	o->want_events = c->events;
	o->want_registrations = c->registrations;
	o->want_children = c->children;
	o->filter_pids = c->filter_pids;
	o->filter_tids = c->filter_tids;
	o->filter_comm = c->filter_comm;
	o->filter_cgroup = c->cgroup[0] != '\0';
	memcpy((char *)o->comm_pattern, c->comm, sizeof(o->comm_pattern));
	o->comm_length = c->comm_length;
	o->wake_at = ring_size(c) / 8;
	o->aborts_up_to = ring_size(c) - ring_size(c) / 8;
	o->ipi_rseq = k->symbols.ipi_rseq;
}

static uint32_t sections_max(const struct kernel *k)
{
	size_t n = SECTIONS_BYTES / (sizeof(struct trace_section) * (size_t)k->n_cpus);

	return n < SECTIONS_MIN ? SECTIONS_MIN : n > SECTIONS_MAX ? SECTIONS_MAX : (uint32_t)n;
}

static int set_sizes(struct kernel *k)
{
	struct trace_bpf *s = k->skel;
	int r;

	k->n_cpus = libbpf_num_possible_cpus();
	if (k->n_cpus < 1)
		return -EINVAL;
	r = bpf_map__set_max_entries(s->maps.ring, ring_size(&k->config));
	if (r == 0)
		r = bpf_map__set_max_entries(s->maps.sections, k->config.aborts ? sections_max(k) : 1);
	if (r == 0 && k->config.stack)
		r = bpf_map__set_max_entries(s->maps.stacks, STACKS);
	if (r == 0 && k->config.stack)
		r = bpf_map__set_max_entries(s->maps.stack_counts, STACKS);
	return r;
}

/* A program, whether it is wanted, and what is lost when its tracepoint is not there. */
struct hook {
	struct bpf_program *program;
	struct bpf_link **link;
	bool wanted;
	const char *point; /* NULL: not yet */
	const char *without; /* NULL: nothing works then */
	enum trace_ipi_evidence evidence; /* what it gives, where others give less */
};

enum { HOOKS = 14 };

#define INFERRED "membarrier is inferred: no other evidence, in a process that uses it"

static void list_hooks(struct kernel *k, struct hook hooks[HOOKS])
{
	const struct trace_config *c = &k->config;
	bool cause = c->aborts && c->cause, targets = c->filter_pids || c->filter_tids;
	struct trace_bpf *s = k->skel;

	struct hook list[HOOKS] = {
#define HOOK(name, wanted, point, without)                                                         \
	{ s->progs.name, &s->links.name, wanted, point, without, TRACE_IPI_NONE }
#define HOOK_IPI(name, wanted, point, without, evidence)                                           \
	{ s->progs.name, &s->links.name, wanted, point, without, evidence }
		HOOK(trace_abort, c->aborts, "rseq_ip_fixup", NULL),
		HOOK(trace_signal, cause, "signal_deliver", "aborts by signals count as unknown"),
		HOOK_IPI(trace_call_function, cause, "call_function_entry", "", TRACE_IPI_CALL),
		HOOK_IPI(trace_call_function_single, cause, "call_function_single_entry", INFERRED, TRACE_IPI_CALL),
		HOOK_IPI(trace_ipi, cause && k->symbols.ipi_rseq, "csd_function_entry", "", TRACE_IPI_EXACT),
		HOOK(trace_migrate, cause, "sched_migrate_task", "migrations count as preempt"),
		HOOK(trace_call, c->registrations, "sys_exit", NULL),
		HOOK(trace_enter, c->registrations, "sys_enter", NULL),
		HOOK(trace_call_2, c->registrations, NULL, NULL),
		HOOK(trace_enter_2, c->registrations, NULL, NULL),
		HOOK(trace_exec, c->registrations, "sched_process_exec", "registrations that end by exec are not counted"),
		HOOK(trace_exit, c->registrations || targets, "sched_process_exit",
		     "threads that end while registered are not counted"),
		HOOK(trace_fork, c->children, "sched_process_fork", NULL),
		HOOK(trace_fault, c->faults, "signal_generate", NULL),
#undef HOOK
#undef HOOK_IPI
	};
	memcpy(hooks, list, sizeof(list));
}

/* --- loading --- */

static void refuse_load(struct kernel *k, int err)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		refuse(k, err, "the kernel's types (BTF) cannot be read from /sys/kernel/btf/vmlinux: "
			       "tracing needs a kernel built with CONFIG_DEBUG_INFO_BTF");
	else if (err == -EPERM)
		refuse(k, err, "BPF is refused (EPERM): run as root, or with the capabilities bpf and perfmon");
	else if (file_says("/sys/kernel/security/lockdown", "[confidentiality]")) /* EINVAL: helpers are not there */
		refuse(k, err, "the kernel is locked down (confidentiality) and refuses BPF programs that read "
			       "its memory: boot it without lockdown=confidentiality");
	else
		refuse(k, err, "the kernel refused a BPF program or map (%s): try again with -v to see which",
		       strerrorname_np(-err));
}

static void note_missing(struct kernel *k, const struct hook *h)
{
	char text[TRACE_NOTE];

	if (!h->without[0])
		return;
	if (h->evidence && !k->symbols.ipi_rseq)
		snprintf(text, sizeof(text), "the kernel's symbols (/proc/kallsyms) do not say where ipi_rseq is: %s",
			 h->without);
	else
		snprintf(text, sizeof(text), "this kernel has no tracepoint %s: %s", h->point, h->without);
	note(k, text);
}

static int attach(struct kernel *k, const struct hook *h)
{
	uint32_t *evidence = &k->skel->bss->ipi_evidence;

	if (h->evidence && *evidence > h->evidence)
		return 0;
	*h->link = bpf_program__attach_raw_tracepoint(h->program, h->point);
	if (*h->link) {
		if (h->evidence)
			*evidence = h->evidence;
		return 0;
	}
	if (h->without && errno == ENOENT) {
		note_missing(k, h);
		return 0;
	}
	if (errno == ENOENT)
		refuse(k, -ENOENT, "this kernel has no tracepoint %s: tracing needs a kernel with CONFIG_RSEQ and tracepoints",
		       h->point);
	else
		refuse(k, -errno, "the tracepoint %s cannot be used (%s)", h->point, strerrorname_np(errno));
	return k->loaded.err;
}

static int set_cgroup(struct kernel *k)
{
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	uint32_t zero = 0;

	if (!k->config.cgroup[0])
		return 0;
	fd = open(k->config.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		refuse(k, -errno, "the cgroup '%.150s' cannot be opened (%s)", k->config.cgroup, strerrorname_np(errno));
		return k->loaded.err;
	}
	if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		refuse(k, -EINVAL, "'%.150s' is no cgroup of version 2, below the mount point of type cgroup2",
		       k->config.cgroup);
		return k->loaded.err;
	}
	if (bpf_map_update_elem(bpf_map__fd(k->skel->maps.target_cgroup), &zero, &fd, BPF_ANY) < 0) {
		refuse(k, -errno, "the cgroup '%.150s' cannot be traced (%s)", k->config.cgroup, strerrorname_np(errno));
		return k->loaded.err;
	}
	return 0;
}

/* Who reads this iterator tells the programs which PID namespace it is in. */
static int learn_namespace(struct kernel *k)
{
	_cleanup_close_ int fd = -1;
	char nothing[16];

	k->skel->links.trace_learn = bpf_program__attach_iter(k->skel->progs.trace_learn, NULL);
	if (!k->skel->links.trace_learn)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(k->skel->links.trace_learn));
	if (fd < 0)
		return -errno;
	while (read(fd, nothing, sizeof(nothing)) > 0)
		;
	k->loaded.layout = k->skel->bss->own_layout;
	return k->skel->bss->own_namespace ? 0 : -ESRCH;
}

/* One skeleton for both objects: they have the same maps, programs and variables. */
static struct trace_bpf *open_skeleton(void)
{
	struct trace_bpf *skel;

	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_find_vma, NULL) == 1)
		return trace_bpf__open();
	skel = calloc(1, sizeof(*skel));
	if (!skel || trace_bpf__create_skeleton(skel) < 0)
		goto fail;
	skel->skeleton->data = (void *)trace_old_bpf__elf_bytes(&skel->skeleton->data_sz);
	if (bpf_object__open_skeleton(skel->skeleton, NULL) == 0)
		return skel;
fail:
	trace_bpf__destroy(skel);
	return NULL;
}

static int take_record(void *ctx, void *data, size_t size);

static int load(struct kernel *k)
{
	struct hook hooks[HOOKS];
	int r;

	k->skel = open_skeleton();
	if (!k->skel) {
		refuse_load(k, -errno);
		return k->loaded.err;
	}
	list_hooks(k, hooks);
	set_options(k);
	r = set_sizes(k);
	for (size_t i = 0; r == 0 && i < HOOKS; i++)
		r = bpf_program__set_autoload(hooks[i].program, hooks[i].wanted);
	if (r == 0)
		r = trace_bpf__load(k->skel);
	if (r == 0)
		r = learn_namespace(k);
	if (r < 0) {
		refuse_load(k, r);
		return r;
	}
	k->ring = ring_buffer__new(bpf_map__fd(k->skel->maps.ring), take_record, k, NULL);
	if (!k->ring) {
		refuse_load(k, -errno);
		return k->loaded.err;
	}
	r = set_cgroup(k);
	/* The causes' own hooks first, so that the first abort finds its evidence. */
	for (size_t i = HOOKS; r == 0 && i-- > 0;)
		if (hooks[i].wanted && hooks[i].point)
			r = attach(k, &hooks[i]);
	return r;
}

static int handle_load(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;

	(void)ret_fd;
	if (request->len != sizeof(k->config) || k->skel)
		return -EINVAL;
	memcpy(&k->config, request->data, sizeof(k->config));
	k->config.cgroup[sizeof(k->config.cgroup) - 1] = '\0';
	if (!k->config.verbose)
		libbpf_set_print(print_nothing);
	learn_symbols(k);
	if (load(k) < 0 && !k->loaded.err)
		refuse_load(k, -EIO);
	strbuf_add(reply, &k->loaded, sizeof(k->loaded));
	return 0;
}

static int handle_target(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	struct trace_target t;
	uint8_t one = 1;
	struct bpf_map *map;

	(void)reply;
	(void)ret_fd;
	if (request->len != sizeof(t) || !k->skel)
		return -EINVAL;
	memcpy(&t, request->data, sizeof(t));
	map = t.is_thread ? k->skel->maps.target_tids : k->skel->maps.target_pids;
	return bpf_map_update_elem(bpf_map__fd(map), &t.id, &one, BPF_ANY) < 0 ? -errno : 0;
}

/* --- records --- */

static int take_record(void *ctx, void *data, size_t size)
{
	struct kernel *k = ctx;
	struct trace_frame frame = { .size = (uint32_t)size };
	char *p = strbuf_extend(k->reply, sizeof(frame) + (size + 7) / 8 * 8);
	const struct trace_header *h = data;

	if (!p)
		return -ENOMEM;
	memcpy(p, &frame, sizeof(frame));
	memcpy(p + sizeof(frame), data, size);
	if (h->type == TRACE_FAULT && size == sizeof(struct trace_fault)) {
		struct trace_fault *f = (struct trace_fault *)(p + sizeof(frame));

		if (f->n_kernel > 0)
			f->sender = kernel_symbols_sender(&k->symbols, f->kernel, (size_t)f->n_kernel / sizeof(f->kernel[0]));
	}
	/* It is delivered; those behind it wait for the next call. */
	return k->reply->len > POLL_REPLY_MAX ? -E2BIG : 0;
}

/* How often it should have run and did not, since it (or another task in it) was running on that CPU. */
static uint64_t missed_by(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(program);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.recursion_misses : 0;
}

/* See trace.bpf.c: two programs at each system call cost more, so only where one was seen not to do. */
static void stand_by(struct kernel *k)
{
	struct trace_bpf *s = k->skel;
	uint64_t missed;

	if (!k->config.registrations || !s->links.trace_call || s->links.trace_call_2)
		return;
	missed = missed_by(s->progs.trace_call);
	if (!missed && !missed_by(s->progs.trace_enter))
		return;
	k->missed_single = missed;
	s->bss->is_doubled = true;
	s->links.trace_enter_2 = bpf_program__attach_raw_tracepoint(s->progs.trace_enter_2, "sys_enter");
	s->links.trace_call_2 = bpf_program__attach_raw_tracepoint(s->progs.trace_call_2, "sys_exit");
}

static int handle_poll(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	int32_t ms;

	(void)ret_fd;
	if (request->len != sizeof(ms) || !k->ring)
		return -EINVAL;
	memcpy(&ms, request->data, sizeof(ms));
	k->reply = reply;
	stand_by(k);
	/* First what was submitted without a wake-up, which poll() knows nothing of. */
	if (ring_buffer__consume(k->ring) == 0)
		(void)!ring_buffer__poll(k->ring, ms > TRACE_POLL_MS_MAX ? TRACE_POLL_MS_MAX : ms);
	return 0;
}

/* --- totals --- */

static void add_u64(void *to, const void *from, size_t size)
{
	uint64_t *t = to;
	const uint64_t *f = from;

	for (size_t i = 0; i < size / sizeof(*t); i++)
		t[i] += f[i];
}

static void count_missed(const struct kernel *k, struct trace_totals *ret)
{
	const struct bpf_program *programs[] = { k->skel->progs.trace_abort, k->skel->progs.trace_fork,
						 k->skel->progs.trace_exec, k->skel->progs.trace_exit,
						 k->skel->progs.trace_fault };
	uint64_t both = missed_by(k->skel->progs.trace_call_2);

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		ret->missed += missed_by(programs[i]);
	/* Whose birth was missed is not followed. */
	ret->missed_aborts = missed_by(k->skel->progs.trace_abort) + missed_by(k->skel->progs.trace_fork);
	/* Of two programs at one point: what the second one missed the first one may have seen. */
	ret->missed += k->skel->links.trace_call_2 ? k->missed_single + both : missed_by(k->skel->progs.trace_call);
}

static int sum_counts(const struct kernel *k, struct trace_counts *ret)
{
	_cleanup_free_ struct trace_counts *all = calloc((size_t)k->n_cpus, sizeof(*all));
	uint32_t zero = 0;

	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.counts), &zero, all) < 0)
		return -errno;
	for (int i = 0; i < k->n_cpus; i++)
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

static uint32_t sum_sections(const struct kernel *k, struct strbuf *reply)
{
	_cleanup_free_ struct trace_section *all = calloc((size_t)k->n_cpus, sizeof(*all));
	struct trace_section_key key, *previous = NULL;
	int fd = bpf_map__fd(k->skel->maps.sections);
	uint32_t n = 0;

	while (all && bpf_map_get_next_key(fd, previous, &key) == 0) {
		struct trace_section_total total = { .key = key };

		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, all) < 0)
			continue;
		for (int i = 0; i < k->n_cpus; i++)
			add_section(&total.section, &all[i]);
		strbuf_add(reply, &total, sizeof(total));
		n++;
	}
	return n;
}

static int handle_totals(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	struct trace_totals totals = { 0 };
	int r;

	(void)request;
	(void)ret_fd;
	if (!k->skel)
		return -EINVAL;
	strbuf_add(reply, &totals, sizeof(totals));
	r = sum_counts(k, &totals.counts);
	count_missed(k, &totals);
	totals.n_sections = sum_sections(k, reply);
	if (!reply->failed)
		memcpy(reply->data, &totals, sizeof(totals));
	return r;
}

static int handle_stacks(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	struct trace_stack_key key, *previous = NULL;
	int fd;

	(void)request;
	(void)ret_fd;
	if (!k->skel)
		return -EINVAL;
	fd = bpf_map__fd(k->skel->maps.stack_counts);
	while (bpf_map_get_next_key(fd, previous, &key) == 0) {
		struct trace_stack_total total = { .key = key };

		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &total.count) == 0)
			strbuf_add(reply, &total, sizeof(total));
	}
	return 0;
}

static int handle_frames(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	uint64_t frames[TRACE_STACK_DEPTH] = { 0 };
	uint32_t id;
	size_t n = 0;

	(void)ret_fd;
	if (!k->skel || request->len != sizeof(id))
		return -EINVAL;
	memcpy(&id, request->data, sizeof(id));
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.stacks), &id, frames) < 0)
		return -errno;
	while (n < TRACE_STACK_DEPTH && frames[n])
		n++;
	strbuf_add(reply, frames, n * sizeof(frames[0]));
	return 0;
}

static int handle_detach(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;

	(void)request;
	(void)reply;
	(void)ret_fd;
	if (!k->skel)
		return -EINVAL;
	trace_bpf__detach(k->skel);
	return 0;
}

static int setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	static struct kernel kernel;

	(void)arg;
	(void)len;
	(void)status;
	*ret_ctx = &kernel;
	return 0;
}

static const struct service_op ops[] = {
	/* The kernel waits for every CPU when it attaches, which on a loaded machine was seen to take 20 s. */
	{ TRACE_OP_LOAD, 120000, handle_load },	    { TRACE_OP_TARGET, 10000, handle_target },
	{ TRACE_OP_POLL, 10000, handle_poll },	    { TRACE_OP_TOTALS, 30000, handle_totals },
	{ TRACE_OP_STACKS, 30000, handle_stacks },  { TRACE_OP_FRAMES, 10000, handle_frames },
	{ TRACE_OP_DETACH, 30000, handle_detach },
};

const struct service_kind trace_kernel_kind = {
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.setup = setup,
	.setup_limit_ms = 10000,
	.talks = true,
};
