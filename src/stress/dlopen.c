/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Libraries that want rseq come and go in every order, in threads that have an owner and in threads that
 * have none: who comes first owns, the others are refused, and when all are gone the place is as it was.
 * They are the conflict lab's librseqs of 2018 to 2020 (tests/lab/librseq_old.c), and lie in this program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/worker.h"
#include "stress/workload.h"

#ifndef HAVE_STATIC
#define HAVE_STATIC 0
#endif

enum { SUM, OWNER, REFUSED, CLEAN };

#if HAVE_STATIC

static int possible(const struct stress_options *options, const char **ret_why)
{
	(void)options;
	*ret_why = "this is a static build, which loads no libraries";
	return -EOPNOTSUPP;
}

const struct workload workload_dlopen = {
	.choice = { "dlopen", "libraries that want rseq are loaded and unloaded in every order", true },
	.invariants = { [SUM] = { "sum", "no increment is lost or doubled" } },
	.possible = possible,
};

#else

#define EMBED(name)                                                                                \
	asm(".pushsection .rodata\n\t"                                                             \
	    "embedded_" #name ": .incbin \"" LAB_DIR "/librseq_" #name ".so\"\n"                   \
	    "embedded_end_" #name ":\n\t"                                                          \
	    ".popsection");                                                                        \
	extern const char embedded_##name[] __attribute__((visibility("hidden")));                 \
	extern const char embedded_end_##name[] __attribute__((visibility("hidden")))

EMBED(2018);
EMBED(2018b);
EMBED(2019);
EMBED(2019b);
EMBED(2020);
EMBED(2020b);

enum { LIBRARIES = 6, LENGTH = 32 };

#define LIBRARY(name) { embedded_##name, embedded_end_##name }
static const struct {
	const char *data, *end;
} embedded[LIBRARIES] = {
	LIBRARY(2018), LIBRARY(2018b), LIBRARY(2019), LIBRARY(2019b), LIBRARY(2020), LIBRARY(2020b),
};

/* Files in memory. They stay open: the number is the name by which the dynamic linker knows each. */
struct libraries {
	char paths[LIBRARIES][32];
};

/* One of them, as a thread sees it. */
struct user {
	void *handle;
	int (*start)(void), (*stop)(void);
	uint32_t *area;
	bool started;
};

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int open_library(size_t i)
{
	int fd = memfd_create("librseq", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, embedded[i].data, (size_t)(embedded[i].end - embedded[i].data));
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* Without /proc, or where files in memory may not be run, there is nothing to test. */
static int possible(const struct stress_options *options, const char **ret_why)
{
	char path[32];
	int fd = open_library(0);
	void *handle = NULL;

	(void)options;
	*ret_why = "libraries cannot be loaded from memory here";
	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle)
		dlclose(handle);
	close(fd);
	return handle ? 0 : -EOPNOTSUPP;
}

static int start(struct run *run)
{
	struct libraries *libs = calloc(1, sizeof(*libs));
	int r = libs ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < LIBRARIES; i++) {
		int fd = open_library(i);

		r = fd < 0 ? fd : 0;
		snprintf(libs->paths[i], sizeof(libs->paths[i]), "/proc/self/fd/%d", fd);
	}
	run->data = libs;
	return r;
}

/* False: it could not be loaded, which is no promise of the kernel's; the batch goes on without it. */
static bool load(struct worker *w, struct user *u, size_t i)
{
	const struct libraries *libs = w->run->data;

	*u = (struct user){ .handle = dlopen(libs->paths[i], RTLD_NOW | RTLD_LOCAL) };
	if (!u->handle)
		return false;
	*(void **)&u->start = dlsym(u->handle, "rseq_register_current_thread");
	*(void **)&u->stop = dlsym(u->handle, "rseq_unregister_current_thread");
	u->area = dlsym(u->handle, "__rseq_abi");
	return u->start && u->stop && u->area;
}

static void shuffle(struct worker *w, size_t *order, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = worker_random(w) % i, kept = order[i - 1];

		order[i - 1] = order[k];
		order[k] = kept;
	}
}

/* Sections by whoever's registration, with the faults and figures of the worker. */
static void count_with(struct worker *w, void *area)
{
	struct critical before = w->critical;
	void *own = w->area;

	w->area = area;
	worker_begin(w);
	w->critical.aborts = before.aborts;
	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++)
		worker_increment(w);
	before.aborts = w->critical.aborts;
	w->critical = before;
	w->area = own;
}

/* The kernel's answer, and what is written in the area: this one owns, and no other one does. */
static void check_owner(struct worker *w, void *owner, const struct user *users, size_t n)
{
	uint32_t cpu_id = ((volatile uint32_t *)owner)[1];

	run_tried(w->run, OWNER, 1);
	if (!registration_length(owner, w->run->options->length) || cpu_id >= w->run->n_indexes)
		run_break(w->run, OWNER, "worker %u is not registered by the first who came (cpu_id %" PRId32 ")", w->id,
			  (int32_t)cpu_id);
	for (size_t i = 0; i < n; i++) {
		if (users[i].area == owner)
			continue;
		run_tried(w->run, REFUSED, 1);
		if (registration_length(users[i].area, 0) || users[i].area[1] < w->run->n_indexes)
			run_break(w->run, REFUSED, "worker %u is registered by a library that came second (cpu_id %" PRId32 ")",
				  w->id, (int32_t)users[i].area[1]);
	}
}

/* Another one's registration in the owner's place, behind the backs of both. */
static void replace_owner(struct worker *w, void *owner, const struct user *users, size_t n)
{
	static _Thread_local _Alignas(REGISTRATION_ALIGN) uint32_t stray[REGISTRATION_ALIGN / 4];
	uint32_t length = registration_length(owner, w->run->options->length);
	void *other = users[n - 1].area == owner ? stray : users[n - 1].area;

	if (length && registration_unregister(owner, length) == 0)
		registration_register(other, LENGTH);
}

/* Without an owner in the beginning, where that can be had: libc does not let go. */
static void *leave(struct worker *w)
{
	bool own = w->run->options->own_registration;

	if (own)
		registration_unregister(w->area, w->run->options->length);
	return own ? NULL : w->area;
}

static void come_back(struct worker *w)
{
	int r = 0;

	run_tried(w->run, CLEAN, 1);
	if (w->run->options->own_registration)
		r = registration_register(w->area, w->run->options->length);
	if (r < 0)
		run_break(w->run, CLEAN, "worker %u cannot register when all libraries are gone: %s", w->id, strerror(-r));
	else if (!registration_length(w->area, w->run->options->length))
		run_break(w->run, CLEAN, "worker %u is no longer registered when all libraries are gone", w->id);
}

/* All start, in their order; the first one owns where nobody does yet. */
static void *start_all(struct user *users, size_t n, void *owner)
{
	for (size_t i = 0; i < n; i++) {
		users[i].started = users[i].start() == 0;
		if (users[i].started && !owner)
			owner = users[i].area;
	}
	return owner;
}

/* In another order. A library that is still registered must not be unloaded: its memory is the area. */
static void stop_all(struct worker *w, struct user *users, size_t n)
{
	size_t order[LIBRARIES];

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	shuffle(w, order, n);
	for (size_t i = 0; i < n; i++)
		if (users[order[i]].started)
			users[order[i]].stop();
	shuffle(w, order, n);
	for (size_t i = 0; i < n; i++)
		if (!registration_length(users[order[i]].area, 0))
			dlclose(users[order[i]].handle);
}

static void work(struct worker *w)
{
	size_t order[LIBRARIES], n = 0, wanted = 1 + worker_random(w) % 4;
	struct user users[LIBRARIES];
	void *owner;

	for (size_t i = 0; i < LIBRARIES; i++)
		order[i] = i;
	shuffle(w, order, LIBRARIES);
	for (size_t i = 0; i < wanted; i++)
		n += load(w, &users[n], order[i]);
	owner = leave(w);
	owner = start_all(users, n, owner);
	if (n && owner && run_has_fault(w->run, FAULT_UNREGISTERED))
		replace_owner(w, owner, users, n);
	if (owner) {
		check_owner(w, owner, users, n);
		if (!atomic_load(&w->run->shared->broken))
			count_with(w, owner);
	}
	stop_all(w, users, n);
	come_back(w);
}

static void check(struct run *run)
{
	run_check_sum(run, SUM);
}

const struct workload workload_dlopen = {
	.choice = { "dlopen", "libraries that want rseq are loaded and unloaded in every order", true },
	.keys = KEY_BIT(KEY_CPU_ID),
	.faults = FAULTS_OF_SECTIONS | FAULT_BIT(FAULT_UNREGISTERED),
	.invariants = {
		[SUM] = { "sum", "no increment is lost or doubled, whoever registered" },
		[OWNER] = { "owner", "who comes first owns" },
		[REFUSED] = { "refused", "who comes second is refused" },
		[CLEAN] = { "clean", "when all are gone it is as it was" },
	},
	.possible = possible,
	.start = start,
	.work = work,
	.check = check,
};

#endif
