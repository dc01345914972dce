/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts a program for which rseq() is refused, as a container's seccomp filter would: all of it, or the calls
 * that a filter can tell by their arguments. With "fake" it is worse: every call is said to have worked.
 *
 * usage: refuse-exec MODE COMMAND ARG...
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A word of an argument, and whether it is to be so; little-endian, as all machines of the lab are. */
#define LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define HIGH(n) (LOW(n) + 4)
#define ALWAYS { LOW(0), BPF_JGE, 0, 1 }

/* Mappings, as of libc's memory, lie above; a program that may lie anywhere lies below. */
#ifdef __x86_64__
#define LIBRARIES 0x7000
#else
#define LIBRARIES 0xe000
#endif

static const struct mode {
	const char *name;
	unsigned int call, error;
	struct {
		unsigned int word, test, than, is;
	} when[2];
} modes[] = {
	{ "EPERM", SYS_rseq, EPERM, { ALWAYS, ALWAYS } },
	{ "ENOSYS", SYS_rseq, ENOSYS, { ALWAYS, ALWAYS } },
	{ "fake", SYS_rseq, 0, { ALWAYS, ALWAYS } },
	{ "unregister", SYS_rseq, EPERM, { { LOW(2), BPF_JSET, 1, 1 }, ALWAYS } },
	{ "longer", SYS_rseq, EINVAL, { { LOW(1), BPF_JGT, 32, 1 }, ALWAYS } },
	{ "fake-longer", SYS_rseq, 0, { { LOW(1), BPF_JGT, 32, 1 }, ALWAYS } },
	/* Not libc's. */
	{ "program", SYS_rseq, EPERM, { { HIGH(0), BPF_JGT, 0, 1 }, { HIGH(0), BPF_JGE, LIBRARIES, 0 } } },
	/* No thread that does not share everything. */
	{ "clone", SYS_clone, EPERM, { { LOW(0), BPF_JSET, CLONE_VM, 1 }, { LOW(0), BPF_JSET, CLONE_THREAD, 0 } } },
};

static const struct mode *find(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	return NULL;
}

#define TEST(w, yes, no) BPF_JUMP(BPF_JMP | BPF_K | (unsigned short)(w).test, (w).than, (w).is ? (yes) : (no), (w).is ? (no) : (yes))

static int refuse(const struct mode *m)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, m->call, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, m->when[0].word),
		TEST(m->when[0], 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, m->when[1].word),
		TEST(m->when[1], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | m->error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	const struct mode *m = argc > 2 ? find(argv[1]) : NULL;

	if (!m)
		return 2;
	if (refuse(m)) {
		perror("refuse-exec");
		return 77;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
