/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process in the hands of a debugger: every thread of it has a tracer already, so nobody else can
 * attach and ask the kernel that way. The testimony's pid is the traced process; stdin is read by
 * the tracer, and the two go together.
 */
#include "testify.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 3

struct channel {
	int ready[2];	/* the child's threads are at rest */
	int attached[2]; /* all of them have a tracer */
};

static pid_t child;

static void say(int fd)
{
	if (write(fd, "", 1) != 1)
		lab_fail(LAB_EXIT_FAILED, "the other process is gone");
}

static void hear(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		lab_fail(LAB_EXIT_FAILED, "the other process is gone");
}

static _Noreturn void be_traced(const struct channel *channel)
{
	struct lab_thread *threads = lab_crew_start(THREADS, &lab_role_libc);
	char byte;

	close(channel->ready[0]);
	close(channel->attached[1]);
	say(channel->ready[1]);
	hear(channel->attached[0]);
	lab_testimony();
	json_number("tracer", getppid());
	lab_testify_threads(threads, THREADS, NULL);
	lab_testimony_end();
	/* Ends with the tracer, which holds the other end. */
	while (read(channel->attached[0], &byte, 1) < 0)
		;
	_exit(0);
}

static void seize(pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_EXITKILL))
		lab_skip("PTRACE_SEIZE: %s", strerror(errno));
}

static void seize_all_threads(void)
{
	const struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", child);
	tasks = opendir(path);
	if (!tasks)
		lab_fail(LAB_EXIT_FAILED, "cannot open %s: %s", path, strerror(errno));
	while ((entry = readdir(tasks))) {
		if (entry->d_name[0] != '.')
			seize(atoi(entry->d_name));
	}
	closedir(tasks);
}

static void report_pair(void)
{
	json_number("traced", child);
	json_number("tracer", getpid());
}

int main(void)
{
	struct channel channel;

	if (pipe(channel.ready) || pipe(channel.attached))
		lab_fail(LAB_EXIT_FAILED, "no pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
	if (!child)
		be_traced(&channel);
	close(channel.ready[1]);
	close(channel.attached[0]);
	hear(channel.ready[0]);
	seize_all_threads();
	say(channel.attached[1]);
	lab_obey(report_pair);
	kill(child, SIGKILL);
	/* Every thread: the process is over when its tracer has seen the end of them all. */
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	return 0;
}
