/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Libraries of every era that want rseq, in one process, and the order in which they come and go.
 * The steps are done one after the other; what is true after the last one is testified. All threads
 * take part in a start and a stop, one after the other and main first; a 1 behind the word is for
 * main alone.
 *
 * usage: users [STEP:LIBRARY | STEP]...
 *	open global inner	dlopen() with RTLD_LOCAL or RTLD_GLOBAL, dlmopen() into a new namespace
 *	keep			dlopen() with RTLD_NODELETE
 *	close			dlclose(); the library has to be gone then
 *	start start1 stop stop1	the library's own; one that is not open yet came with the program
 *	with			names a library that came with the program: whoever owns has to be named
 *	refuse			rseq() is EPERM from here on, by seccomp
 *	release release1	the program unregisters what is registered, whoever's it is
 */
#include "users.h"
#include "testify.h"

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef USERS_FLAG
/* What a program of 2019 does. Where it may, the linker gives the program a copy, and that is the live one. */
extern int __rseq_handled;
#endif

#define THREADS 3
#define MAX_LIBRARIES 8

struct library {
	const char *name;
	char *path;
	void *handle; /* NULL: closed */
	const struct user *user;
};

static struct library libraries[MAX_LIBRARIES];
static unsigned int library_count;
static struct lab_thread *threads;

/* Orders to the threads --- */

static void (*order)(struct lab_thread *self);
static const struct library *order_library;
static _Atomic uint32_t turns[THREADS], done[THREADS];

static void obey_orders(struct lab_thread *self)
{
	_Atomic uint32_t *turn = &turns[self->index];

	for (;;) {
		uint32_t now = atomic_load(turn);

		if (now != atomic_load(&done[self->index])) {
			order(self);
			atomic_store(&done[self->index], now);
		}
		syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
	}
}

static void order_thread(unsigned int index)
{
	uint32_t turn = atomic_fetch_add(&turns[index], 1) + 1;

	syscall(SYS_futex, &turns[index], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	while (atomic_load(&done[index]) != turn)
		usleep(1000);
	lab_thread_settle(&threads[index]);
}

static void everywhere(void (*what)(struct lab_thread *self), const struct library *library)
{
	order = what;
	order_library = library;
	what(&threads[0]);
	for (unsigned int i = 1; i < THREADS; i++)
		order_thread(i);
}

/* What is true of a thread --- */

static struct lab_rseq *own_areas[THREADS][MAX_LIBRARIES], *used_areas[THREADS][MAX_LIBRARIES];
static uint32_t counts[THREADS][MAX_LIBRARIES];

static void look_at_library(struct lab_thread *self, unsigned int index)
{
	const struct user *user = libraries[index].user;
	struct lab_rseq *own;

	if (!user)
		return;
	own = user->own ? user->own() : NULL;
	own_areas[self->index][index] = own;
	used_areas[self->index][index] = user->area();
	counts[self->index][index] = user->count ? *user->count() : 0;
	if (!own || !lab_rseq_is_registered(own, LAB_RSEQ_LENGTH))
		return;
	self->area = (uintptr_t)own;
	self->length = LAB_RSEQ_LENGTH;
	self->place = user->place;
	self->object = libraries[index].name;
}

/* An area of a library that nobody named would be testified as none. */
static void insist_on_owner(const struct lab_thread *self)
{
	for (unsigned int i = 0; !self->area && i < library_count; i++) {
		struct lab_rseq *used = used_areas[self->index][i];

		if (used && lab_rseq_is_registered(used, LAB_RSEQ_LENGTH))
			lab_fail(LAB_EXIT_USAGE, "whose is the area that %s uses? (with:LIBRARY)",
				 libraries[i].name);
	}
}

static void look(struct lab_thread *self)
{
	self->area = 0;
	self->length = 0;
	self->place = NULL;
	self->object = NULL;
	lab_prepare_libc(self);
	for (unsigned int i = 0; i < library_count; i++)
		look_at_library(self, i);
	insist_on_owner(self);
}

/* Steps --- */

static struct library *find_library(const char *name)
{
	for (unsigned int i = 0; i < library_count; i++)
		if (libraries[i].handle && !strcmp(libraries[i].name, name))
			return &libraries[i];
	return NULL;
}

static struct library *add_library(const char *name, void *handle)
{
	struct library *library = &libraries[library_count];
	const struct user *(*ask)(void);

	if (!handle)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	if (library_count++ == MAX_LIBRARIES)
		lab_fail(LAB_EXIT_USAGE, "more than %u libraries", MAX_LIBRARIES);
	ask = (const struct user *(*)(void))dlsym(handle, USER_ASK);
	if (!ask)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	*library = (struct library){ name, lab_sibling(name), handle, ask() };
	return library;
}

/* What came with the program needs no step of its own. */
static struct library *need_library(const char *name)
{
	struct library *library = find_library(name);
	char *path = lab_sibling(name);

	if (!library)
		library = add_library(name, dlopen(path, RTLD_NOW | RTLD_NOLOAD));
	free(path);
	return library;
}

static void step_with(const char *name)
{
	need_library(name);
}

static void step_open(const char *name)
{
	add_library(name, dlopen(lab_sibling(name), RTLD_NOW | RTLD_LOCAL));
}

static void step_global(const char *name)
{
	add_library(name, dlopen(lab_sibling(name), RTLD_NOW | RTLD_GLOBAL));
}

static void step_keep(const char *name)
{
	add_library(name, dlopen(lab_sibling(name), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE));
}

static void step_inner(const char *name)
{
	add_library(name, dlmopen(LM_ID_NEWLM, lab_sibling(name), RTLD_NOW | RTLD_LOCAL));
}

static void step_close(const char *name)
{
	struct library *library = need_library(name);

	if (dlclose(library->handle))
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	library->handle = NULL;
	library->user = NULL;
	if (dlopen(library->path, RTLD_NOW | RTLD_NOLOAD))
		lab_fail(LAB_EXIT_FAILED, "%s is still there", name);
}

/* A library that may not register knows it, and says so in its own area. */
static void start_here(struct lab_thread *self)
{
	(void)self;
	order_library->user->start();
}

static void stop_here(struct lab_thread *self)
{
	(void)self;
	order_library->user->stop();
}

static void step_start(const char *name)
{
	everywhere(start_here, need_library(name));
}

static void step_start1(const char *name)
{
	need_library(name)->user->start();
}

static void step_stop(const char *name)
{
	everywhere(stop_here, need_library(name));
}

static void step_stop1(const char *name)
{
	need_library(name)->user->stop();
}

/* For all threads; those who are registered by now stay so, but nobody could confirm it. */
static void step_refuse(const char *name)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rseq, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	(void)name;
	lab_require_no_libc_owner();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
		lab_skip("seccomp: %s", strerror(errno));
}

/* By hand, past whoever registered; a thread that is not registered has nothing to give. */
static void release_here(struct lab_thread *self)
{
	look(self);
	if (self->area && lab_rseq_unregister((void *)self->area, self->length))
		lab_fail(LAB_EXIT_FAILED, "cannot unregister");
}

static void step_release(const char *name)
{
	(void)name;
	everywhere(release_here, NULL);
}

static void step_release1(const char *name)
{
	(void)name;
	release_here(&threads[0]);
}

static const struct step {
	const char *name;
	void (*run)(const char *library);
} steps[] = {
	{ "open", step_open },	   { "global", step_global },	{ "keep", step_keep },
	{ "inner", step_inner },   { "close", step_close },	{ "start", step_start },
	{ "start1", step_start1 }, { "stop", step_stop },	{ "stop1", step_stop1 },
	{ "refuse", step_refuse }, { "with", step_with },
	{ "release", step_release }, { "release1", step_release1 },
};

static void run_step(const char *argument)
{
	const char *colon = strchrnul(argument, ':');

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (strlen(steps[i].name) == (size_t)(colon - argument) &&
		    !strncmp(steps[i].name, argument, (size_t)(colon - argument))) {
			steps[i].run(*colon ? colon + 1 : colon);
			return;
		}
	lab_fail(LAB_EXIT_USAGE, "no such step: %s", argument);
}

/* Testimony --- */

static void testify_uses(const struct lab_thread *thread)
{
	json_array("uses");
	for (unsigned int i = 0; i < library_count; i++) {
		const struct library *library = &libraries[i];

		if (!library->user)
			continue;
		json_object(NULL);
		json_text("library", library->name);
		json_address("own_area", (uintptr_t)own_areas[thread->index][i]);
		json_address("area", (uintptr_t)used_areas[thread->index][i]);
		json_number("cpu_id", user_cpu_id(used_areas[thread->index][i]));
		if (library->user->count)
			json_number("count", counts[thread->index][i]);
		else
			json_null("count");
		json_object_end();
	}
	json_array_end();
}

static void testify_libraries(void)
{
	json_array("libraries");
	for (unsigned int i = 0; i < library_count; i++) {
		const struct library *library = &libraries[i];

		json_object(NULL);
		json_text("library", library->name);
		json_bool("loaded", library->handle);
		if (library->user && library->user->handled)
			json_number("handled", *library->user->handled());
		else
			json_null("handled");
		json_object_end();
	}
	json_array_end();
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = lab_prepare_libc, .rest = obey_orders };

	threads = lab_crew_start(THREADS, &role);
	for (int i = 1; i < argc; i++)
		run_step(argv[i]);
	everywhere(look, NULL);
	lab_testimony();
	testify_libraries();
#ifdef USERS_FLAG
	json_number("program_handled", __rseq_handled);
#endif
	lab_testify_threads(threads, THREADS, testify_uses);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
