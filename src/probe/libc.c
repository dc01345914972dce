/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether libc registers every thread, as the kernel sees it; and where it does not, who or what kept it from that. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/answer.h"
#include "probe/probes.h"
#include "probe/thread.h"
#include "proc/maps.h"
#include "util/arena.h"
#include "util/io.h"
#include "util/strbuf.h"
#include "util/text.h"

enum { MAPS_MAX = 1 << 20 };

/* --- who else --- */

/* What the kernel has for this thread: a copy of it has the same, and may be asked. False: it cannot be asked. */
static bool ask_kernel(struct rseq_ptrace_configuration *ret)
{
	pid_t pid = probe_fork();
	bool known = false;
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0)
		return false;
	if (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status))
		known = ptrace(RSEQ_PTRACE_GET_CONFIGURATION, pid, sizeof(*ret), ret) >= (long)sizeof(*ret);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return known;
}

static void add_object(struct strbuf *out, uint64_t address)
{
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const struct mapping *m;
	struct arena arena = { 0 };
	struct maps maps = { 0 };

	if (fd < 0 || io_read_file(fd, MAPS_MAX, &text) < 0 ||
	    maps_parse((struct span){ text.data, text.len }, &arena, &maps) < 0)
		return;
	m = maps_find(&maps, address);
	if (m && *m->path) {
		strbuf_puts(out, ", in ");
		text_escape(out, m->path, strlen(m->path));
	}
	maps_done(&maps);
	arena_done(&arena);
}

static void add_owner(struct strbuf *out)
{
	struct rseq_ptrace_configuration c = { 0 };

	if (!ask_kernel(&c)) {
		strbuf_puts(out, "who registered this thread cannot be asked");
	} else if (!c.rseq_abi_pointer) {
		strbuf_puts(out, "nobody registered this thread");
	} else {
		strbuf_printf(out, "registered are %" PRIu32 " bytes at 0x%" PRIx64 ", signature 0x%" PRIx32, c.rseq_abi_size,
			      c.rseq_abi_pointer, c.signature);
		add_object(out, c.rseq_abi_pointer);
	}
}

static void fail_with_owner(struct probe_run *r, const char *what)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	add_owner(&out);
	probe_fail(r, "%s: %s", what, strbuf_str(&out));
}

/* libc's area is there, and the kernel does not say so. */
static void fail_unknown_area(struct probe_run *r, const void *area)
{
	struct rseq_ptrace_configuration c = { 0 };

	if (ask_kernel(&c) && c.rseq_abi_pointer == (uintptr_t)area)
		probe_fail(r, "libc registered this thread, and rseq() does not know of it: not the kernel answers, but a filter");
	else
		fail_with_owner(r, "libc says that this thread is registered, and the kernel does not");
}

/* --- libc did not register --- */

static bool is_turned_off(void)
{
	const char *tunables = getenv("GLIBC_TUNABLES");

	return tunables && strstr(tunables, "glibc.pthread.rseq=0") && !getauxval(AT_SECURE);
}

/* An area of our own, where libc's is not. */
static int try_own(void)
{
	static struct rseq_area area __attribute__((aligned(REGISTRATION_ALIGN)));
	int e = registration_register(&area, sizeof(area));

	if (e == 0)
		registration_unregister(&area, sizeof(area));
	return e;
}

static void explain_none(struct probe_run *r, struct rseq_area *area)
{
	int denied = registration_available(), e;

	if (denied) {
		probe_fail(r, "libc was refused: rseq() is denied: %s", strerror(-denied));
		return;
	}
	if (probe_area_is_kept(area, registration_length(area, 0))) {
		probe_fail(r, "libc registered, and __rseq_size says 0: something in this program changed it");
		return;
	}
	e = try_own();
	if (e == -EINVAL || e == -EBUSY || e == -EPERM)
		fail_with_owner(r, "libc was refused, somebody else was first");
	else if (e)
		probe_fail(r, "libc was refused: rseq() says %s", strerror(-e));
	else
		probe_fail(r, "libc was refused when this program started (cpu_id is %" PRId32 "), and rseq() works",
			   (int32_t)area->cpu_id);
}

/* --- it did --- */

struct look {
	struct probe_run *run;
	const char *who;
	bool known; /* to the kernel */
};

static bool add_row(struct look *l, const char *what, bool good)
{
	probe_row(l->run, good, "yes", good ? "yes" : "no", "%s: %s", l->who, what);
	return good;
}

static void *look_at_thread(void *data)
{
	struct look *l = data;
	uint32_t size = 0, length;
	struct rseq_area *area = registration_libc_place(&size);

	length = registration_length(area, size);
	if (length && probe_has_fault(l->run, PROBE_FAULT_UNREGISTERED)) {
		registration_unregister(area, length);
		length = registration_length(area, size);
	}
	l->known = add_row(l, "the kernel knows libc's area", length && probe_area_is_kept(area, length));
	if (l->known) {
		add_row(l, "__rseq_size is within it", size <= length);
		add_row(l, "cpu_id is the CPU", probe_area_is_right(area));
	}
	return NULL;
}

static void compare(struct probe_run *r, uint32_t size)
{
	struct look first = { r, "first thread", false }, other = { r, "new thread", false };
	pthread_t thread;
	int e;

	look_at_thread(&first);
	if (!first.known) {
		fail_unknown_area(r, registration_libc_place(&size));
		return;
	}
	e = pthread_create(&thread, NULL, look_at_thread, &other);
	if (e == 0)
		pthread_join(thread, NULL);
	if (e)
		probe_unknown(r, "cannot start a thread: %s", strerror(e));
	else if (!other.known)
		probe_fail(r, "libc does not register a new thread");
	else
		probe_pass(r, "__rseq_size is %" PRIu32, size);
}

static void run_libc(struct probe_run *r)
{
	_cleanup_strbuf_ struct strbuf owner = { 0 };
	uint32_t size = 0;
	struct rseq_area *area = registration_libc_place(&size);

	if (!area) {
		probe_skip(r, "this libc does not register rseq (glibc does, from 2.35 on)");
	} else if (size) {
		compare(r, size);
	} else if (is_turned_off() && !probe_area_is_kept(area, registration_length(area, 0))) {
		add_owner(&owner);
		probe_skip(r, "turned off by GLIBC_TUNABLES; %s", strbuf_str(&owner));
	} else {
		explain_none(r, area);
	}
}

const struct probe probe_libc = {
	.id = "libc",
	.title = "libc registers every thread",
	.run = run_libc,
	.without_rseq = true,
};
