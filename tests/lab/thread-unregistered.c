/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libc owns rseq and still one thread is not registered: it unregistered itself, or was made by one
 * that had (libc then leaves its child out without a word), or was made by clone() behind libc's
 * back, with or without a thread pointer of its own, or is a worker of the kernel that only looks
 * like a thread. All but the first two are normal.
 *
 * usage: thread-unregistered CASE
 */
#include "testify.h"

#include <dirent.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 4
#define RAW_STACK_SIZE (64 * 1024)
/* Room on both sides: libc's area may be above or below the thread pointer. */
#define RAW_TLS_SIZE (16 * 1024)
#define RAW_CLONE_FLAGS                                                                  \
	(CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)

static struct lab_thread threads[MAX_THREADS];
static unsigned int thread_count;

static struct lab_thread *next_thread(const char *kind)
{
	struct lab_thread *thread = &threads[thread_count];

	thread->index = thread_count++;
	thread->own = (void *)(uintptr_t)kind;
	return thread;
}

static void add_libc_thread(const struct lab_role *role, const char *kind)
{
	struct lab_thread *thread = next_thread(kind);

	lab_thread_start(thread, role);
	lab_thread_settle(thread);
}

/* Unregistered by itself, and its child --- */

static void unregister_self(struct lab_thread *self)
{
	int err;

	lab_prepare_libc(self);
	err = lab_rseq_unregister((void *)self->area, self->length);
	if (err)
		lab_fail(LAB_EXIT_FAILED, "cannot unregister: %s", strerror(err));
	self->area = 0;
	self->length = 0;
	self->place = NULL;
}

static void have_child(struct lab_thread *self)
{
	unregister_self(self);
	lab_thread_start(self + 1, &lab_role_libc);
}

static void make_unregistered(void)
{
	static const struct lab_role role = { .prepare = unregister_self };

	add_libc_thread(&role, "unregistered");
}

static void make_child_of_unregistered(void)
{
	static const struct lab_role role = { .prepare = have_child };
	struct lab_thread *parent = next_thread("unregistered");
	struct lab_thread *heir = next_thread("child-of-unregistered");

	lab_thread_start(parent, &role);
	lab_thread_settle(parent);
	lab_thread_settle(heir);
}

/* Made by clone() --- */

/* The C library's syscall() may write errno, which belongs to another thread here. */
static long raw_syscall(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3)
			 : "memory");
	return x0;
#else
	return syscall(number, a, b, c, d);
#endif
}

static _Noreturn int raw_main(void *arg)
{
	static const struct timespec hour = { .tv_sec = 3600 };
	struct lab_thread *self = arg;

	atomic_store(&self->ready, true);
	for (;;)
		raw_syscall(SYS_nanosleep, (long)&hour, 0, 0, 0);
}

static void *map_zeroed(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
	return memory;
}

static void clone_raw(struct lab_thread *thread, int more_flags)
{
	char *stack = map_zeroed(RAW_STACK_SIZE);

	thread->tid = clone(raw_main, stack + RAW_STACK_SIZE, RAW_CLONE_FLAGS | more_flags, thread,
			    NULL, (void *)thread->tp, NULL);
	if (thread->tid < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot clone: %s", strerror(errno));
	lab_thread_settle(thread);
}

static void make_raw_shared(void)
{
	struct lab_thread *thread = next_thread("raw-clone-shared");

	thread->tp = lab_thread_pointer();
	clone_raw(thread, 0);
}

static void make_raw_own_tp(void)
{
	struct lab_thread *thread = next_thread("raw-clone-own-tp");
	uintptr_t tp = (uintptr_t)map_zeroed(RAW_TLS_SIZE) + RAW_TLS_SIZE / 2;

	*(uintptr_t *)tp = tp;
	thread->tp = tp;
	clone_raw(thread, CLONE_SETTLS);
}

/* Made by the kernel --- */

static void set_up_ring(void)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1 };

	if (syscall(SYS_io_uring_setup, 4, &params) < 0)
		lab_skip("io_uring_setup: %s", strerror(errno));
}

static bool is_known(pid_t tid)
{
	for (unsigned int i = 0; i < thread_count; i++) {
		if (threads[i].tid == tid)
			return true;
	}
	return false;
}

static pid_t find_unknown_thread(void)
{
	const struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");
	pid_t found = 0;

	while (tasks && !found && (entry = readdir(tasks))) {
		pid_t tid = atoi(entry->d_name);

		if (tid && !is_known(tid))
			found = tid;
	}
	if (tasks)
		closedir(tasks);
	return found;
}

static void make_io_uring_worker(void)
{
	struct lab_thread *thread;
	pid_t tid;

	set_up_ring();
	tid = find_unknown_thread();
	if (!tid)
		lab_skip("io_uring workers of this kernel are not threads of the process");
	thread = next_thread("io-uring-worker");
	thread->tid = tid;
	lab_settle_tid(getpid(), tid);
}

static const struct unregistered_case {
	const char *name;
	void (*make)(void);
} cases[] = {
	{ "unregister", make_unregistered },
	{ "child-of-unregistered", make_child_of_unregistered },
	{ "raw-clone-shared", make_raw_shared },
	{ "raw-clone-own-tp", make_raw_own_tp },
	{ "io-uring", make_io_uring_worker },
};

static const struct unregistered_case *find_case(const char *name)
{
	for (size_t i = 0; name && i < sizeof(cases) / sizeof(*cases); i++) {
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	}
	lab_fail(LAB_EXIT_USAGE, "usage: thread-unregistered unregister|child-of-unregistered|"
				 "raw-clone-shared|raw-clone-own-tp|io-uring");
}

static void testify_kind(const struct lab_thread *thread)
{
	json_bool("registered", thread->area != 0);
	json_text("kind", thread->own);
}

int main(int argc, char **argv)
{
	const struct unregistered_case *story = find_case(argc > 1 ? argv[1] : NULL);

	lab_require_libc_owner();
	lab_thread_adopt(next_thread("libc"), &lab_role_libc);
	add_libc_thread(&lab_role_libc, "libc");
	story->make();
	lab_testimony();
	json_text("case", story->name);
	lab_testify_threads(threads, thread_count, testify_kind);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
