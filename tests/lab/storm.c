/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that will not hold still: threads come and go, or children do, or libraries, or the
 * whole image is replaced every few milliseconds under the same number. Whoever looks must notice
 * that what was read first no longer fits what was read last, and must not hang, crash or invent.
 *
 * usage: storm [--threads | --fork | --libraries | --exec]
 */
#include "testify.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 4
#define EXEC_INTERVAL_MS 5
#define RESUMED "--resumed"

static unsigned long rounds;

static void short_life(unsigned int index)
{
	struct timespec time = { .tv_nsec = 200000L * (index + 1) };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void *thread_life(void *arg)
{
	short_life((unsigned int)(uintptr_t)arg);
	return NULL;
}

static void thread_round(void)
{
	pthread_t threads[BATCH];

	for (unsigned int i = 0; i < BATCH; i++) {
		int err = pthread_create(&threads[i], NULL, thread_life, (void *)(uintptr_t)i);

		if (err)
			lab_fail(LAB_EXIT_FAILED, "cannot create a thread: %s", strerror(err));
	}
	for (unsigned int i = 0; i < BATCH; i++)
		pthread_join(threads[i], NULL);
}

static void fork_round(void)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		pid_t child = fork();

		if (child < 0)
			lab_fail(LAB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
		if (!child) {
			short_life(i);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
}

/* The list of objects is in change for the most part of each round. */
static void library_round(void)
{
	static char *path;
	void *library;

	if (!path)
		path = lab_sibling("libown_dlopen.so");
	for (unsigned int i = 0; i < BATCH; i++) {
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (!library || dlclose(library))
			lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	}
}

static void exec_round(char **argv)
{
	char count[32];
	char *again[] = { argv[0], argv[1], (char *)RESUMED, count, NULL };
	struct lab_thread *bystander = calloc(1, sizeof(*bystander));

	/* One thread more, because exec() has to kill it first. */
	if (bystander)
		lab_thread_start(bystander, &lab_role_libc);
	snprintf(count, sizeof(count), "%lu", rounds + 1);
	execv(lab_sibling(lab_program()), again);
	lab_fail(LAB_EXIT_FAILED, "cannot execute myself: %s", strerror(errno));
}

static void report_rounds(void)
{
	json_number("rounds", (long long)rounds);
}

static void testify(const char *mode)
{
	struct lab_thread *threads = lab_crew_start(1, &lab_role_libc);

	lab_testimony();
	json_text("mode", mode);
	lab_testify_threads(threads, 1, NULL);
	lab_testimony_end();
	free(threads);
}

static bool obey_once(int timeout_ms)
{
	enum lab_order order = lab_listen(timeout_ms);

	if (order == LAB_ORDER_REPORT)
		lab_report(report_rounds);
	return order != LAB_ORDER_END;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "--threads";
	bool executes = !strcmp(mode, "--exec");
	bool forks = !strcmp(mode, "--fork");
	bool opens = !strcmp(mode, "--libraries");

	if (!executes && !forks && !opens && strcmp(mode, "--threads"))
		lab_fail(LAB_EXIT_USAGE, "usage: storm [--threads | --fork | --libraries | --exec]");
	if (argc > 3 && !strcmp(argv[2], RESUMED))
		rounds = strtoul(argv[3], NULL, 10);
	else
		testify(mode + 2);
	while (obey_once(executes ? EXEC_INTERVAL_MS : 0)) {
		if (executes)
			exec_round(argv);
		else if (forks)
			fork_round();
		else if (opens)
			library_round();
		else
			thread_round();
		rounds++;
	}
	return 0;
}
