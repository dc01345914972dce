/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a thread, in which two users of rseq clean up one after the other. The second's
 * registration was refused, because the first (librseq_2018.so) had registered the very same area; its
 * destructor gives that back all the same. The first's, which comes later, still works on its per-CPU
 * data: it is kept there, in a thread that is no longer registered.
 *
 * usage: key-destructor [--careful]	the second gives back only what it got
 */
#include "users.h"
#include "testify.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "librseq_2018.so"
#define THREADS 3
#define ENDING 2

static const struct user *first;
static bool is_careful;
static __thread bool second_has_registered;
static uint32_t counts[THREADS];
static atomic_bool is_in_destructor;
/* Destructors run in the order in which the keys were made. */
static pthread_key_t second_key, first_key;

static void look(struct lab_thread *self)
{
	self->area = 0;
	self->length = 0;
	self->place = NULL;
	self->object = NULL;
	lab_library_area(self, first->own(), LIBRARY);
	counts[self->index] = *first->count();
}

static void end_second(void *self)
{
	(void)self;
	if (!is_careful || second_has_registered)
		lab_rseq_unregister(first->area(), LAB_RSEQ_LENGTH);
}

static void end_first(void *self)
{
	look(self);
	atomic_store(&is_in_destructor, true);
	lab_rest(self);
}

static void prepare(struct lab_thread *self)
{
	first->start();
	second_has_registered = !lab_rseq_register(first->area(), LAB_RSEQ_LENGTH);
	look(self);
}

static void rest(struct lab_thread *self)
{
	if (self->index != ENDING)
		lab_rest(self);
	pthread_setspecific(second_key, self);
	pthread_setspecific(first_key, self);
	pthread_exit(NULL);
}

static void open_first(void)
{
	void *library = dlopen(lab_sibling(LIBRARY), RTLD_NOW | RTLD_GLOBAL);
	const struct user *(*ask)(void);

	if (!library)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	ask = (const struct user *(*)(void))dlsym(library, USER_ASK);
	if (!ask)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	first = ask();
}

static void testify_use(const struct lab_thread *thread)
{
	lab_testify_library_area(thread);
	json_number("count", counts[thread->index]);
	json_bool("ending", thread->index == ENDING);
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = prepare, .rest = rest };
	struct lab_thread *threads;

	if (argc > 1 && strcmp(argv[1], "--careful"))
		lab_fail(LAB_EXIT_USAGE, "usage: key-destructor [--careful]");
	is_careful = argc > 1;
	open_first();
	pthread_key_create(&second_key, end_second);
	pthread_key_create(&first_key, end_first);
	threads = lab_crew_start(THREADS, &role);
	while (!atomic_load(&is_in_destructor))
		usleep(1000);
	lab_settle_tid(getpid(), threads[ENDING].tid);
	lab_testimony();
	lab_testify_threads(threads, THREADS, testify_use);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
