/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A storm of aborts, to see what it costs to trace them: on each CPU a SCHED_FIFO thread that wakes
 * every 60 us, and on the last one a worker that is nearly always in a critical section, 100 rounds
 * long, in libc's area. Appends how often it got through and how often it was aborted to FILE.
 *
 * usage: storm MILLISECONDS FILE
 */
#include "section.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/rseq.h>
#include <time.h>

#define EXIT_SKIP 77
#define INTERVAL_NS 60000

/* As far as the lab's sections know, they wait for something: here they do something. */
#if defined(__x86_64__)
#define HUNDRED_ROUNDS "mov $100, %ecx\n1: dec %ecx\n jnz 1b\n"
#elif defined(__aarch64__)
#define HUNDRED_ROUNDS "mov w3, #100\n1: subs w3, w3, #1\n b.ne 1b\n"
#else
#error "no critical section for this architecture"
#endif
SECTION_DEFINE("storm_section", "storm_section_cs", SECTION_NEAR, SECTION_RSEQ_SIGNATURE, HUNDRED_ROUNDS);
extern section_code storm_section;
extern const struct section storm_section_cs;

static volatile bool stop;
static unsigned long done, aborted;

static void fail(int status, const char *what, int err)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(err));
	exit(status);
}

static void *work(void *arg)
{
	volatile struct lab_rseq *area = (void *)(lab_thread_pointer() + __rseq_offset);
	static const uint32_t leave = 1;
	struct section_cpus cpus;

	(void)arg;
	while (!stop)
		if (storm_section(area, &leave, &cpus, &storm_section_cs))
			aborted++;
		else
			done++;
	return NULL;
}

/* Not at fixed times: who is late then would not sleep at all. */
static void *wake(void *arg)
{
	static const struct timespec interval = { .tv_nsec = INTERVAL_NS };

	(void)arg;
	while (!stop)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &interval, NULL);
	return NULL;
}

static pthread_t start(void *(*run)(void *), int cpu, int policy)
{
	struct sched_param param = { .sched_priority = policy == SCHED_FIFO };
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	int err;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, policy);
	pthread_attr_setschedparam(&attr, &param);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	err = pthread_create(&thread, &attr, run, NULL);
	pthread_attr_destroy(&attr);
	if (err == EPERM)
		fail(EXIT_SKIP, "SCHED_FIFO is refused", err);
	if (err)
		fail(1, "cannot start a thread", err);
	return thread;
}

int main(int argc, char **argv)
{
	pthread_t threads[CPU_SETSIZE + 1];
	struct timespec time;
	int n = 0, last = 0;
	cpu_set_t cpus;
	FILE *f;

	if (argc != 3)
		return 2;
	if (!__rseq_size) {
		fputs("storm: libc has not registered rseq\n", stderr);
		return EXIT_SKIP;
	}
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			threads[n++] = start(wake, last = cpu, SCHED_FIFO);
	threads[n++] = start(work, last, SCHED_OTHER);
	time = (struct timespec){ atol(argv[1]) / 1000, atol(argv[1]) % 1000 * 1000000 };
	nanosleep(&time, NULL);
	stop = true;
	while (n > 0)
		pthread_join(threads[--n], NULL);
	f = fopen(argv[2], "a");
	if (!f || fprintf(f, "%lu %lu\n", done, aborted) < 0 || fclose(f))
		fail(1, argv[2], errno);
	return 0;
}
