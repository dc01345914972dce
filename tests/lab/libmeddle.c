/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A preloaded library that meddles with rseq before main, in the way that $MEDDLE names:
 *
 * claim	registers an area of its own, where libc has none
 * take		gives libc's area back and registers its own
 * deny		has every later call denied, as a sandbox that closes late
 * fake		has every later call answered with success
 * no-exec	has every program that is started later denied
 */
#include "area.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

extern const ptrdiff_t __rseq_offset __attribute__((weak));

static void refuse(unsigned int call, unsigned int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

static void give_back(void)
{
	char *area = &__rseq_offset ? (char *)lab_thread_pointer() + __rseq_offset : NULL;
	unsigned long size = getauxval(27); /* AT_RSEQ_FEATURE_SIZE */

	if (area && lab_rseq_unregister(area, LAB_RSEQ_LENGTH))
		lab_rseq_unregister(area, (unsigned int)size);
}

static __attribute__((constructor)) void meddle(void)
{
	static struct lab_rseq area = LAB_RSEQ_INITIALIZER;
	const char *how = getenv("MEDDLE");

	if (!how)
		return;
	if (!strcmp(how, "take"))
		give_back();
	if (!strcmp(how, "take") || !strcmp(how, "claim"))
		lab_rseq_claim(&area);
	if (!strcmp(how, "deny"))
		refuse(SYS_rseq, EPERM);
	if (!strcmp(how, "fake"))
		refuse(SYS_rseq, 0);
	if (!strcmp(how, "no-exec"))
		refuse(SYS_execve, EPERM);
}
