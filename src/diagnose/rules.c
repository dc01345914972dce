/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalogue. Adding a finding is a function and a row here, a lab case and a near miss. Of
 * findings that are equally bad the verdict names the first: the more it explains, the earlier.
 */
#include <string.h>

#include "diagnose/areas.h"
#include "diagnose/diagnose.h"
#include "diagnose/kernel.h"
#include "diagnose/ownership.h"
#include "diagnose/users.h"

const struct rule rules[] = {
	{
		.id = "area-invalid",
		.title = "the registered area is not memory that the kernel can write to",
		.levels = "error",
		.story =
			"The kernel writes to the registered area whenever the thread was preempted, moved to another\n"
			"CPU or got a signal. The area lies where nothing is mapped, where writing is not allowed, or\n"
			"in the file of an object that is gone: its owner was unloaded or freed it and did not\n"
			"unregister in every thread. At the next such moment the kernel kills the thread with SIGSEGV\n"
			"(si_code SI_KERNEL, address 0), at an instruction that has nothing to do with it.\n"
			"It is not reported for an executable or library that was replaced by an upgrade and is still\n"
			"loaded.\n",
		.advice = "unregister in every thread before the area is freed or unmapped; keep its owner loaded (link it with -z nodelete)",
		.run = rule_area_invalid,
	},
	{
		.id = "dangling-section",
		.title = "rseq_cs points to no descriptor of a critical section",
		.levels = "error",
		.story =
			"rseq_cs of a registered area names the critical section that the thread is in or was in last:\n"
			"the kernel clears it lazily. Here it points to memory that is not mapped any more, or that is\n"
			"no descriptor the kernel takes (its version is not 0, its abort handler lies inside it, its\n"
			"code is not executable), at two looks. The library with the section was unloaded, or code\n"
			"that was compiled at run time was freed. The kernel kills the thread with SIGSEGV when it\n"
			"next looks there.\n",
		.advice = "clear rseq_cs in every thread before the code goes (rseq_prepare_unload of librseq), or keep it loaded",
		.run = rule_dangling_section,
	},
	{
		.id = "length-exceeds-area",
		.title = "the registered length is larger than the variable that holds the area",
		.levels = "error",
		.story =
			"A thread registered more bytes than its variable, or the thread-local storage of its object,\n"
			"has. What the kernel knows of struct rseq grows (20 bytes, 28 from 6.3 on, 33 from 7.0 on),\n"
			"and it writes all of it that the length covers: over what lies behind the area.\n",
		.advice = "register no more than sizeof the variable; make it as large as AT_RSEQ_FEATURE_SIZE says",
		.run = rule_length_exceeds_area,
	},
	{
		.id = "unregistered-under-user",
		.title = "a library that relies on rseq finds it unregistered",
		.levels = "error",
		.story =
			"A library's own counter says that it registered rseq (__rseq_refcount above 0, or rseq_size of\n"
			"librseq), and the kernel has no registration: somebody else unregistered it, for example a\n"
			"second library when it was closed. The first one goes on, and its sections are never aborted\n"
			"again: two threads on one CPU are in the same section at once.\n"
			"It is inferred from rseq_size, which librseq never lowers, not even when it unregisters the\n"
			"last thread itself. Without such a counter only a trace can prove it.\n",
		.advice = "have one owner (libc, by default) that never unregisters while others use it",
		.run = rule_unregistered_under_user,
	},
	{
		.id = "refcount-mismatch",
		.title = "__rseq_refcount counts users of a registration that is not there",
		.levels = "error",
		.story =
			"Early users of rseq shared one thread-local __rseq_abi and counted themselves in\n"
			"__rseq_refcount: the first one registers, the last one unregisters. Here the counter is above\n"
			"0 while the thread is not registered, or is with another area: one of the users does not keep\n"
			"to the count. A counter of 0 beside an area that libc registered is right.\n",
		.advice = "update or remove the libraries with __rseq_refcount: nobody else keeps to it since 2021",
		.run = rule_refcount_mismatch,
	},
	{
		.id = "interposed-size",
		.title = "a smaller __rseq_abi of another object wins",
		.levels = "error",
		.story =
			"Several objects export a thread-local __rseq_abi of different sizes. The dynamic linker gives\n"
			"all of them the first one, and that is smaller than what one of them was built with: it will\n"
			"read and register beyond its end.\n",
		.advice = "make the symbol local to its object, as librseq has since 2021-12, or build all with one size",
		.run = rule_interposed_size,
	},
	{
		.id = "version-mismatch",
		.title = "a reference got a definition without the version it asks for",
		.levels = "error",
		.story =
			"An object was linked against a symbol with a version, and got a definition that does not carry\n"
			"that version, or none although the name is defined: it runs with another library than the\n"
			"one it was built for, whose ABI may differ. No released glibc exports __rseq_abi or\n"
			"__rseq_refcount in any version; drafts and snapshots of 2019 and 2020 did.\n",
		.advice = "rebuild the object against the library that it runs with",
		.run = rule_version_mismatch,
	},
	{
		.id = "owner-unloadable",
		.title = "the owner of the registered area can be unloaded",
		.levels = "error where its memory would be freed, warning where it would be reused",
		.story =
			"The registered area lies in an object that was opened after the start (dlopen) and that\n"
			"dlclose can unload. Then its dynamic thread-local storage or data are freed while the kernel\n"
			"goes on writing to the area, in every thread that did not unregister; static thread-local\n"
			"storage is given to the next library instead. It is inferred: whether dlopen was told\n"
			"RTLD_NODELETE does not show.\n"
			"It is not reported for what was loaded with the program or linked with -z nodelete, nor for\n"
			"what such an object needs.\n",
		.advice = "link the object with -z nodelete, or to the program",
		.run = rule_owner_unloadable,
	},
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
			"Some threads of the process are registered and this one is not, at two looks.\n"
			"Code that takes rseq for granted reads a CPU number that is not kept up, or loops.\n"
			"libc registers a new thread only if the thread that created it is registered; a thread that\n"
			"was unregistered passes that on. Threads made by a bare clone() never are, and those of\n"
			"tcmalloc only once they allocate: both are only noted. Workers that the kernel makes inside\n"
			"the process (io_uring, vhost), exiting threads and zombies are never reported.\n",
		.advice = "find who unregisters; register in every thread before its first use of rseq",
		.run = rule_thread_unregistered,
	},
	{
		.id = "libc-area-abandoned",
		.title = "libc's area was unregistered and another one registered",
		.levels = "warning",
		.story =
			"libc registered its area at the start, and somebody unregistered it and registered another,\n"
			"which the kernel allows. libc does not know: __rseq_size still says that its area is in use,\n"
			"so sched_getcpu() is slower and every library that trusts __rseq_offset reads a CPU number\n"
			"that nobody keeps up.\n",
		.advice = "do not unregister libc's area: start with GLIBC_TUNABLES=glibc.pthread.rseq=0 instead",
		.run = rule_libc_area_abandoned,
	},
	{
		.id = "shared-area",
		.title = "a thread reads the area of another one",
		.levels = "warning",
		.story =
			"A thread was made by clone() without a thread pointer of its own. It is not registered, and\n"
			"where it looks for its area it finds that of another thread: sched_getcpu() and every section\n"
			"in it take the other thread's CPU for theirs.\n"
			"It is not reported for threads with a thread pointer of their own, nor for workers that the\n"
			"kernel makes.\n",
		.advice = "create threads with pthread_create(), or use neither rseq nor sched_getcpu() in such a thread",
		.run = rule_shared_area,
	},
	{
		.id = "handled-mismatch",
		.title = "__rseq_handled does not say who registers",
		.levels = "warning; info when it is 0 while somebody registers",
		.story =
			"In the drafts of 2019 the library that takes care of rseq sets __rseq_handled to 1, and others\n"
			"leave it alone. Here it is 1 and no thread is registered, or somebody else (libc, mostly)\n"
			"owns, or several definitions disagree. A library that believes it works without rseq, or\n"
			"unregisters what is not its own. 0 while somebody registers is legal, and only noted.\n",
		.advice = "update or remove the libraries with __rseq_handled: nobody sets it since 2020",
		.run = rule_handled_mismatch,
	},
	{
		.id = "namespace-owner",
		.title = "the owner lives in another link namespace than the program",
		.levels = "warning",
		.story =
			"The object that owns rseq was loaded by LD_AUDIT or dlmopen() into a link namespace of its own.\n"
			"The program's own libraries cannot see its symbols, so they cannot share its area, and every\n"
			"one of them that tries to register is refused.\n",
		.advice = "let libc own, or load the owner into the program's namespace",
		.run = rule_namespace_owner,
	},
	{
		.id = "mixed-length",
		.title = "threads of one process are registered with different lengths",
		.levels = "warning",
		.story =
			"The kernel treats a thread by its registered length: which fields it fills, and from 7.0.10 on\n"
			"in which mode (32 bytes: legacy, more: optimized). Threads of one process differ, so code that\n"
			"looks at one of them is wrong about the others, and unregistering with one length fails in\n"
			"threads that have another.\n",
		.advice = "register every thread with the same length",
		.run = rule_mixed_length,
	},
	{
		.id = "mixed-signature",
		.title = "threads of one process are registered with different signatures",
		.levels = "warning",
		.story =
			"The kernel compares the 4 bytes before an abort handler with the signature that the thread\n"
			"registered, and kills the thread when they differ. Threads of one process have different\n"
			"signatures: a section that works in some kills others when it is aborted.\n",
		.advice = "register every thread with the signature of the architecture (RSEQ_SIG)",
		.run = rule_mixed_signature,
	},
	{
		.id = "nonstandard-signature",
		.title = "the registered signature is not the architecture's",
		.levels = "warning; error when abort handlers carry another one",
		.story =
			"libc, librseq and tcmalloc register with one signature per architecture (RSEQ_SIG) and put it\n"
			"before each abort handler. A thread that registers with another one cannot run their sections:\n"
			"the kernel kills it with SIGSEGV at the first abort. It is an error when a loaded object has\n"
			"such sections.\n",
		.advice = "register with RSEQ_SIG of <sys/rseq.h>",
		.run = rule_nonstandard_signature,
	},
	{
		.id = "length-and-size",
		.title = "registered length, __rseq_size and what the kernel fills do not go together",
		.levels = "warning; info for a length of which the kernel fills less",
		.story =
			"__rseq_size of glibc says how much of the area is in use: 20, 28 or 32 go with a registered\n"
			"length of 32, and from 33 on both are the same. Where they disagree somebody registered\n"
			"libc's area anew, or changed it in a checkpoint; CRIU, test suites and librseq have failed by\n"
			"mixing the two up. A length that the kernel accepts and does not fill (it takes any from 32 on\n"
			"since 6.3) is only noted: what lies beyond AT_RSEQ_FEATURE_SIZE is never written.\n",
		.advice = "register with the length that AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN ask for, and unregister with the same",
		.run = rule_length_and_size,
	},
	{
		.id = "emulated",
		.title = "cpu_id is live and the kernel has no registration",
		.levels = "warning",
		.story =
			"libc's area of a thread holds the number of a CPU, as if it were registered, and the kernel\n"
			"says that it is not, at two looks. Something keeps it up in the kernel's stead (rr does), or\n"
			"nobody does any more: a checkpoint was restored without rseq (CRIU before 4.0), a simulator\n"
			"answers 0 to rseq(). Then sched_getcpu() and all sections work with a stale CPU.\n",
		.advice = "under rr nothing; else update CRIU to 4.0 or newer, or start with GLIBC_TUNABLES=glibc.pthread.rseq=0",
		.run = rule_emulated,
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
	{
		.id = "mixed-offset",
		.title = "the area lies at another distance from the thread pointer in other threads",
		.levels = "info for memory of no object and for dynamic thread-local storage, else warning",
		.story =
			"The ABI of libc and librseq is one number, __rseq_offset: the distance from the thread pointer\n"
			"to the area, the same in every thread. Here threads of one owner differ. That is how memory\n"
			"from malloc and dynamic thread-local storage lie, and only noted there; DynamoRIO and others\n"
			"that count on one distance stop with it.\n",
		.advice = "keep the area in static thread-local storage (initial-exec), or use libc's",
		.run = rule_mixed_offset,
	},
	{
		.id = "unused-registration",
		.title = "the program could use rseq and does not",
		.levels = "info",
		.story =
			"The program finds libc's area by a weak reference to __rseq_offset, and the link editor left\n"
			"it empty: in a static program nothing else brought the symbol in, or it was linked without\n"
			"position independence (-fno-pie), where an undefined weak symbol is 0. The program works, by\n"
			"its slower way without rseq.\n"
			"With --sample it is also reported, as inferred, for an object none of whose critical sections\n"
			"was in use while it was watched.\n",
		.advice = "refer to __rseq_offset strongly (include <sys/rseq.h>), or link as PIE",
		.run = rule_unused_registration,
	},
	{
		.id = "kernel-misses-aborts",
		.table = RULES_KERNEL,
		.title = "this kernel lets a critical section go on that was interrupted",
		.levels = "error",
		.story =
			"A critical section that is interrupted inside by preemption, migration, a signal or a\n"
			"membarrier must begin anew at its abort handler: that is all that rseq promises. Here sections\n"
			"of rseqctl's own were interrupted inside, provably, and went on. Two threads of one CPU are\n"
			"then in one section at once, and lists and counters that rely on it lose or double what they\n"
			"hold. The 64-bit Arm kernels from 6.19 to 7.0.13 do so (411c1cf43039 repairs it), from 7.0.10 on\n"
			"in every way but a signal to a thread with 32 bytes. The detail names the ways of interruption\n"
			"and the lengths.\n",
		.advice = "update the kernel (on 64-bit Arm to 7.0.14, 7.1 or later); until then run nothing that relies on critical sections: tcmalloc with GLIBC_TUNABLES=glibc.pthread.rseq=1, users of libc's area with glibc.pthread.rseq=0",
		.run = rule_kernel_misses_aborts,
	},
	{
		.id = "kernel-breaks-tcmalloc",
		.table = RULES_KERNEL,
		.title = "this kernel does not rewrite cpu_id_start",
		.levels = "error where such a user is registered in the process, else info",
		.story =
			"tcmalloc (since 2023-09) keeps a cached slab pointer over cpu_id_start of its area, registers\n"
			"32 bytes, and takes a CPU's number there for \"this thread was interrupted, look again\". Linux\n"
			"6.19 and 7.0 to 7.0.9 write the field only when the CPU changed: a thread that comes back to\n"
			"its CPU goes on with a stale pointer, and memory is handed out twice. 7.0.10 and 7.1 rewrite it\n"
			"again for registrations of 32 bytes (b9eac6a9d93c); 6.19 was never repaired.\n"
			"inspect tries it in a thread of its own when the kernel's types allow both and tcmalloc is\n"
			"there. Without that it is inferred from the types. It is info where libc owns, since tcmalloc\n"
			"then works without rseq; check does not say it where rseq() is denied, for the same reason.\n",
		.advice = "update the kernel to 7.0.10, 7.1 or later; until then start the program with GLIBC_TUNABLES=glibc.pthread.rseq=1 so that libc owns",
		.run = rule_kernel_breaks_tcmalloc,
	},
	{
		.id = "kernel-no-rseq",
		.table = RULES_KERNEL,
		.title = "this kernel has no rseq",
		.levels = "warning",
		.story =
			"rseq() ends with ENOSYS, and no seccomp filter is to blame: the kernel is older than 4.18, was\n"
			"built without CONFIG_RSEQ, or its architecture has none. Programs work without it, by their\n"
			"slower way. In inspect it is reported where somebody besides libc asked for a registration in\n"
			"vain; libc's own failure is libc-failed.\n",
		.advice = "use a kernel of 4.18 or later with CONFIG_RSEQ=y",
		.run = rule_kernel_no_rseq,
	},
	{
		.id = "seccomp-blocks-rseq",
		.table = RULES_KERNEL,
		.title = "rseq() is denied",
		.levels = "warning",
		.story =
			"rseq() ends with an errno that the kernel does not answer (EPERM, EACCES), or with ENOSYS\n"
			"although the kernel has rseq, or it kills, or says that it worked where it did not: that is\n"
			"what a seccomp filter does, of a container or a sandbox whose list of system calls is older\n"
			"than rseq. In inspect it is inferred: the process\n"
			"has a filter, somebody besides libc asked for a registration in vain, and nobody has one;\n"
			"libc's own failure is libc-failed.\n",
		.advice = "allow the rseq system call in the seccomp filter (container engines: update the default profile)",
		.run = rule_seccomp_blocks_rseq,
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

void diagnose_kernel(const struct kernel_facts *kernel, struct findings *findings)
{
	const struct diagnosis d = { .host = kernel->host, .findings = findings, .kernel = kernel };

	for (size_t i = 0; i < rules_n; i++)
		if (rules[i].table == RULES_KERNEL)
			rules[i].run(&rules[i], &d);
}

void diagnose_process(const struct diagnosis *d)
{
	for (size_t i = 0; i < rules_n; i++)
		rules[i].run(&rules[i], d);
}
