/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/check_story.h"

#include <string.h>

#include "model/check.h"
#include "util/array.h"

#define REPORT_KERNEL "report it to who ships this kernel, with the output of rseqctl check --json -v"
#define OTHER_KERNEL "use another kernel: up to 6.18, or from 7.0.14 on; " REPORT_KERNEL
#define BPF_FIX \
	"the detail says what was refused: look for a seccomp filter or security module that denies bpf(2), and try rseqctl trace -v"

static const struct check_story stories[] = {
	{ "syscall",
	  "is the system call rseq() there, and may this process use it",
	  "the kernel is built without CONFIG_RSEQ, or a seccomp filter denies the call or answers for the kernel; libc, "
	  "tcmalloc and librseq then do without per-CPU data, and all other checks that need it are skipped",
	  "with EPERM or ENOSYS in a container alone, permit rseq in its seccomp profile; else boot a kernel with CONFIG_RSEQ=y",
	  "Linux 4.18" },
	{ "errno",
	  "which error does rseq() answer to each wrong use; expected is what this class of kernels is known to answer",
	  "libraries decide by these errors whether somebody else registered before, so that another answer misleads them; "
	  "mostly it is a filter or an emulation that answers, not a kernel",
	  "look at the rows that differ: the same answer to everything is a seccomp filter; else " REPORT_KERNEL,
	  "Linux 4.18; the answers to areas that cannot be written changed in 6.19" },
	{ "lengths",
	  "which lengths and alignments of an area does rseq() take, and do they fit what the kernel tells in the auxiliary vector",
	  "a library that trusts AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN is refused, or takes fields for kept up that are not",
	  REPORT_KERNEL,
	  "Linux 4.18; other lengths than 32 since 6.3; an alignment of 64 above a length of 32 since 7.0" },
	{ "libc",
	  "did libc register this thread and a new one, and does the kernel know that area",
	  "libc was refused or somebody else registered before it: programs that trust __rseq_size find areas that nobody keeps up",
	  "look for a preloaded library or tool that registers first, and for a seccomp filter; rseqctl inspect PID says who owns",
	  "glibc 2.35" },
	{ "threads",
	  "do threads register and unregister areas of their own at the same time, and does one that ends leave nothing behind",
	  "per-CPU data of programs with more than one thread is not safe",
	  REPORT_KERNEL,
	  "Linux 4.18" },
	{ "fork",
	  "does the child of fork() keep its parent's registration, and does the kernel keep that area up in the child",
	  "a forked child works with CPU numbers that are stale",
	  REPORT_KERNEL,
	  "Linux 4.18" },
	{ "exec",
	  "does a program that is started by execve() begin without a registration",
	  "the kernel writes into the new program's memory at an address of the old one",
	  REPORT_KERNEL,
	  "Linux 4.18" },
	{ "clone",
	  "does a thread that is made by a bare clone(CLONE_VM) begin without a registration",
	  "the kernel keeps one area up for two threads, and both believe in it",
	  REPORT_KERNEL,
	  "Linux 4.18" },
	{ "cpu_id",
	  "is the field cpu_id the CPU that getcpu() tells, on every CPU that this process may use",
	  "per-CPU data is reached on the wrong CPU: lost updates and corrupt memory",
	  REPORT_KERNEL "; in an emulator or sandbox, turn rseq off there",
	  "Linux 4.18" },
	{ "node_id",
	  "is the field node_id the NUMA node that getcpu() tells, on every CPU that this process may use",
	  "memory is placed on the wrong node",
	  REPORT_KERNEL,
	  "Linux 6.3" },
	{ "mm_cid",
	  "do threads that run at once have different mm_cid, below the number of possible CPUs",
	  "data that is kept per mm_cid is used by two threads at once",
	  REPORT_KERNEL,
	  "Linux 6.3" },
	{ "cpu_id_start",
	  "does the kernel write cpu_id_start of a registration of 32 bytes again, when the thread was switched or gets a signal",
	  "tcmalloc keeps a pointer in that place and takes it for valid as long as the kernel did not overwrite it: two threads "
	  "then use the same memory, which ends in corrupt heaps (MongoDB, ClickHouse and all others that link tcmalloc)",
	  "use a kernel up to 6.18 or from 7.0.10 on; until then let glibc own rseq: GLIBC_TUNABLES=glibc.pthread.rseq=1",
	  "kept up to Linux 6.18, broken in 6.19 to 7.0.9, kept again since 7.0.10" },
	{ "read-only",
	  "is a thread with more than 32 bytes killed when it wrote to a field that belongs to the kernel",
	  "programs that misuse these fields are not found, and what they rely on is not kept",
	  REPORT_KERNEL,
	  "Linux 7.0.10" },
	{ "bad-signature",
	  "is a thread killed when the signature before its abort handler is another one than it registered",
	  "the protection against code that is led to a wrong address by rseq does not work",
	  REPORT_KERNEL,
	  "Linux 4.18; the kernel writes it to its log up to 6.18" },
	{ "abort-preempt",
	  "is a critical section aborted when another thread runs on its CPU in the midst of it; the ones called -long with a "
	  "registration of more than 32 bytes",
	  "the promise of rseq is broken: two threads are inside the section of one CPU at once, and updates are lost",
	  OTHER_KERNEL,
	  "Linux 4.18; broken on arm64 in 6.19 to 7.0.13" },
	{ "abort-migrate",
	  "is a critical section aborted when its thread is moved to another CPU in the midst of it; the ones called -long with a "
	  "registration of more than 32 bytes",
	  "the promise of rseq is broken: a section goes on with the data of a CPU on which it no longer runs",
	  OTHER_KERNEL,
	  "Linux 4.18; broken on arm64 in 6.19 to 7.0.13" },
	{ "abort-signal",
	  "is a critical section aborted when a signal is delivered in the midst of it; the ones called -long with a "
	  "registration of more than 32 bytes",
	  "the promise of rseq is broken: a handler that uses the same per-CPU data finds it half done",
	  OTHER_KERNEL,
	  "Linux 4.18; broken on arm64 in 6.19, and for more than 32 bytes up to 7.0.13" },
	{ "abort-membarrier",
	  "is a critical section aborted by membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) of another thread; the ones called "
	  "-long with a registration of more than 32 bytes",
	  "the promise of rseq is broken: who takes data away from all CPUs, as tcmalloc does when it resizes, cannot know that "
	  "nobody uses it any more",
	  OTHER_KERNEL,
	  "Linux 5.10; broken on arm64 in 6.19 to 7.0.13" },
	{ "tracepoints",
	  "may this process trace aborts by BPF, and is the kernel's count what the threads counted themselves",
	  "rseqctl trace does not work here although it is permitted, or counts wrong",
	  BPF_FIX,
	  "Linux 5.10 with BTF, and the capabilities bpf and perfmon" },
	{ "iterator",
	  "may this process read the kernel's record of threads by a BPF task iterator, and is it right",
	  "rseqctl inspect --method bpf does not work here although it is permitted, or would tell wrong owners",
	  BPF_FIX,
	  "Linux 5.10 with BTF, and the capabilities bpf and perfmon" },
	{ "ptrace",
	  "may this process read the kernel's record of a child's thread by ptrace(), and is it right",
	  "rseqctl inspect --method ptrace does not work here or would tell wrong owners, and so do checkpoint tools such as "
	  "CRIU, which restore what they read",
	  REPORT_KERNEL,
	  "Linux 5.13" },
	{ "stress",
	  "does half a second of this workload of rseqctl stress keep its invariants, interrupted in every way that is permitted",
	  "updates of per-CPU data were lost, doubled or torn, or threads died or hang: programs that use rseq are not safe here",
	  "run rseqctl stress --workload NAME --seed N with the seed of the detail, for longer; it says which invariant broke and how to "
	  "see it again",
	  "as what the workload uses: Linux 4.18, mm_cid since 6.3" },
};

const struct check_story *check_story_find(const char *id)
{
	const struct check_story *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		if (!strcmp(stories[i].id, id))
			return &stories[i];
		if (check_id_matches(id, stories[i].id, strlen(stories[i].id)))
			found = &stories[i];
	}
	return found;
}
