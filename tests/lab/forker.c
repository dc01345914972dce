/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Short-lived children that abort critical sections of their own and are gone soon after: whoever names
 * sections has to look while they are there. A timer aborts them; the first child counts one abort, the
 * next one two, and so on up to K and again from one, and says the number by its exit status.
 *
 * usage: forker N [--aborts K] [--exec]
 *	--exec	the children are programs of their own, each with addresses of its own
 */
#include "section.h"
#include "testify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

#define CHILD "child"
#define MAX_CHILDREN 10000
#define MAX_ABORTS 100
#define INTERVAL_US 500

static struct {
	unsigned int children, aborts;
	bool does_exec;
} options = { .aborts = 10 };

static struct child {
	pid_t pid;
	unsigned int aborts;
} *children;

/* Sections --- */

static struct place {
	const char *function, *object;
	section_code *code;
	const struct section *descriptor;
} places[2];

#define PLACES (sizeof(places) / sizeof(*places))

section_code *aborts_library_section(const struct section **ret_descriptor);

#ifdef LAB_HAS_SECTIONS
SECTION_SPIN("forker_spin", "forker_spin_cs", SECTION_FAR);

extern section_code forker_spin;
SECTION_EXTERN forker_spin_cs;

static void find_places(void)
{
	places[0] = (struct place){ "forker_spin", lab_program(), forker_spin, &forker_spin_cs };
	places[1] = (struct place){ "aborts_library_pop", "libaborts.so", NULL, NULL };
	places[1].code = aborts_library_section(&places[1].descriptor);
}
#else
static void find_places(void)
{
	lab_skip("no critical sections on this architecture");
}
#endif

/* A child --- */

static void on_alarm(int number)
{
	(void)number;
}

static void set_timer(long interval_us)
{
	struct itimerval timer = { { 0, interval_us }, { 0, interval_us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static _Noreturn void be_child(unsigned int aborts)
{
	static const uint32_t never;
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	volatile struct lab_rseq *area = lab_libc_area(lab_thread_pointer());
	struct section_cpus cpus;

	sigaction(SIGALRM, &action, NULL);
	set_timer(INTERVAL_US);
	for (unsigned int i = 0; i < aborts; i++) {
		const struct place *place = &places[i % PLACES];

		place->code(area, &never, &cpus, place->descriptor);
	}
	set_timer(0);
	_exit((int)aborts);
}

static _Noreturn void execute_child(unsigned int aborts)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", aborts);
	execl("/proc/self/exe", lab_program(), CHILD, number, (char *)NULL);
	lab_fail(LAB_EXIT_FAILED, "cannot execute: %s", strerror(errno));
}

/* The parent --- */

static struct child run_child(unsigned int aborts)
{
	struct child child = { .pid = fork() };
	int status;

	if (child.pid < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
	if (!child.pid && options.does_exec)
		execute_child(aborts);
	if (!child.pid)
		be_child(aborts);
	if (waitpid(child.pid, &status, 0) != child.pid)
		lab_fail(LAB_EXIT_FAILED, "cannot wait: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != (int)aborts)
		lab_fail(LAB_EXIT_FAILED, "a child ended with 0x%x", (unsigned int)status);
	child.aborts = aborts;
	return child;
}

static void testify_places(void)
{
	json_array("sections");
	for (size_t i = 0; i < PLACES; i++) {
		json_object(NULL);
		json_text("function", places[i].function);
		json_text("object", places[i].object);
		/* What the children of fork have in common. */
		json_address("start", options.does_exec ? 0 : (uintptr_t)places[i].descriptor->start);
		json_number("length", (long long)places[i].descriptor->length);
		json_object_end();
	}
	json_array_end();
}

static void testify_children(void)
{
	long long sum = 0;

	json_array("children");
	for (unsigned int i = 0; i < options.children; i++) {
		json_object(NULL);
		json_number("pid", children[i].pid);
		json_number("aborts", children[i].aborts);
		json_object_end();
		sum += children[i].aborts;
	}
	json_array_end();
	json_number("aborts", sum);
}

static void parse(int argc, char **argv)
{
	if (argc < 2)
		lab_fail(LAB_EXIT_USAGE, "usage: forker N [--aborts K] [--exec]");
	options.children = lab_count_argument(argv[1], MAX_CHILDREN);
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--exec"))
			options.does_exec = true;
		else if (!strcmp(argv[i], "--aborts") && argv[i + 1])
			options.aborts = lab_count_argument(argv[++i], MAX_ABORTS);
		else
			lab_fail(LAB_EXIT_USAGE, "usage: forker N [--aborts K] [--exec]");
	}
}

int main(int argc, char **argv)
{
	struct lab_thread *threads;

	lab_require_libc_owner();
	find_places();
	if (argc == 3 && !strcmp(argv[1], CHILD))
		be_child(lab_count_argument(argv[2], MAX_ABORTS));
	parse(argc, argv);
	children = calloc(options.children, sizeof(*children));
	if (!children)
		lab_fail(LAB_EXIT_FAILED, "out of memory");
	threads = lab_crew_start(1, &lab_role_libc);
	for (unsigned int i = 0; i < options.children; i++)
		children[i] = run_child(1 + i % options.aborts);
	lab_testimony();
	testify_places();
	testify_children();
	lab_testify_threads(threads, 1, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
