/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The earliest that a library can be: the resolver of an IFUNC runs while the library is relocated,
 * before any constructor. Thread-local storage and libc's functions are not there to be used yet, so its
 * area lies in .data, and the call is made by hand. Later threads take the slots after main's.
 */
#include "users.h"

#define MAX_THREADS 64

static struct lab_rseq areas[MAX_THREADS] = { LAB_RSEQ_INITIALIZER };
static unsigned int taken = 1;

static int early_register(void)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = LAB_RSEQ_SIGNATURE;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_rseq), "D"(&areas[0]), "S"(LAB_RSEQ_LENGTH), "d"(0), "r"(r10)
			 : "rcx", "r11", "memory");
	return (int)result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_rseq;
	register long x0 __asm__("x0") = (long)&areas[0];
	register long x1 __asm__("x1") = LAB_RSEQ_LENGTH;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = LAB_RSEQ_SIGNATURE;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return (int)x0;
#else
#error "the call by hand is written for x86-64 and aarch64"
#endif
}

static int chosen(void)
{
	return 1;
}

typedef int (*chosen_function)(void);

static __attribute__((no_stack_protector)) chosen_function choose(void)
{
	if (early_register())
		((volatile struct lab_rseq *)&areas[0])->cpu_id = LAB_CPU_ID_FAILED;
	return chosen;
}

int ifunc_owner(void) __attribute__((ifunc("choose")));
/* An address in data is not resolved lazily. */
extern const chosen_function ifunc_owner_address;
const chosen_function ifunc_owner_address = ifunc_owner;

static struct lab_rseq *own(void)
{
	static __thread unsigned int slot;

	if (getpid() == (pid_t)syscall(SYS_gettid))
		return &areas[0];
	if (!slot)
		slot = __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
	return &areas[slot];
}

static int start(void)
{
	if (own() == &areas[0])
		return user_cpu_id(own()) >= 0 ? 0 : -1;
	return user_register(own());
}

static int stop(void)
{
	return lab_rseq_unregister(own(), LAB_RSEQ_LENGTH) ? -1 : 0;
}

const struct user *user_ask(void)
{
	static const struct user self = {
		.start = start,
		.stop = stop,
		.own = own,
		.area = own,
		.place = "data",
	};

	return &self;
}
