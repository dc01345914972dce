/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every call of rseq() that fails, each for one reason, from a function of that name, once by an
 * instruction of its own and once through libc's syscall(). The few calls that succeed, because a
 * reason needs a registered thread, are in the list as well. All calls are made at once, in the order
 * of the list; nothing else here calls rseq().
 *
 * usage: failures all | KIND...
 */
#include "testify.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define MAX_CALLS 128
#define UNKNOWN_FLAG 0x40
#define OTHER_SIGNATURE (LAB_RSEQ_SIGNATURE ^ 0xff)

typedef long caller(const void *area, unsigned long length, unsigned long flags,
		    unsigned long signature);

/* Arguments in the kernel's order; 0 or -errno. */
static inline __attribute__((always_inline)) long call_direct(const void *area, unsigned long length,
							      unsigned long flags,
							      unsigned long signature)
{
#if defined(__x86_64__)
	register unsigned long r10 __asm__("r10") = signature;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long)SYS_rseq), "D"(area), "S"(length), "d"(flags), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__i386__)
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(SYS_rseq), "b"(area), "c"(length), "d"(flags), "S"(signature)
			 : "memory");
	return result;
#elif defined(__aarch64__)
	register unsigned long x0 __asm__("x0") = (unsigned long)area, x1 __asm__("x1") = length;
	register unsigned long x2 __asm__("x2") = flags, x3 __asm__("x3") = signature;
	register unsigned long x8 __asm__("x8") = SYS_rseq;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x8) : "memory");
	return (long)x0;
#else
	(void)area, (void)length, (void)flags, (void)signature;
	lab_skip("no system call by hand on this architecture");
#endif
}

/* The text keeps equal functions apart, and no call is the last thing that a function does. */
#define CALLERS(name)                                                                              \
	static __attribute__((noinline, noclone)) long name##_direct(                              \
		const void *area, unsigned long length, unsigned long flags, unsigned long signature) \
	{                                                                                          \
		long result = call_direct(area, length, flags, signature);                         \
												   \
		__asm__ volatile("/* " #name " */" ::: "memory");                                  \
		return result;                                                                     \
	}                                                                                          \
	static __attribute__((noinline, noclone)) long name##_syscall(                             \
		const void *area, unsigned long length, unsigned long flags, unsigned long signature) \
	{                                                                                          \
		long result = syscall(SYS_rseq, area, length, flags, signature) ? -errno : 0;      \
												   \
		__asm__ volatile("/* " #name " */" ::: "memory");                                  \
		return result;                                                                     \
	}

CALLERS(register_rightly)
CALLERS(unregister_rightly)
CALLERS(unregister_unregistered)
CALLERS(unregister_with_flags)
CALLERS(register_misaligned)
CALLERS(register_short)
CALLERS(register_with_flags)
CALLERS(register_in_kernel)
CALLERS(register_unmapped)
CALLERS(register_again)
CALLERS(register_other_area)
CALLERS(register_other_length)
CALLERS(register_other_signature)
CALLERS(unregister_other_area)
CALLERS(unregister_other_length)
CALLERS(unregister_other_signature)
CALLERS(register_filtered)
CALLERS(unregister_filtered)

/* Steps --- */

static char areas[2][1024] __attribute__((aligned(1024)));
static char *gone;

enum where { OWN, OTHER, SHIFTED, KERNEL, GONE };

static const struct step {
	const char *function;
	caller *callers[2]; /* direct, syscall */
	const char *reason; /* NULL: succeeds */
	int err;
	enum where where;
	unsigned int length, flags;
	uint32_t signature;
} steps[] = {
#define STEP(function, ...)                                                                        \
	{ #function, { function##_direct, function##_syscall }, __VA_ARGS__ }
#define RIGHT LAB_RSEQ_SIGNATURE
#define WRONG OTHER_SIGNATURE
	/* In a thread that is not registered. */
	STEP(unregister_unregistered, "not-registered", EINVAL, OWN, 32, 1, RIGHT),
	STEP(unregister_with_flags, "unregister-flags", EINVAL, OWN, 32, 1 | UNKNOWN_FLAG, RIGHT),
	STEP(register_misaligned, "alignment", EINVAL, SHIFTED, 32, 0, RIGHT),
	STEP(register_short, "length", EINVAL, OWN, 8, 0, RIGHT),
	STEP(register_short, "length", EINVAL, OWN, 31, 0, RIGHT),
	STEP(register_with_flags, "flags", EINVAL, OWN, 32, UNKNOWN_FLAG, RIGHT),
	STEP(register_in_kernel, "kernel-address", EFAULT, KERNEL, 32, 0, RIGHT),
	STEP(register_unmapped, "unmapped", EFAULT, GONE, 32, 0, RIGHT),
#define FIRST_REGISTERED 8
	STEP(register_again, "busy", EBUSY, OWN, 32, 0, RIGHT),
	STEP(register_other_area, "other-area", EINVAL, OTHER, 32, 0, RIGHT),
	STEP(register_other_length, "other-length", EINVAL, OWN, 64, 0, RIGHT),
	STEP(register_other_signature, "other-signature", EPERM, OWN, 32, 0, WRONG),
	STEP(unregister_other_area, "other-area", EINVAL, OTHER, 32, 1, RIGHT),
	STEP(unregister_other_length, "other-length", EINVAL, OWN, 64, 1, RIGHT),
	STEP(unregister_other_signature, "other-signature", EPERM, OWN, 32, 1, WRONG),
	STEP(unregister_with_flags, "unregister-flags", EINVAL, OWN, 32, 1 | UNKNOWN_FLAG, RIGHT),
};

#define STEPS (sizeof(steps) / sizeof(*steps))

static const struct step begin = STEP(register_rightly, NULL, 0, OWN, 32, 0, RIGHT);
static const struct step end = STEP(unregister_rightly, NULL, 0, OWN, 32, 1, RIGHT);
/* What the filter answers is for the thread to say. */
static const struct step filtered[] = {
	STEP(register_filtered, "seccomp", -1, OWN, 32, 0, RIGHT),
	STEP(unregister_filtered, "seccomp", -1, OWN, 32, 1, RIGHT),
};

/* Calls --- */

static struct call {
	const struct step *step;
	bool is_direct;
	const void *area;
	int err;
	pid_t tid;
} calls[MAX_CALLS];

static unsigned int call_count;

static const void *place(enum where where)
{
	switch (where) {
	case OTHER:
		return areas[1];
	case SHIFTED:
		return areas[0] + 8;
	case KERNEL:
		return (const void *)-4096L;
	case GONE:
		return gone;
	case OWN:
		break;
	}
	return areas[0];
}

static void call(const struct step *step, bool is_direct, int expected)
{
	struct call *self = &calls[call_count++];

	*self = (struct call){ step, is_direct, place(step->where), 0, lab_tid() };
	self->err = (int)-step->callers[!is_direct](self->area, step->length, step->flags,
						   step->signature);
	if (self->err != expected)
		lab_fail(LAB_EXIT_FAILED, "%s: error %d, not %d", step->function, self->err, expected);
}

static void call_both(const struct step *step, int expected)
{
	call(step, true, expected);
	call(step, false, expected);
}

static const char *const *chosen;

static bool is_chosen(const char *reason)
{
	for (const char *const *word = chosen; *word; word++)
		if (!strcmp(*word, "all") || !strcmp(*word, reason))
			return true;
	return false;
}

static bool any_chosen(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (is_chosen(steps[i].reason))
			return true;
	return false;
}

static void run_steps(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (is_chosen(steps[i].reason))
			call_both(&steps[i], steps[i].err);
}

/* Both ways of the calls that succeed, one for each registration. */
static void run_registered(bool is_direct)
{
	call(&begin, is_direct, 0);
	if (is_direct)
		run_steps(FIRST_REGISTERED, STEPS);
	call(&end, is_direct, 0);
}

/* Filters --- */

/* For the calling thread and those that it makes: none. */
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

static void *be_filtered(void *arg)
{
	const int *err = arg;

	refuse_rseq(*err);
	for (size_t i = 0; i < sizeof(filtered) / sizeof(*filtered); i++)
		call_both(&filtered[i], *err);
	return NULL;
}

static void run_filtered(void)
{
	/* The last one says that all went well. */
	static int answers[] = { EPERM, ENOSYS, EINVAL, 0 };

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, be_filtered, &answers[i]))
			lab_fail(LAB_EXIT_FAILED, "cannot create a thread");
		pthread_join(thread, NULL);
	}
}

/* Testimony --- */

static const char *error_name(int err)
{
	return err == EINVAL ? "EINVAL" : err == EPERM ? "EPERM" : err == EBUSY ? "EBUSY"
	       : err == EFAULT ? "EFAULT" : err == ENOSYS ? "ENOSYS" : NULL;
}

static void testify_call(const struct call *self)
{
	char function[64];

	snprintf(function, sizeof(function), "%s_%s", self->step->function,
		 self->is_direct ? "direct" : "syscall");
	json_object(NULL);
	json_text("function", function);
	json_text("via", self->is_direct ? "direct" : "syscall");
	json_text("op", self->step->flags & 1 ? "unregister" : "register");
	json_address("area", (uintptr_t)self->area);
	json_number("length", self->step->length);
	json_number("flags", self->step->flags);
	json_address("signature", self->step->signature);
	json_text("errno", error_name(self->err));
	json_text("reason", self->step->reason);
	json_number("tid", self->tid);
	json_object_end();
}

static void nothing(struct lab_thread *self)
{
	(void)self;
}

static void parse(int argc, char **argv)
{
	bool is_known = argc > 1;

	chosen = (const char *const *)argv + 1;
	for (int i = 1; i < argc; i++) {
		bool is_reason = !strcmp(argv[i], "all") || !strcmp(argv[i], "seccomp");

		for (size_t j = 0; j < STEPS; j++)
			is_reason |= !strcmp(argv[i], steps[j].reason);
		is_known &= is_reason;
	}
	if (!is_known)
		lab_fail(LAB_EXIT_USAGE, "usage: failures all | KIND... (see README.md)");
}

int main(int argc, char **argv)
{
	/* Not lab_role_libc, which asks the kernel by calls of its own. */
	static const struct lab_role role = { .prepare = nothing };
	struct lab_thread *threads;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	parse(argc, argv);
	lab_require_no_libc_owner();
	gone = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(gone, page);
	run_steps(0, FIRST_REGISTERED);
	if (any_chosen(FIRST_REGISTERED, STEPS)) {
		run_registered(true);
		run_registered(false);
	}
	if (is_chosen("seccomp"))
		run_filtered();
	threads = lab_crew_start(1, &role);
	lab_testimony();
	json_array("calls");
	for (unsigned int i = 0; i < call_count; i++)
		testify_call(&calls[i]);
	json_array_end();
	lab_testify_threads(threads, 1, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
