/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads and processes that end, or become another program, while they are registered, and next to
 * them one that has unregistered before. Nobody calls rseq() for those who just go: the kernel forgets
 * them, and an area that is not in the thread's own storage stays behind. All of it is over when the
 * testimony is printed.
 *
 * usage: goes thread-exit|exit|exec|exec-thread|heap-area [--count N]
 */
#include "testify.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MAX_ENDS 4096
#define IMAGE "image"

enum how { THREAD_EXIT, EXIT, KILL, EXEC, EXEC_SIBLING, HOWS };

static const char *const how_names[HOWS] = { "thread-exit", "exit", "kill", "exec", "exec-sibling" };

/* A thread that is about to go; shared with the children, who write it themselves. */
struct end {
	pid_t pid, tid;
	uintptr_t area; /* 0: not registered */
	unsigned int length;
	const char *place;
	enum how how;
};

struct ends {
	atomic_uint count;
	struct end all[MAX_ENDS];
};

static struct ends *ends;
static __thread struct lab_rseq tls_area = LAB_RSEQ_INITIALIZER;
static struct lab_rseq data_area = LAB_RSEQ_INITIALIZER;

static void note(const struct lab_thread *self, enum how how)
{
	unsigned int slot = atomic_fetch_add(&ends->count, 1);

	if (slot >= MAX_ENDS)
		lab_fail(LAB_EXIT_FAILED, "more than %d threads", MAX_ENDS);
	ends->all[slot] = (struct end){ getpid(), lab_tid(), self->area, self->length, self->place, how };
}

/* Libc's, or the area that is given. */
static struct lab_thread register_here(void *area, const char *place)
{
	struct lab_thread self = { .tp = lab_thread_pointer() };

	if (lab_libc_owns())
		lab_prepare_libc(&self);
	else
		lab_own_area(&self, area, place, NULL);
	return self;
}

static void note_registered(enum how how)
{
	struct lab_thread self = register_here(&tls_area, "tls-symbol");

	note(&self, how);
}

/* The near miss. */
static void note_unregistered(enum how how)
{
	struct lab_thread self = register_here(&tls_area, "tls-symbol");

	if (lab_rseq_unregister((void *)self.area, self.length))
		lab_fail(LAB_EXIT_FAILED, "cannot unregister");
	self = (struct lab_thread){ 0 };
	note(&self, how);
}

/* Threads --- */

static void run_thread(void *(*what)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, what, NULL) || pthread_join(thread, NULL))
		lab_fail(LAB_EXIT_FAILED, "cannot run a thread");
}

static void *go_registered(void *unused)
{
	(void)unused;
	note_registered(THREAD_EXIT);
	return NULL;
}

static void *go_unregistered(void *unused)
{
	(void)unused;
	note_unregistered(THREAD_EXIT);
	return NULL;
}

static void thread_exit(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		run_thread(go_registered);
	run_thread(go_unregistered);
}

/* Never freed: it is the area that stays. */
static void *go_from_heap(void *unused)
{
	struct lab_rseq *area = aligned_alloc(sizeof(*area), sizeof(*area));
	struct lab_thread self;

	(void)unused;
	if (!area)
		lab_fail(LAB_EXIT_FAILED, "out of memory");
	*area = (struct lab_rseq)LAB_RSEQ_INITIALIZER;
	self = register_here(area, "malloc");
	note(&self, THREAD_EXIT);
	return NULL;
}

static void *go_from_data(void *unused)
{
	struct lab_thread self = register_here(&data_area, "data");

	(void)unused;
	note(&self, THREAD_EXIT);
	return NULL;
}

static void heap_area(unsigned int count)
{
	lab_require_no_libc_owner();
	for (unsigned int i = 0; i < count; i++)
		run_thread(go_from_heap);
	run_thread(go_from_data);
	run_thread(go_registered);
}

/* Processes --- */

static atomic_uint sleepers;

static void *stay(void *how)
{
	note_registered(*(enum how *)how);
	atomic_fetch_add(&sleepers, 1);
	lab_rest(NULL);
}

/* A second and a third thread, who are asleep when the process goes. */
static void add_sleepers(enum how how)
{
	static enum how theirs;
	pthread_t thread;

	theirs = how;
	for (unsigned int i = 1; i <= 2; i++) {
		if (pthread_create(&thread, NULL, stay, &theirs))
			lab_fail(LAB_EXIT_FAILED, "cannot create a thread");
		while (atomic_load(&sleepers) < i)
			usleep(1000);
	}
}

static void run_child(void (*what)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
	if (!child) {
		what();
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		lab_fail(LAB_EXIT_FAILED, "cannot wait: %s", strerror(errno));
	if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		lab_fail(LAB_EXIT_FAILED, "a child ended with 0x%x", (unsigned int)status);
}

static void leave_with_threads(void)
{
	note_registered(EXIT);
	add_sleepers(EXIT);
}

static void leave_unregistered(void)
{
	note_unregistered(EXIT);
}

static void be_killed(void)
{
	note_registered(KILL);
	add_sleepers(KILL);
	kill(getpid(), SIGKILL);
}

static void exit_processes(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		run_child(leave_with_threads);
	run_child(be_killed);
	run_child(leave_unregistered);
}

static void become_image(void)
{
	execl("/proc/self/exe", lab_program(), IMAGE, (char *)NULL);
	lab_fail(LAB_EXIT_FAILED, "cannot execute: %s", strerror(errno));
}

/* In the new image everything begins again; where libc registers, it goes a second time. */
static void note_image(pid_t pid)
{
	unsigned int slot = atomic_fetch_add(&ends->count, 1);

	ends->all[slot] = (struct end){ pid, pid, 0, 0, NULL, EXIT };
	if (lab_libc_owns())
		ends->all[slot].place = "libc";
}

static void exec_with_threads(void)
{
	note_registered(EXEC);
	add_sleepers(EXEC_SIBLING);
	note_image(getpid());
	become_image();
}

static void exec_unregistered(void)
{
	note_unregistered(EXEC);
	note_image(getpid());
	become_image();
}

static void exec_processes(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		run_child(exec_with_threads);
	run_child(exec_unregistered);
}

static void *exec_here(void *unused)
{
	(void)unused;
	note_registered(EXEC);
	note_image(getpid());
	become_image();
	return NULL;
}

/* Not the main thread: it takes main's number with it into the new image. */
static void exec_from_thread(void)
{
	note_registered(EXEC_SIBLING);
	run_thread(exec_here);
}

static void exec_threads(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		run_child(exec_from_thread);
}

/* Testimony --- */

static const struct kind {
	const char *name;
	void (*run)(unsigned int count);
	unsigned int count;
} kinds[] = {
	{ "thread-exit", thread_exit, 8 },
	{ "exit", exit_processes, 4 },
	{ "exec", exec_processes, 4 },
	{ "exec-thread", exec_threads, 4 },
	{ "heap-area", heap_area, 4 },
};

static const struct kind *kind;

static bool is_registered(const struct end *end)
{
	return end->area || end->place;
}

static void testify_counts(void)
{
	unsigned int counts[HOWS] = { 0 };

	for (unsigned int i = 0; i < ends->count; i++)
		counts[ends->all[i].how] += is_registered(&ends->all[i]);
	json_object("registered");
	for (unsigned int i = 0; i < HOWS; i++)
		json_number(how_names[i], counts[i]);
	json_object_end();
}

/* Static storage and what malloc() gave belong to the process, thread-local storage goes with the thread. */
static bool outlives(const struct end *end)
{
	return end->how == THREAD_EXIT && end->place &&
	       (!strcmp(end->place, "malloc") || !strcmp(end->place, "data"));
}

static void testify_end(const struct end *end)
{
	json_object(NULL);
	json_number("pid", end->pid);
	json_number("tid", end->tid);
	json_text("how", how_names[end->how]);
	json_bool("registered", is_registered(end));
	json_address("area", end->area);
	json_number("length", end->length);
	json_text("place", end->place);
	json_bool("outlives", outlives(end));
	json_object_end();
}

static unsigned int parse(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, argv[1]))
			kind = &kinds[i];
	if (!kind || (argc > 2 && (argc != 4 || strcmp(argv[2], "--count"))))
		lab_fail(LAB_EXIT_USAGE,
			 "usage: goes thread-exit|exit|exec|exec-thread|heap-area [--count N]");
	return argc > 2 ? lab_count_argument(argv[3], 1000) : kind->count;
}

int main(int argc, char **argv)
{
	struct lab_thread *threads;
	unsigned int count;

	if (argc > 1 && !strcmp(argv[1], IMAGE))
		return 0;
	count = parse(argc, argv);
	ends = mmap(NULL, sizeof(*ends), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ends == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
	threads = lab_crew_start(1, &lab_role_libc);
	kind->run(count);
	lab_testimony();
	json_text("kind", kind->name);
	testify_counts();
	json_array("ends");
	for (unsigned int i = 0; i < ends->count; i++)
		testify_end(&ends->all[i]);
	json_array_end();
	lab_testify_threads(threads, 1, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
