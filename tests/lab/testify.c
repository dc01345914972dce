/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "testify.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define AUX_RSEQ_FEATURE_SIZE 27

/* A thousand threads must fit into a small machine. */
#define STACK_SIZE (64 * 1024)
#define SETTLE_SECONDS 30

/* Weak, so that the same source links with a libc that knows nothing of rseq. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

pid_t lab_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static int unregister_with_wrong_signature(const void *area, unsigned int length)
{
	return lab_rseq_call(area, length, LAB_RSEQ_UNREGISTER, ~LAB_RSEQ_SIGNATURE);
}

bool lab_rseq_is_registered(const void *area, unsigned int length)
{
	/*
	 * The kernel compares pointer and length (EINVAL) before the signature (EPERM). A seccomp
	 * filter says EPERM to everything: an address nobody registers tells it apart.
	 */
	return unregister_with_wrong_signature(area, length) == EPERM &&
	       unregister_with_wrong_signature(NULL, length) == EINVAL;
}

bool lab_libc_owns(void)
{
	return &__rseq_size && __rseq_size;
}

struct lab_rseq *lab_libc_area(uintptr_t tp)
{
	if (!&__rseq_offset || !tp)
		return NULL;
	return (struct lab_rseq *)(tp + (uintptr_t)__rseq_offset);
}

void lab_require_libc_owner(void)
{
	if (!lab_libc_owns())
		lab_fail(LAB_EXIT_OWNER, "libc does not own rseq here");
}

void lab_require_no_libc_owner(void)
{
	if (lab_libc_owns())
		lab_fail(LAB_EXIT_OWNER,
			 "libc owns rseq: run with GLIBC_TUNABLES=glibc.pthread.rseq=0");
}

void lab_prepare_libc(struct lab_thread *self)
{
	/* A libc that reads the auxiliary vector registers the feature size when larger. */
	unsigned int lengths[] = { LAB_RSEQ_LENGTH,
				   (unsigned int)getauxval(AUX_RSEQ_FEATURE_SIZE) };
	struct lab_rseq *area = lab_libc_area(self->tp);

	for (size_t i = 0; area && i < sizeof(lengths) / sizeof(*lengths); i++) {
		if (!lab_rseq_is_registered(area, lengths[i]))
			continue;
		self->area = (uintptr_t)area;
		self->length = lengths[i];
		self->place = "libc";
		return;
	}
}

const struct lab_role lab_role_libc = { .prepare = lab_prepare_libc };

void lab_register_area(struct lab_thread *self, void *area, unsigned int length,
		       uint32_t signature)
{
	int err = lab_rseq_call(area, length, 0, signature);

	if (err)
		lab_fail(LAB_EXIT_FAILED, "cannot register %p: %s", area, strerror(err));
	if (!lab_rseq_is_registered(area, length))
		lab_fail(LAB_EXIT_FAILED, "the kernel does not know %p", area);
	self->area = (uintptr_t)area;
	self->length = length;
}

unsigned int lab_long_length(void *area)
{
	/* Before 6.3 there is one length; from 7.0 on longer ones want an alignment of 64. */
	if (lab_rseq_register(area, LAB_RSEQ_LONG))
		return LAB_RSEQ_LENGTH;
	if (lab_rseq_unregister(area, LAB_RSEQ_LONG))
		lab_fail(LAB_EXIT_FAILED, "cannot unregister %p", area);
	return LAB_RSEQ_LONG;
}

void lab_own_area(struct lab_thread *self, void *area, const char *place, const char *object)
{
	lab_register_area(self, area, LAB_RSEQ_LENGTH, LAB_RSEQ_SIGNATURE);
	self->place = place;
	self->object = object;
}

void lab_library_area(struct lab_thread *self, struct lab_rseq *area, const char *library)
{
	self->own = area;
	lab_prepare_libc(self);
	if (!lab_rseq_is_registered(area, LAB_RSEQ_LENGTH))
		return;
	self->area = (uintptr_t)area;
	self->length = LAB_RSEQ_LENGTH;
	self->place = "tls-symbol";
	self->object = library;
}

void lab_rest(struct lab_thread *self)
{
	static const uint32_t never;

	(void)self;
	for (;;)
		syscall(SYS_futex, &never, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

void lab_thread_adopt(struct lab_thread *self, const struct lab_role *role)
{
	self->role = role;
	self->tid = lab_tid();
	self->tp = lab_thread_pointer();
	role->prepare(self);
	atomic_store(&self->ready, true);
}

static void *thread_main(void *arg)
{
	struct lab_thread *self = arg;

	lab_thread_adopt(self, self->role);
	if (self->role->rest)
		self->role->rest(self);
	lab_rest(self);
}

void lab_thread_start(struct lab_thread *thread, const struct lab_role *role)
{
	pthread_attr_t attr;
	pthread_t handle;
	int err;

	thread->role = role;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&handle, &attr, thread_main, thread);
	pthread_attr_destroy(&attr);
	if (err)
		lab_fail(LAB_EXIT_FAILED, "cannot create a thread: %s", strerror(err));
}

static void nap(void)
{
	static const struct timespec millisecond = { .tv_nsec = 1000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &millisecond, NULL);
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static char task_state(pid_t pid, pid_t tid)
{
	char path[64], line[512];
	const char *end_of_name;
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	len = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[len] = '\0';
	end_of_name = strrchr(line, ')');
	return end_of_name && end_of_name[1] ? end_of_name[2] : 0;
}

void lab_settle_tid(pid_t pid, pid_t tid)
{
	time_t deadline = seconds() + SETTLE_SECONDS;

	while (task_state(pid, tid) != 'S') {
		if (seconds() > deadline)
			lab_fail(LAB_EXIT_FAILED, "thread %d never came to rest", tid);
		nap();
	}
}

void lab_thread_settle(struct lab_thread *thread)
{
	time_t deadline = seconds() + SETTLE_SECONDS;

	while (!atomic_load(&thread->ready)) {
		if (seconds() > deadline)
			lab_fail(LAB_EXIT_FAILED, "thread %u never got ready", thread->index);
		nap();
	}
	lab_settle_tid(getpid(), thread->tid);
}

struct lab_thread *lab_crew_start(unsigned int count, const struct lab_role *role)
{
	struct lab_thread *threads = calloc(count, sizeof(*threads));

	if (!threads)
		lab_fail(LAB_EXIT_FAILED, "out of memory");
	for (unsigned int i = 0; i < count; i++)
		threads[i].index = i;
	lab_thread_adopt(&threads[0], role);
	for (unsigned int i = 1; i < count; i++)
		lab_thread_start(&threads[i], role);
	for (unsigned int i = 1; i < count; i++)
		lab_thread_settle(&threads[i]);
	return threads;
}

const char *lab_program(void)
{
	return program_invocation_short_name;
}

char *lab_sibling(const char *file)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *path;

	if (len < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot read /proc/self/exe: %s", strerror(errno));
	self[len] = '\0';
	strrchr(self, '/')[1] = '\0';
	if (asprintf(&path, "%s%s", self, file) < 0)
		lab_fail(LAB_EXIT_FAILED, "out of memory");
	return path;
}

unsigned int lab_count_argument(const char *text, unsigned int limit)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || end == text || !number || number > limit)
		lab_fail(LAB_EXIT_USAGE, "'%s' is not a number from 1 to %u", text, limit);
	return (unsigned int)number;
}

void lab_fail(enum lab_exit status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", lab_program());
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(status);
}

void lab_skip(const char *format, ...)
{
	static atomic_flag is_said = ATOMIC_FLAG_INIT;
	char reason[256];
	va_list args;

	/* Several threads may find out at once, and one of them ends the process. */
	while (atomic_flag_test_and_set(&is_said))
		pause();
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	json_object(NULL);
	json_text("skip", reason);
	json_object_end();
	json_line_end();
	_exit(LAB_EXIT_SKIP);
}

/* JSON --- */

static bool json_needs_comma;

static void json_quoted(const char *text)
{
	putchar('"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (*c < 0x20 || *c >= 0x7f)
			printf("\\u%04x", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

static void json_start(const char *key)
{
	if (json_needs_comma)
		putchar(',');
	json_needs_comma = true;
	if (!key)
		return;
	json_quoted(key);
	putchar(':');
}

void json_object(const char *key)
{
	json_start(key);
	putchar('{');
	json_needs_comma = false;
}

void json_object_end(void)
{
	putchar('}');
	json_needs_comma = true;
}

void json_array(const char *key)
{
	json_start(key);
	putchar('[');
	json_needs_comma = false;
}

void json_array_end(void)
{
	putchar(']');
	json_needs_comma = true;
}

void json_null(const char *key)
{
	json_start(key);
	fputs("null", stdout);
}

void json_text(const char *key, const char *text)
{
	if (!text) {
		json_null(key);
		return;
	}
	json_start(key);
	json_quoted(text);
}

void json_number(const char *key, long long number)
{
	json_start(key);
	printf("%lld", number);
}

void json_bool(const char *key, bool value)
{
	json_start(key);
	fputs(value ? "true" : "false", stdout);
}

void json_address(const char *key, uintptr_t address)
{
	if (!address) {
		json_null(key);
		return;
	}
	json_start(key);
	printf("\"0x%llx\"", (unsigned long long)address);
}

void json_line_end(void)
{
	putchar('\n');
	json_needs_comma = false;
	if (fflush(stdout))
		_exit(LAB_EXIT_FAILED);
}

/* Testimony --- */

void lab_testimony(void)
{
	json_object(NULL);
	json_number("pid", getpid());
	json_text("program", lab_program());
	if (&__rseq_offset && &__rseq_size) {
		json_number("rseq_offset", __rseq_offset);
		json_number("rseq_size", __rseq_size);
	} else {
		json_null("rseq_offset");
		json_null("rseq_size");
	}
}

static void testify_libc_area(const struct lab_thread *thread)
{
	const volatile struct lab_rseq *area = lab_libc_area(thread->tp);

	if (area)
		json_number("libc_cpu_id", (int32_t)area->cpu_id);
	else
		json_null("libc_cpu_id");
}

void lab_testify_thread(const struct lab_thread *thread,
			void (*more)(const struct lab_thread *thread))
{
	json_object(NULL);
	json_number("tid", thread->tid);
	json_address("tp", thread->tp);
	json_address("area", thread->area);
	json_number("length", thread->length);
	json_text("place", thread->place);
	json_text("object", thread->object);
	testify_libc_area(thread);
	if (more)
		more(thread);
	json_object_end();
}

void lab_testify_library_area(const struct lab_thread *thread)
{
	const volatile struct lab_rseq *area = thread->own;

	json_address("own_area", (uintptr_t)area);
	json_number("own_cpu_id", (int32_t)area->cpu_id);
}

void lab_testify_threads(const struct lab_thread *threads, unsigned int count,
			 void (*more)(const struct lab_thread *thread))
{
	json_array("threads");
	for (unsigned int i = 0; i < count; i++)
		lab_testify_thread(&threads[i], more);
	json_array_end();
}

void lab_testimony_end(void)
{
	json_object_end();
	json_line_end();
}

/* Orders --- */

static bool line_waits(int timeout_ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, timeout_ms) > 0;
}

/* Unbuffered: a program that executes itself anew must not swallow the next line. */
static bool read_line(char *line, size_t size)
{
	size_t len = 0;

	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		if (c == '\n')
			break;
		if (len + 1 < size)
			line[len++] = c;
	}
	line[len] = '\0';
	return true;
}

enum lab_order lab_listen(int timeout_ms)
{
	char line[64];

	if (timeout_ms >= 0 && !line_waits(timeout_ms))
		return LAB_ORDER_NONE;
	if (!read_line(line, sizeof(line)))
		return LAB_ORDER_END;
	if (!strcmp(line, "report"))
		return LAB_ORDER_REPORT;
	if (!strcmp(line, "pause"))
		return LAB_ORDER_PAUSE;
	return strcmp(line, "go") ? LAB_ORDER_NONE : LAB_ORDER_GO;
}

void lab_report(void (*fill)(void))
{
	static unsigned int reports;

	json_object(NULL);
	json_number("pid", getpid());
	json_number("report", ++reports);
	if (fill)
		fill();
	json_object_end();
	json_line_end();
}

void lab_obey(void (*fill)(void))
{
	for (;;) {
		switch (lab_listen(-1)) {
		case LAB_ORDER_REPORT:
			lab_report(fill);
			break;
		case LAB_ORDER_END:
			return;
		case LAB_ORDER_NONE:
		case LAB_ORDER_PAUSE:
		case LAB_ORDER_GO:
			break;
		}
	}
}
