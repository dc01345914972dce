/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child that the kernel kills because of what it finds in its rseq area or descriptor, in exactly one
 * way, and the near misses: children that die of the same signal, or with the same bits in memory,
 * by something else. The parent waits and says how it ended. Where libc owns rseq the child uses
 * libc's area, else one in a page of its own, which the kinds that lose or lengthen it need.
 *
 * usage: faults KIND [--handler] [--thread] [--by-switch]
 *	--handler	the child has a handler for SIGSEGV on a stack of its own, which exits with 3
 *	--thread	a second thread of the child does it
 *	--by-switch	the kernel looks when the thread changes its CPU, not when it gets a signal
 */
#include "section.h"
#include "testify.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define HANDLED 3
#define SURVIVED 0
#define ROUNDS 100
#define WRONG_SIGNATURE "0x11111111"
#if defined(__x86_64__)
#define KERNEL_ADDRESS 0xffff888000000000ULL
#else
#define KERNEL_ADDRESS 0xffff000000000000ULL
#endif
#define SI_KERNEL_CODE 0x80

/* What parent and child both see. */
struct stage {
	_Atomic uint32_t leave;
	atomic_bool is_ready;
	atomic_uint signals, handler_calls;
	pid_t tid;
	int code;
	uintptr_t address, area;
	unsigned int length;
	uintptr_t published;
	struct section descriptor;
};

static struct stage *stage;

struct scene {
	volatile struct lab_rseq *area;
	/* NULL: the thread stays outside of every section. */
	section_code *code;
	uint64_t published; /* what goes into rseq_cs */
};

/* What the kernel reads; the kinds change it. */
static struct section descriptor;

static void announce(const struct scene *scene)
{
	stage->published = (uintptr_t)scene->published;
	stage->descriptor = descriptor;
}

/* Who is to blame for the child's end, what its area has to be like, and what the parent sends. */
enum { RSEQ = 1, OWN_AREA = 2, LONG_AREA = 4, KILLED = 8, QUEUED = 16 };

struct story {
	const char *name;
	/* In the child; may end it. */
	void (*arrange)(struct scene *scene);
	unsigned int traits;
};

/* Sections --- */

#ifdef LAB_HAS_SECTIONS
#if defined(__x86_64__)
#define JUMP(label) "jmp " label "\n"
/* A general protection fault: no address at all. */
#define FAULT "movabs $0x8000000000000000, %rax\n mov (%rax), %eax\n"
#else
#define JUMP(label) "b " label "\n"
#define FAULT "nop\n"
#endif

SECTION_NAP;
SECTION_SPIN("fault_spin", "fault_spin_cs", SECTION_FAR);
SECTION_DEFINE("fault_signature", "fault_signature_cs", SECTION_FAR, WRONG_SIGNATURE, SECTION_PAUSE);
SECTION_DEFINE("fault_sleep", "fault_sleep_cs", SECTION_FAR, SECTION_RSEQ_SIGNATURE, SECTION_SLEEP);
SECTION_DEFINE("fault_protection", "fault_protection_cs", SECTION_FAR, SECTION_RSEQ_SIGNATURE, FAULT);
/* A second abort handler, signature and all, in the middle of the section. */
SECTION_DEFINE("fault_around", "fault_around_cs", SECTION_FAR, SECTION_RSEQ_SIGNATURE,
	       SECTION_PAUSE JUMP("1f")
	       SECTION_SIGNATURE_INSN(SECTION_RSEQ_SIGNATURE)
	       ".globl fault_inner\n .hidden fault_inner\n fault_inner:\n" SECTION_ABORTED "1:\n");

extern section_code fault_spin, fault_signature, fault_sleep, fault_protection, fault_around;
SECTION_EXTERN fault_spin_cs, fault_signature_cs, fault_sleep_cs, fault_protection_cs,
	fault_around_cs;
extern const char fault_inner[] __attribute__((visibility("hidden")));

static void use(struct scene *scene, section_code *code, const struct section *valid)
{
	descriptor = *valid;
	scene->code = code;
	scene->published = (uintptr_t)&descriptor;
}

/* The kernel's kills --- */

static void signature(struct scene *scene)
{
	use(scene, fault_signature, &fault_signature_cs);
}

static void signature_outside(struct scene *scene)
{
	signature(scene);
	scene->code = NULL;
}

static void version(struct scene *scene)
{
	use(scene, fault_spin, &fault_spin_cs);
	descriptor.version = 1;
}

static void abort_inside(struct scene *scene)
{
	use(scene, fault_around, &fault_around_cs);
	descriptor.abort = (uintptr_t)fault_inner;
}

static void abort_kernel(struct scene *scene)
{
	use(scene, fault_spin, &fault_spin_cs);
	descriptor.abort = KERNEL_ADDRESS;
}

static void start_overflow(struct scene *scene)
{
	use(scene, fault_spin, &fault_spin_cs);
	descriptor.length = -(uint64_t)256;
}

static void flags(struct scene *scene)
{
	use(scene, fault_spin, &fault_spin_cs);
	descriptor.flags = 1;
}

static void area_flags(struct scene *scene)
{
	use(scene, fault_spin, &fault_spin_cs);
	scene->area->flags = 1;
}

static void syscall_inside(struct scene *scene)
{
	use(scene, fault_sleep, &fault_sleep_cs);
}

static void descriptor_unmapped(struct scene *scene)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *gone = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(gone, page);
	scene->published = (uintptr_t)gone;
}

static void descriptor_kernel(struct scene *scene)
{
	scene->published = KERNEL_ADDRESS;
}

static void area_unmapped(struct scene *scene)
{
	munmap((void *)scene->area, (size_t)sysconf(_SC_PAGESIZE));
}

static void area_read_only(struct scene *scene)
{
	if (mprotect((void *)scene->area, (size_t)sysconf(_SC_PAGESIZE), PROT_READ))
		lab_fail(LAB_EXIT_FAILED, "mprotect: %s", strerror(errno));
}

static void read_only_field(struct scene *scene)
{
	scene->area->cpu_id_start = 0x1234;
}

/* Near misses --- */

static void null_pointer(struct scene *scene)
{
	(void)scene;
	*(volatile int *)NULL = 0;
}

static void wait_to_be_killed(struct scene *scene)
{
	(void)scene;
}

static void tgkill_self(struct scene *scene)
{
	(void)scene;
	syscall(SYS_tgkill, getpid(), lab_tid(), SIGSEGV);
}

/* To oneself any code may be sent: the kernel's own, from nowhere. */
static void forged(struct scene *scene)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SI_KERNEL_CODE };

	(void)scene;
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), lab_tid(), SIGSEGV, &info))
		lab_fail(LAB_EXIT_FAILED, "rt_tgsigqueueinfo: %s", strerror(errno));
}

#if defined(__x86_64__)
static __attribute__((noinline)) void fault_here(void)
{
	*(volatile int *)(1ULL << 63);
}

static void protection(struct scene *scene)
{
	scene->area->rseq_cs = 0;
	fault_here();
}

static void protection_outside(struct scene *scene)
{
	use(scene, fault_spin, &fault_spin_cs);
	announce(scene);
	scene->area->rseq_cs = scene->published;
	fault_here();
}

static void protection_bad_outside(struct scene *scene)
{
	signature(scene);
	announce(scene);
	scene->area->rseq_cs = scene->published;
	fault_here();
}

static sigjmp_buf after_fault;

static void jump_out(int number)
{
	(void)number;
	siglongjmp(after_fault, 1);
}

static void protection_then_signature(struct scene *scene)
{
	struct sigaction action = { .sa_handler = jump_out }, old;

	sigaction(SIGSEGV, &action, &old);
	if (!sigsetjmp(after_fault, 1))
		fault_here();
	sigaction(SIGSEGV, &old, NULL);
	signature(scene);
}
#else
static void protection(struct scene *scene)
{
	(void)scene;
	lab_skip("no general protection fault on this architecture");
}

#define protection_outside protection
#define protection_bad_outside protection
#define protection_then_signature protection
#endif

static void protection_inside(struct scene *scene)
{
#if !defined(__x86_64__)
	protection(scene);
#endif
	use(scene, fault_protection, &fault_protection_cs);
}

static __attribute__((noinline)) unsigned int grow(unsigned int depth)
{
	volatile char frame[4096];

	frame[depth % sizeof(frame)] = (char)depth;
	return depth == UINT32_MAX ? 0 : grow(depth + 1) + (unsigned int)frame[0];
}

static void stack_overflow(struct scene *scene)
{
	(void)scene;
	grow(0);
}

static void illegal_instruction(struct scene *scene)
{
	(void)scene;
#if defined(__x86_64__)
	__asm__ volatile("ud2");
#else
	__asm__ volatile(".inst 0");
#endif
}

/* Stories --- */

static const struct story stories[] = {
	{ "signature", signature, RSEQ },
	{ "signature-outside", signature_outside, RSEQ },
	{ "version", version, RSEQ },
	{ "abort-inside", abort_inside, RSEQ },
	{ "abort-kernel", abort_kernel, RSEQ },
	{ "descriptor-unmapped", descriptor_unmapped, RSEQ },
	{ "descriptor-kernel", descriptor_kernel, RSEQ },
	{ "start-overflow", start_overflow, RSEQ },
	{ "flags", flags, RSEQ },
	{ "area-flags", area_flags, RSEQ },
	{ "area-unmapped", area_unmapped, RSEQ | OWN_AREA },
	{ "area-read-only", area_read_only, RSEQ | OWN_AREA },
	{ "read-only-field", read_only_field, RSEQ | OWN_AREA | LONG_AREA },
	{ "syscall-in-section", syscall_inside, RSEQ },
	{ "null-pointer", null_pointer, 0 },
	{ "kill-segv", wait_to_be_killed, KILLED },
	{ "tgkill-self", tgkill_self, 0 },
	{ "sigqueue", wait_to_be_killed, QUEUED },
	{ "sigqueue-kernel", forged, 0 },
	{ "gp", protection, 0 },
	{ "gp-outside", protection_outside, 0 },
	{ "gp-inside", protection_inside, 0 },
	{ "gp-bad-outside", protection_bad_outside, 0 },
	{ "handled-gp-then-signature", protection_then_signature, RSEQ },
	{ "stack-overflow", stack_overflow, 0 },
	{ "sigill", illegal_instruction, 0 },
};
#else
static const struct story stories[1];
#endif

static struct {
	const struct story *story;
	bool has_handler, is_thread, by_switch;
} play;

/* The child --- */

static void on_user_signal(int number)
{
	(void)number;
	atomic_fetch_add(&stage->signals, 1);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	atomic_fetch_add(&stage->handler_calls, 1);
	stage->code = info->si_code;
	stage->address = (uintptr_t)info->si_addr;
	_exit(HANDLED);
}

static void *new_page(void)
{
	void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
	return page;
}

static volatile struct lab_rseq *get_area(void)
{
	struct lab_thread self = { .tp = lab_thread_pointer() };

	if (lab_libc_owns()) {
		lab_prepare_libc(&self);
	} else {
		void *page = new_page();
		bool is_long = play.story->traits & LONG_AREA;

		lab_register_area(&self, page, is_long ? lab_long_length(page) : LAB_RSEQ_LENGTH,
				  LAB_RSEQ_SIGNATURE);
	}
	stage->area = self.area;
	stage->length = self.length;
	return (volatile struct lab_rseq *)self.area;
}

static void install_handlers(void)
{
	struct sigaction user = { .sa_handler = on_user_signal };
	struct sigaction fault = { .sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_size = 65536 };

	sigaction(SIGUSR1, &user, NULL);
	if (!play.has_handler)
		return;
	stack.ss_sp = malloc(stack.ss_size);
	if (!stack.ss_sp || sigaltstack(&stack, NULL) || sigaction(SIGSEGV, &fault, NULL))
		lab_fail(LAB_EXIT_FAILED, "cannot catch SIGSEGV: %s", strerror(errno));
}

static __attribute__((noinline)) void spin_outside(void)
{
	while (!atomic_load(&stage->leave))
		;
}

/* The last thing before the kernel may look. */
static void publish(struct scene *scene)
{
	struct section_cpus cpus;

	announce(scene);
	atomic_store(&stage->is_ready, true);
	if (scene->code) {
		scene->code(scene->area, &stage->leave, &cpus,
			    (const struct section *)(uintptr_t)scene->published);
		return;
	}
	if (scene->published)
		scene->area->rseq_cs = scene->published;
	spin_outside();
}

static void *act(void *unused)
{
	struct scene scene = { .area = get_area() };

	(void)unused;
	stage->tid = lab_tid();
	install_handlers();
	play.story->arrange(&scene);
	publish(&scene);
	_exit(SURVIVED);
}

static _Noreturn void be_child(void)
{
	pthread_t thread;

	if (!play.is_thread)
		act(NULL);
	if (pthread_create(&thread, NULL, act, NULL))
		lab_fail(LAB_EXIT_FAILED, "cannot create a thread");
	for (;;)
		pause();
}

/* The parent --- */

static cpu_set_t allowed;

static void move(pid_t tid)
{
	static unsigned int turn;
	cpu_set_t one;

	do
		turn = (turn + 1) % CPU_SETSIZE;
	while (!CPU_ISSET(turn, &allowed));
	CPU_ZERO(&one);
	CPU_SET(turn, &one);
	sched_setaffinity(tid, sizeof(one), &one);
}

static void disturb(pid_t child)
{
	union sigval value = { .sival_int = 1 };

	if (!atomic_load(&stage->is_ready))
		return;
	if (play.story->traits & KILLED)
		kill(child, SIGSEGV);
	else if (play.story->traits & QUEUED)
		sigqueue(child, SIGSEGV, value);
	else if (play.by_switch)
		move(stage->tid);
	else
		syscall(SYS_tgkill, child, stage->tid, SIGUSR1);
}

/* Until the child is gone; one that lives through all of it is let go. */
static siginfo_t watch(pid_t child)
{
	siginfo_t info = { 0 };

	for (unsigned int rounds = 0;; rounds += atomic_load(&stage->is_ready)) {
		if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG))
			lab_fail(LAB_EXIT_FAILED, "cannot wait: %s", strerror(errno));
		if (info.si_pid == child)
			return info;
		if (rounds == ROUNDS)
			atomic_store(&stage->leave, 1);
		else if (rounds < ROUNDS)
			disturb(child);
		usleep(1000);
	}
}

static pid_t start_child(void)
{
	pid_t child = fork();

	if (child < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
	if (!child)
		be_child();
	return child;
}

static bool is_killed_by(const siginfo_t *info, int signal)
{
	return info->si_code != CLD_EXITED && info->si_status == signal;
}

/* Whoever has a handler and dies of SIGSEGV without a call of it dies of what forbids handlers. */
static bool is_killed_by_rseq(const siginfo_t *info)
{
	return is_killed_by(info, SIGSEGV) &&
	       (play.story->traits & RSEQ || (play.has_handler && !stage->handler_calls));
}

static void insist(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED && info->si_status == LAB_EXIT_SKIP)
		_exit(LAB_EXIT_SKIP);
	if (info->si_code == CLD_EXITED && info->si_status == SURVIVED && play.story->traits & RSEQ)
		lab_skip("this kernel does not kill for %s", play.story->name);
	if (info->si_code == CLD_EXITED && info->si_status != HANDLED)
		lab_fail(LAB_EXIT_FAILED, "the child ended with %d", info->si_status);
}

/* Testimony --- */

static void testify_descriptor(void)
{
	json_object("descriptor");
	json_number("version", stage->descriptor.version);
	json_number("flags", stage->descriptor.flags);
	json_address("start", (uintptr_t)stage->descriptor.start);
	json_address("length", (uintptr_t)stage->descriptor.length);
	json_address("abort", (uintptr_t)stage->descriptor.abort);
	json_object_end();
}

static void testify_child(const siginfo_t *info)
{
	bool is_killed = info->si_code != CLD_EXITED;

	json_object("child");
	json_number("pid", info->si_pid);
	json_number("tid", stage->tid);
	json_address("area", stage->area);
	json_number("length", stage->length);
	json_address("rseq_cs", stage->published);
	if (stage->descriptor.start)
		testify_descriptor();
	else
		json_null("descriptor");
	json_bool("killed", is_killed);
	json_text("signal", !is_killed ? NULL
			    : info->si_status == SIGILL ? "SIGILL"
			    : info->si_status == SIGSEGV ? "SIGSEGV" : "other");
	if (is_killed)
		json_null("status");
	else
		json_number("status", info->si_status);
	json_bool("killed_by_rseq", is_killed_by_rseq(info));
	json_object_end();
}

static void testify_handler(void)
{
	if (!play.has_handler) {
		json_null("handler");
		return;
	}
	json_object("handler");
	json_number("calls", stage->handler_calls);
	if (stage->handler_calls)
		json_number("si_code", stage->code);
	else
		json_null("si_code");
	json_address("si_addr", stage->address);
	json_object_end();
}

static void parse(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(stories) / sizeof(*stories); i++)
		if (stories[i].name && !strcmp(stories[i].name, argv[1]))
			play.story = &stories[i];
	for (int i = 2; i < argc; i++) {
		play.has_handler |= !strcmp(argv[i], "--handler");
		play.is_thread |= !strcmp(argv[i], "--thread");
		play.by_switch |= !strcmp(argv[i], "--by-switch");
	}
	if (!play.story)
		lab_fail(LAB_EXIT_USAGE, "usage: faults KIND [--handler] [--thread] [--by-switch]");
}

/* No core file, and no helper that is asked to take one. */
static void leave_no_core(void)
{
	struct rlimit limit = { 1, 1 };

	setrlimit(RLIMIT_CORE, &limit);
}

int main(int argc, char **argv)
{
	struct lab_thread *threads;
	siginfo_t end;

#ifndef LAB_HAS_SECTIONS
	lab_skip("no critical sections on this architecture");
#endif
	parse(argc, argv);
	if (play.story->traits & OWN_AREA)
		lab_require_no_libc_owner();
	threads = lab_crew_start(1, &lab_role_libc);
	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
	leave_no_core();
	sched_getaffinity(0, sizeof(allowed), &allowed);
	end = watch(start_child());
	insist(&end);
	lab_testimony();
	json_text("kind", play.story->name);
	json_text("by", play.by_switch ? "switch" : "signal");
	testify_child(&end);
	testify_handler();
	lab_testify_threads(threads, 1, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
