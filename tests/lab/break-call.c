/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts a program in which one system call is refused, kills whoever calls it, or never comes back.
 *
 * usage: break-call EPERM|ENOSYS|kill|hang bpf|membarrier|ptrace|rseq COMMAND ARG...
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned int value;
} actions[] = {
	{ "EPERM", SECCOMP_RET_ERRNO | EPERM },
	{ "ENOSYS", SECCOMP_RET_ERRNO | ENOSYS },
	{ "kill", SECCOMP_RET_KILL_PROCESS },
	{ "hang", SECCOMP_RET_USER_NOTIF },
}, calls[] = {
	{ "bpf", SYS_bpf },
	{ "membarrier", SYS_membarrier },
	{ "ptrace", SYS_ptrace },
	{ "rseq", SYS_rseq },
};

int main(int argc, char **argv)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	unsigned int found = 0, flags = 0;
	int listener;

	for (size_t i = 0; argc > 3 && i < 4; i++) {
		if (!strcmp(argv[1], actions[i].name)) {
			filter[2].k = actions[i].value;
			found |= 1;
		}
		if (!strcmp(argv[2], calls[i].name)) {
			filter[1].k = calls[i].value;
			found |= 2;
		}
	}
	if (found != 3)
		return 2;
	/* Who should answer is a descriptor that the program inherits, and nobody reads it. */
	if (filter[2].k == SECCOMP_RET_USER_NOTIF)
		flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    (listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program)) < 0) {
		perror("break-call");
		return 77;
	}
	if (flags)
		fcntl(listener, F_SETFD, 0);
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 1;
}
