/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sandbox that closes after the start and denies rseq: threads that are there keep their
 * registration, later ones get none. libc would end the process ("rseq registration failed"), so the
 * owner is a library that takes no for an answer, as librseq's users do, and libc stays away.
 * With "none" the sandbox closes and no thread comes after it.
 *
 * usage: late-filter EPERM|ENOSYS|none
 */
#include "testify.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EARLY 2
#define LATE 2

static __thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;
static struct lab_thread threads[EARLY + LATE];
static int refusal;

static void refuse_rseq(int err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rseq, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		lab_skip("seccomp: %s", strerror(errno));
}

static void own(struct lab_thread *self)
{
	lab_own_area(self, &__rseq_abi, "tls-symbol", lab_program());
}

/* The same library's code, later: it tries, and says in its area that it was refused. */
static void be_refused(struct lab_thread *self)
{
	int err = lab_rseq_register(&__rseq_abi, LAB_RSEQ_LENGTH);

	if (err != refusal)
		lab_fail(LAB_EXIT_FAILED, "%d refused with %d", self->tid, err);
	((volatile struct lab_rseq *)&__rseq_abi)->cpu_id = LAB_CPU_ID_FAILED;
}

static void add(unsigned int index, const struct lab_role *role)
{
	threads[index].index = index;
	lab_thread_start(&threads[index], role);
	lab_thread_settle(&threads[index]);
}

static int parse_refusal(const char *name)
{
	if (name && !strcmp(name, "EPERM"))
		return EPERM;
	if (name && !strcmp(name, "ENOSYS"))
		return ENOSYS;
	if (name && !strcmp(name, "none"))
		return 0;
	lab_fail(LAB_EXIT_USAGE, "usage: late-filter EPERM|ENOSYS|none");
}

int main(int argc, char **argv)
{
	static const struct lab_role early = { .prepare = own };
	static const struct lab_role late = { .prepare = be_refused };
	unsigned int count = EARLY;

	refusal = parse_refusal(argc > 1 ? argv[1] : NULL);
	lab_require_no_libc_owner();
	lab_thread_adopt(&threads[0], &early);
	for (unsigned int i = 1; i < EARLY; i++)
		add(i, &early);
	refuse_rseq(refusal ? refusal : EPERM);
	for (; refusal && count < EARLY + LATE; count++)
		add(count, &late);
	lab_testimony();
	json_text("errno", refusal ? argv[1] : NULL);
	lab_testify_threads(threads, count, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
