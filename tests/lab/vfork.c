/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child of vfork() that takes its time: it lives in its parent's memory with its parent's thread
 * pointer, and the parent sleeps in the kernel until it is gone. The kernel registers neither it
 * nor its libc does, yet libc's area at its thread pointer looks alive: it is the parent's.
 *
 * The child is made by clone(), because one that returns from vfork() may do next to nothing. It
 * talks to the test; the parent cannot.
 */
#include "testify.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct lab_thread *threads;
static struct lab_thread child;

static void nobody_registers(struct lab_thread *self)
{
	struct lab_rseq *area = lab_libc_area(self->tp);

	if (area && lab_rseq_is_registered(area, LAB_RSEQ_LENGTH))
		lab_fail(LAB_EXIT_FAILED, "the kernel registered the child");
}

static int child_main(void *arg)
{
	static const struct lab_role role = { .prepare = nobody_registers };

	(void)arg;
	lab_thread_adopt(&child, &role);
	lab_testimony();
	json_number("parent", getppid());
	lab_testify_threads(&child, 1, NULL);
	json_object("of_parent");
	lab_testify_threads(threads, 2, NULL);
	json_object_end();
	lab_testimony_end();
	lab_obey(NULL);
	_exit(0);
}

int main(void)
{
	static char stack[256 * 1024] __attribute__((aligned(64)));
	pid_t pid;

	threads = lab_crew_start(2, &lab_role_libc);
	pid = clone(child_main, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	if (pid < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot clone: %s", strerror(errno));
	waitpid(pid, NULL, 0);
	return 0;
}
