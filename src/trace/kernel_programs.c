/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/kernel_programs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "trace/skeleton.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "trace_old.skel.h"
#pragma GCC diagnostic pop
#include "util/cleanup.h"

enum {
	RING_EVENTS = 8 << 20, /* a second of 60,000 aborts */
	RING_RARE = 1 << 20,
	/* Per-CPU maps of large machines: what all sections together may take. */
	SECTIONS_BYTES = 32 << 20,
	SECTIONS_MIN = 256,
	SECTIONS_MAX = 4096,
	STACKS = 16384,
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

static void refuse(struct kernel_programs *p, int err, const char *format, ...) _printf_(3, 4);

static void refuse(struct kernel_programs *p, int err, const char *format, ...)
{
	va_list ap;

	p->loaded.err = err;
	va_start(ap, format);
	vsnprintf(p->loaded.why, sizeof(p->loaded.why), format, ap);
	va_end(ap);
}

static void note(struct kernel_programs *p, const char *text)
{
	if (p->loaded.n_notes < TRACE_NOTES_MAX)
		snprintf(p->loaded.notes[p->loaded.n_notes++], TRACE_NOTE, "%s", text);
}

/* --- what is there --- */

static bool file_says(const char *path, const char *text)
{
	char content[128] = "";
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	return f && fgets(content, sizeof(content), f) && strstr(content, text);
}

static void learn_symbols(struct kernel_programs *p)
{
	_cleanup_fclose_ FILE *f = NULL;

	if (!p->config.faults && !(p->config.aborts && p->config.cause))
		return;
	f = fopen("/proc/kallsyms", "re");
	if (f)
		kernel_symbols_read(f, &p->symbols);
	p->loaded.debug = p->symbols.debug_rseq || file_says("/sys/kernel/debug/rseq/debug", "1");
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

static void set_options(struct kernel_programs *p)
{
	const struct trace_config *c = &p->config;
	struct trace_bpf__rodata *o = p->skel->rodata;

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
	o->ipi_rseq = p->symbols.ipi_rseq;
}

static uint32_t sections_max(const struct kernel_programs *p)
{
	size_t n = SECTIONS_BYTES / (sizeof(struct trace_section) * (size_t)p->n_cpus);

	return n < SECTIONS_MIN ? SECTIONS_MIN : n > SECTIONS_MAX ? SECTIONS_MAX : (uint32_t)n;
}

static int set_sizes(struct kernel_programs *p)
{
	struct trace_bpf *s = p->skel;
	int r;

	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 1)
		return -EINVAL;
	r = bpf_map__set_max_entries(s->maps.ring, ring_size(&p->config));
	if (r == 0)
		r = bpf_map__set_max_entries(s->maps.sections, p->config.aborts ? sections_max(p) : 1);
	if (r == 0 && p->config.stack)
		r = bpf_map__set_max_entries(s->maps.stacks, STACKS);
	if (r == 0 && p->config.stack)
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

static void list_hooks(struct kernel_programs *p, struct hook hooks[HOOKS])
{
	const struct trace_config *c = &p->config;
	bool cause = c->aborts && c->cause, targets = c->filter_pids || c->filter_tids;
	struct trace_bpf *s = p->skel;

	struct hook list[HOOKS] = {
#define HOOK(name, wanted, point, without)                                                         \
	{ s->progs.name, &s->links.name, wanted, point, without, TRACE_IPI_NONE }
#define HOOK_IPI(name, wanted, point, without, evidence)                                           \
	{ s->progs.name, &s->links.name, wanted, point, without, evidence }
		HOOK(trace_abort, c->aborts, "rseq_ip_fixup", NULL),
		HOOK(trace_signal, cause, "signal_deliver", "aborts by signals count as unknown"),
		HOOK_IPI(trace_call_function, cause, "call_function_entry", "", TRACE_IPI_CALL),
		HOOK_IPI(trace_call_function_single, cause, "call_function_single_entry", INFERRED, TRACE_IPI_CALL),
		HOOK_IPI(trace_ipi, cause && p->symbols.ipi_rseq, "csd_function_entry", "", TRACE_IPI_EXACT),
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

void kernel_programs_refuse(struct kernel_programs *p, int err)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		refuse(p, err, "the kernel's types (BTF) cannot be read from /sys/kernel/btf/vmlinux: "
			       "tracing needs a kernel built with CONFIG_DEBUG_INFO_BTF, and /sys mounted");
	else if (err == -EPERM && geteuid() == 0)
		refuse(p, err, "BPF is refused (EPERM): the capabilities bpf and perfmon are needed, and those of a user "
			       "namespace, as of a rootless container, do not count");
	else if (err == -ENOMEM)
		refuse(p, err, "there is too little memory for a BPF program or map (ENOMEM): "
			       "raise the memory limit of this cgroup, or give a smaller --buffer");
	else if (err == -EMFILE || err == -ENFILE)
		refuse(p, err, "too few open files are allowed (%s): raise the limit, as by ulimit -n 256",
		       strerrorname_np(-err));
	else if (err == -EPERM)
		refuse(p, err, "BPF is refused (EPERM): run as root, or with the capabilities bpf and perfmon");
	else if (file_says("/sys/kernel/security/lockdown", "[confidentiality]")) /* EINVAL: helpers are not there */
		refuse(p, err, "the kernel is locked down (confidentiality) and refuses BPF programs that read "
			       "its memory: boot it without lockdown=confidentiality");
	else
		refuse(p, err, "the kernel refused a BPF program or map (%s): try again with -v to see which",
		       strerrorname_np(-err));
}

static void note_missing(struct kernel_programs *p, const struct hook *h)
{
	char text[TRACE_NOTE];

	if (!h->without[0])
		return;
	if (h->evidence && !p->symbols.ipi_rseq)
		snprintf(text, sizeof(text), "the kernel's symbols (/proc/kallsyms) do not say where ipi_rseq is: %s",
			 h->without);
	else
		snprintf(text, sizeof(text), "this kernel has no tracepoint %s: %s", h->point, h->without);
	note(p, text);
}

static int attach(struct kernel_programs *p, const struct hook *h)
{
	uint32_t *evidence = &p->skel->bss->ipi_evidence;

	if (h->evidence && *evidence > h->evidence)
		return 0;
	*h->link = bpf_program__attach_raw_tracepoint(h->program, h->point);
	if (*h->link) {
		if (h->evidence)
			*evidence = h->evidence;
		return 0;
	}
	if (h->without && errno == ENOENT) {
		note_missing(p, h);
		return 0;
	}
	if (errno == ENOENT)
		refuse(p, -ENOENT, "this kernel has no tracepoint %s: tracing needs a kernel with CONFIG_RSEQ and tracepoints",
		       h->point);
	else
		refuse(p, -errno, "the tracepoint %s cannot be used (%s)", h->point, strerrorname_np(errno));
	return p->loaded.err;
}

static int set_cgroup(struct kernel_programs *p)
{
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	uint32_t zero = 0;

	if (!p->config.cgroup[0])
		return 0;
	fd = open(p->config.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		refuse(p, -errno, "cannot open the cgroup '%.150s': %s", p->config.cgroup, strerror(errno));
		return p->loaded.err;
	}
	if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		refuse(p, -EINVAL, "'%.150s' is no cgroup of version 2: those lie where cgroup2 is mounted, see /proc/mounts",
		       p->config.cgroup);
		return p->loaded.err;
	}
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.target_cgroup), &zero, &fd, BPF_ANY) < 0) {
		refuse(p, -errno, "the cgroup '%.150s' cannot be traced (%s)", p->config.cgroup, strerrorname_np(errno));
		return p->loaded.err;
	}
	return 0;
}

/* Who reads this iterator tells the programs which PID namespace it is in. */
static int learn_namespace(struct kernel_programs *p)
{
	_cleanup_close_ int fd = -1;
	char nothing[16];

	p->skel->links.trace_learn = bpf_program__attach_iter(p->skel->progs.trace_learn, NULL);
	if (!p->skel->links.trace_learn)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(p->skel->links.trace_learn));
	if (fd < 0)
		return -errno;
	while (read(fd, nothing, sizeof(nothing)) > 0)
		;
	p->loaded.layout = p->skel->bss->own_layout;
	return p->skel->bss->own_namespace ? 0 : -ESRCH;
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

int kernel_programs_load(struct kernel_programs *p)
{
	struct hook hooks[HOOKS];
	int r;

	if (!p->config.verbose)
		libbpf_set_print(print_nothing);
	learn_symbols(p);
	p->skel = open_skeleton();
	if (!p->skel) {
		kernel_programs_refuse(p, -errno);
		return p->loaded.err;
	}
	list_hooks(p, hooks);
	set_options(p);
	r = set_sizes(p);
	for (size_t i = 0; r == 0 && i < HOOKS; i++)
		r = bpf_program__set_autoload(hooks[i].program, hooks[i].wanted);
	if (r == 0)
		r = trace_bpf__load(p->skel);
	if (r == 0)
		r = learn_namespace(p);
	if (r < 0)
		kernel_programs_refuse(p, r);
	return r;
}

int kernel_programs_attach(struct kernel_programs *p)
{
	struct hook hooks[HOOKS];
	int r = set_cgroup(p);

	list_hooks(p, hooks);
	/* The causes' own hooks first, so that the first abort finds its evidence. */
	for (size_t i = HOOKS; r == 0 && i-- > 0;)
		if (hooks[i].wanted && hooks[i].point)
			r = attach(p, &hooks[i]);
	return r;
}
