/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two libraries that take turns: one is loaded, a critical section of it is aborted, and it is unloaded at
 * once, so that the other one may get its place. Then the program ends at once: whoever wants names has to
 * remember what was mapped.
 *
 * usage: unloader ROUNDS [--aborts K]
 */
#include "section.h"
#include "testify.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define USAGE "usage: unloader ROUNDS [--aborts K]"
#define MAX_ROUNDS 10000
#define MAX_ABORTS 1000
#define INTERVAL_US 300

static const struct library {
	const char *file, *finder, *function, *descriptor;
} libraries[] = {
	{ "libaborts.so", "aborts_library_section", "aborts_library_pop", "aborts_library_pop_cs" },
	{ "libturns.so", "turns_library_section", "turns_library_push", "turns_library_push_cs" },
};

#define LIBRARIES (sizeof(libraries) / sizeof(*libraries))

static unsigned int aborts_of[LIBRARIES];

static void on_alarm(int number)
{
	(void)number;
}

static void set_timer(long interval_us)
{
	struct itimerval timer = { { 0, interval_us }, { 0, interval_us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void abort_in(section_code *code, const struct section *descriptor, unsigned int aborts)
{
	volatile struct lab_rseq *area = lab_libc_area(lab_thread_pointer());
	static const uint32_t never;
	struct section_cpus cpus;

	set_timer(INTERVAL_US);
	for (unsigned int i = 0; i < aborts; i++)
		code(area, &never, &cpus, descriptor);
	set_timer(0);
}

static void run(const struct library *library, const char *path, unsigned int aborts)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	section_code *(*find)(const struct section **);
	const struct section *descriptor;
	section_code *code;

	if (!handle)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	find = (section_code * (*)(const struct section **)) dlsym(handle, library->finder);
	if (!find)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	code = find(&descriptor);
	if (!code)
		lab_skip("no critical sections on this architecture");
	abort_in(code, descriptor, aborts);
	dlclose(handle);
}

static void testify(void)
{
	lab_testimony();
	json_array("sections");
	for (size_t i = 0; i < LIBRARIES; i++) {
		if (!aborts_of[i])
			continue;
		json_object(NULL);
		json_text("object", libraries[i].file);
		json_text("function", libraries[i].function);
		json_text("symbol", libraries[i].descriptor);
		json_number("aborts", aborts_of[i]);
		json_object_end();
	}
	json_array_end();
	json_number("aborts", aborts_of[0] + aborts_of[1]);
	lab_testimony_end();
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	unsigned int rounds, aborts = 3;
	char *paths[LIBRARIES];

	if (argc != 2 && (argc != 4 || strcmp(argv[2], "--aborts") != 0))
		lab_fail(LAB_EXIT_USAGE, USAGE);
	rounds = lab_count_argument(argv[1], MAX_ROUNDS);
	if (argc == 4)
		aborts = lab_count_argument(argv[3], MAX_ABORTS);
	lab_require_libc_owner();
	sigaction(SIGALRM, &action, NULL);
	for (size_t i = 0; i < LIBRARIES; i++)
		paths[i] = lab_sibling(libraries[i].file);
	for (unsigned int i = 0; i < rounds; i++) {
		run(&libraries[i % LIBRARIES], paths[i % LIBRARIES], aborts);
		aborts_of[i % LIBRARIES] += aborts;
	}
	testify();
	return 0;
}
