/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ordinary process: every thread made and registered by libc, all of them at rest. It is the
 * control of every other story, and the victim that shows what looking costs: --epoll counts the
 * system calls that an observer interrupted, --count shows whether threads were left standing, and
 * --comm gives the process a name that tries to break whoever prints it.
 *
 * usage: threads N [--epoll | --count] [--comm NAME]	NAME may hold \e, \n, \\ and \xNN
 */
#include "testify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

#define MAX_THREADS 10000
#define COMM_SIZE 16

/* How long a counter may stand still before its thread counts as stopped, and how often to look. */
#define SAMPLE_MS 50
#define SAMPLES 400

struct tally {
	atomic_ulong value;
	unsigned long before;
};

static unsigned int thread_count;
static struct tally *tallies;
static int epoll_fd;
static long count_wait_ms = 1;

static void sleep_ms(long ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR)
		;
}

static void rest_in_epoll(struct lab_thread *self)
{
	struct epoll_event event;

	for (;;) {
		if (epoll_wait(epoll_fd, &event, 1, -1) < 0 && errno == EINTR)
			atomic_fetch_add(&tallies[self->index].value, 1);
	}
}

static void rest_in_count(struct lab_thread *self)
{
	for (;;) {
		sleep_ms(count_wait_ms);
		atomic_fetch_add(&tallies[self->index].value, 1);
	}
}

static void report_epoll(void)
{
	unsigned long sum = 0, max = 0;

	for (unsigned int i = 1; i < thread_count; i++) {
		unsigned long value = atomic_load(&tallies[i].value);

		sum += value;
		if (value > max)
			max = value;
	}
	json_number("eintr", (long long)sum);
	json_number("eintr_max", (long long)max);
}

static unsigned int count_moving(void)
{
	unsigned int moving = 0;

	for (unsigned int i = 1; i < thread_count; i++)
		moving += atomic_load(&tallies[i].value) != tallies[i].before;
	return moving;
}

static unsigned long min_count(void)
{
	unsigned long min = -1UL;

	for (unsigned int i = 1; i < thread_count; i++) {
		unsigned long value = atomic_load(&tallies[i].value);

		if (value < min)
			min = value;
	}
	return thread_count > 1 ? min : 0;
}

static void report_count(void)
{
	unsigned int moving;

	/* From now, not from the last report: a thread stopped since would still have risen. */
	for (unsigned int i = 1; i < thread_count; i++)
		tallies[i].before = atomic_load(&tallies[i].value);
	for (unsigned int i = 0; i < SAMPLES; i++) {
		sleep_ms(SAMPLE_MS);
		moving = count_moving();
		if (moving == thread_count - 1)
			break;
	}
	json_number("min_count", (long long)min_count());
	json_number("moving", moving);
}

static size_t unescape_one(const char *in, char *out)
{
	char digits[3] = { 0 };

	switch (in[1]) {
	case 'e':
		*out = '\033';
		return 2;
	case 'n':
		*out = '\n';
		return 2;
	case '\\':
		*out = '\\';
		return 2;
	case 'x':
		if (strspn(in + 2, "0123456789abcdefABCDEF") < 2)
			break;
		memcpy(digits, in + 2, 2);
		*out = (char)strtoul(digits, NULL, 16);
		return 4;
	}
	lab_fail(LAB_EXIT_USAGE, "bad escape at '%s'", in);
}

static void set_comm(const char *escaped)
{
	char comm[COMM_SIZE] = { 0 };

	for (size_t i = 0; *escaped && i < sizeof(comm) - 1; i++) {
		if (*escaped == '\\')
			escaped += unescape_one(escaped, &comm[i]);
		else
			comm[i] = *escaped++;
	}
	prctl(PR_SET_NAME, comm);
}

static void testify_comm(void)
{
	char comm[COMM_SIZE] = { 0 };

	prctl(PR_GET_NAME, comm);
	json_text("comm", comm);
}

struct options {
	struct lab_role role;
	void (*report)(void);
	const char *comm;
};

static void parse(int argc, char **argv, struct options *options)
{
	if (argc < 2)
		lab_fail(LAB_EXIT_USAGE, "usage: threads N [--epoll | --count] [--comm NAME]");
	thread_count = lab_count_argument(argv[1], MAX_THREADS);
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--epoll") && !options->report) {
			options->role.rest = rest_in_epoll;
			options->report = report_epoll;
		} else if (!strcmp(argv[i], "--count") && !options->report) {
			options->role.rest = rest_in_count;
			options->report = report_count;
		} else if (!strcmp(argv[i], "--comm") && argv[i + 1]) {
			options->comm = argv[++i];
		} else {
			lab_fail(LAB_EXIT_USAGE, "unexpected '%s'", argv[i]);
		}
	}
}

int main(int argc, char **argv)
{
	static struct options options = { .role.prepare = lab_prepare_libc };
	struct lab_thread *threads;

	parse(argc, argv, &options);
	/* A thousand threads waking every millisecond would measure the scheduler. */
	if (thread_count > 100)
		count_wait_ms = thread_count / 100;
	tallies = calloc(thread_count, sizeof(*tallies));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!tallies || epoll_fd < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot set up: %s", strerror(errno));
	threads = lab_crew_start(thread_count, &options.role);
	if (options.comm)
		set_comm(options.comm);
	lab_testimony();
	testify_comm();
	lab_testify_threads(threads, thread_count, NULL);
	lab_testimony_end();
	lab_obey(options.report);
	return 0;
}
