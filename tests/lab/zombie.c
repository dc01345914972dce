/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that is over but not yet reaped: it has a number, a name and a state, but no memory,
 * no maps and nothing to stop. Whoever walks all processes meets one.
 */
#include "testify.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t leave_zombie(void)
{
	siginfo_t info;
	pid_t child = fork();

	if (child < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
	if (!child)
		_exit(0);
	/* WNOWAIT: learns that it is over and leaves it unreaped. */
	if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT))
		lab_fail(LAB_EXIT_FAILED, "cannot wait: %s", strerror(errno));
	return child;
}

int main(void)
{
	struct lab_thread *threads = lab_crew_start(1, &lab_role_libc);
	pid_t child = leave_zombie();

	lab_testimony();
	json_number("zombie", child);
	lab_testify_threads(threads, 1, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	waitpid(child, NULL, 0);
	return 0;
}
