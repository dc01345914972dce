/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalogue. Adding a finding is a function and a row here, a lab case and a near miss. Of
 * findings that are equally bad the verdict names the first: the more it explains, the earlier.
 */
#include <string.h>

#include "diagnose/diagnose.h"
#include "diagnose/ownership.h"

const struct rule rules[] = {
	{
		.id = "lost-registration",
		.title = "an rseq user was refused: another owner holds the thread",
		.levels = "warning",
		.story =
			"A thread has one rseq registration. An object that keeps an area of its own asked for it\n"
			"and was refused, because somebody else (mostly libc, which registers before any library is\n"
			"loaded) had the thread already: the kernel answers EINVAL, and the loser notes it as cpu_id\n"
			"-2 (RSEQ_CPU_ID_REGISTRATION_FAILED) in its own area. tcmalloc then falls back to slower\n"
			"per-thread caches without a message.\n"
			"It is not reported for a library that shares libc's area, like librseq since 2021-12, nor\n"
			"for one that has not tried yet (see not-started).\n",
		.advice = "start the program with GLIBC_TUNABLES=glibc.pthread.rseq=0 so that the other can own",
		.run = rule_lost_registration,
	},
	{
		.id = "mixed-owner",
		.title = "threads of one process have different owners",
		.levels = "warning",
		.story =
			"The kernel's record says that different threads of the process were registered by different\n"
			"owners. Each owner believes in its own area, so in the other's threads it works without\n"
			"rseq, or crashes: tcmalloc aborts in a later thread that it cannot register.\n",
		.advice = "let one owner register every thread",
		.run = rule_mixed_owner,
	},
	{
		.id = "thread-unregistered",
		.title = "a thread is not registered while its siblings are",
		.levels = "warning; info for threads made without libc and where tcmalloc has not started",
		.story =
			"Some threads of the process are registered and this one is not, at two looks 10 ms apart.\n"
			"Code that takes rseq for granted reads a CPU number that is not kept up, or loops.\n"
			"libc registers a new thread only if the thread that created it is registered; a thread that\n"
			"was unregistered passes that on. Threads made by a bare clone() never are, and those of\n"
			"tcmalloc only once they allocate: both are only noted. Workers that the kernel makes inside\n"
			"the process (io_uring, vhost), exiting threads and zombies are never reported.\n",
		.advice = "find who unregisters; register in every thread before its first use of rseq",
		.run = rule_thread_unregistered,
	},
	{
		.id = "libc-disabled",
		.title = "libc was told not to register rseq",
		.levels = "info when somebody else owns every thread, else warning",
		.story =
			"The tunable glibc.pthread.rseq=0 was in the environment when the program started: libc\n"
			"reserves its area, does not register it, and reports __rseq_size 0. That is right for a\n"
			"program whose allocator (tcmalloc) is to own rseq, and then it is only noted; where nobody\n"
			"else registers, every user of rseq in the program works without it. A thread that tcmalloc\n"
			"has not reached yet counts as its own.\n",
		.advice = "remove glibc.pthread.rseq=0 from GLIBC_TUNABLES (unit file, container image), unless an allocator is to own rseq",
		.run = rule_libc_disabled,
	},
	{
		.id = "libc-failed",
		.title = "libc tried to register rseq and could not",
		.levels = "info when somebody else owns every thread, else warning",
		.story =
			"libc has rseq support, no tunable in the environment turns it off, and still __rseq_size is\n"
			"0: its registration at the start failed. A seccomp filter that predates rseq (sandboxes,\n"
			"old container runtimes), a kernel without CONFIG_RSEQ, an emulator, or a libc built against\n"
			"headers with a larger struct rseq than the kernel takes does this. From glibc 2.44 on\n"
			"/etc/tunables.conf can turn it off as well, which does not show in the environment: so the\n"
			"finding is inferred.\n",
		.advice = "allow the rseq system call in the seccomp filter, or update kernel and libc",
		.run = rule_libc_failed,
	},
	{
		.id = "id-fields-modified",
		.title = "user space writes a field that belongs to the kernel",
		.levels = "info in legacy mode on a kernel that rewrites the field, else error",
		.story =
			"cpu_id_start and cpu_id of a registered area differ: the program wrote a value of its own.\n"
			"tcmalloc (since 2023-09) keeps a cached slab pointer over cpu_id_start and relies on the\n"
			"kernel rewriting it at every switch. Kernels up to 6.18, and from 7.0.10 on for\n"
			"registrations of 32 bytes, do. Linux 6.19 to 7.0.9 do not: the pointer goes stale and memory\n"
			"is handed out twice. In the optimized mode of newer kernels (longer registrations) the\n"
			"kernel kills the process with SIGSEGV when it sees the change.\n",
		.advice = "on kernels 6.19 to 7.0.9 update the kernel, or start with GLIBC_TUNABLES=glibc.pthread.rseq=1 so that libc owns",
		.run = rule_id_fields_modified,
	},
	{
		.id = "not-started",
		.title = "an object with its own area has not tried to register",
		.levels = "info",
		.story =
			"An object keeps an rseq area of its own, and in some threads that somebody else owns it has\n"
			"never asked for a registration: cpu_id there is -1 (RSEQ_CPU_ID_UNINITIALIZED). When it\n"
			"does ask, it will be refused.\n",
		.advice = "nothing, unless the object should own: then start with GLIBC_TUNABLES=glibc.pthread.rseq=0",
		.run = rule_not_started,
	},
};

const size_t rules_n = sizeof(rules) / sizeof(*rules);

const struct rule *rule_find(const char *id)
{
	for (size_t i = 0; i < rules_n; i++)
		if (!strcmp(rules[i].id, id))
			return &rules[i];
	return NULL;
}

void diagnose_process(const struct diagnosis *d)
{
	for (size_t i = 0; i < rules_n; i++)
		rules[i].run(&rules[i], d);
}
