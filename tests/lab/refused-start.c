/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sandbox older than rseq: its filter answers the call with EPERM or ENOSYS, libc takes no for an
 * answer without a word, and the whole process runs unregistered. The filter has to be there before
 * libc starts, so the program installs it and executes itself.
 *
 * usage: refused-start EPERM|ENOSYS
 */
#include "testify.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 3

static void refuse_rseq(unsigned int err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rseq, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		lab_skip("seccomp: %s", strerror(errno));
}

static void restart(char **argv)
{
	char *again[] = { argv[0], argv[1], (char *)"--refused", NULL };

	/* By its own path and not /proc/self/exe, which would name the process "exe". */
	execv(lab_sibling(lab_program()), again);
	lab_fail(LAB_EXIT_FAILED, "cannot execute myself: %s", strerror(errno));
}

static unsigned int parse_errno(const char *name)
{
	if (name && !strcmp(name, "EPERM"))
		return EPERM;
	if (name && !strcmp(name, "ENOSYS"))
		return ENOSYS;
	lab_fail(LAB_EXIT_USAGE, "usage: refused-start EPERM|ENOSYS");
}

int main(int argc, char **argv)
{
	unsigned int err = parse_errno(argv[1]);
	struct lab_thread *threads;

	if (argc < 3) {
		refuse_rseq(err);
		restart(argv);
	}
	threads = lab_crew_start(THREADS, &lab_role_libc);
	lab_testimony();
	json_text("errno", argv[1]);
	lab_testify_threads(threads, THREADS, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
