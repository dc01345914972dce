/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A per-CPU counter by rseq as one would write it by hand for x86-64 with libc's registration: nothing but
 * the section. Two lines: nanoseconds of CPU time per increment with that many threads, one per CPU, and
 * the same for one shared atomic word.
 *
 * usage: bare_rseq THREADS SECONDS
 */
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/rseq.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1000
#define CPUS 1024

static struct {
	_Alignas(128) uint64_t counter;
} slots[CPUS], shared;

static pthread_barrier_t barrier;
static _Atomic int stop;
static int atomic_way;
static uint64_t total_ops, total_ns;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void increments(struct rseq *area)
{
	for (int i = 0; i < BATCH; i++) {
		uint32_t cpu;
		uint64_t *counter;
again:
		cpu = *(volatile uint32_t *)&area->cpu_id_start;
		counter = &slots[cpu].counter;
		asm goto(".pushsection __rseq_cs, \"aw\"\n\t"
			 ".balign 32\n"
			 "90: .long 0, 0\n\t.quad 10f, 20f - 10f, 40f\n\t"
			 ".popsection\n\t"
			 "leaq 90b(%%rip), %%rax\n\t"
			 "movq %%rax, 8(%[area])\n"
			 "10:\n\t"
			 "cmpl %[cpu], 4(%[area])\n\t"
			 "jne %l[again]\n\t"
			 "incq (%[counter])\n"
			 "20:\n\t"
			 ".pushsection __rseq_failure, \"ax\"\n\t"
			 ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"
			 "40: jmp %l[again]\n\t"
			 ".popsection"
			 : : [area] "r"(area), [cpu] "r"(cpu), [counter] "r"(counter) : "rax", "memory", "cc" : again);
	}
}

static void atomics(void)
{
	for (int i = 0; i < BATCH; i++)
		__atomic_fetch_add(&shared.counter, 1, __ATOMIC_RELAXED);
}

static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *run(void *data)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	uint64_t ops = 0, start;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((uintptr_t)data % (unsigned long)sysconf(_SC_NPROCESSORS_ONLN), &one);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_barrier_wait(&barrier);
	start = cpu_time();
	while (!stop) {
		if (atomic_way)
			atomics();
		else
			increments(area);
		ops += BATCH;
	}
	start = cpu_time() - start;
	pthread_mutex_lock(&mutex);
	total_ops += ops;
	total_ns += start;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int n = argc == 3 ? (unsigned int)atoi(argv[1]) : 0;
	double seconds = argc == 3 ? atof(argv[2]) : 0;
	struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
	pthread_t threads[64];

	if (!n || n > 64 || !__rseq_size)
		return 2;
	for (atomic_way = 0; atomic_way < 2; atomic_way++) {
		total_ops = total_ns = 0;
		stop = 0;
		pthread_barrier_init(&barrier, NULL, n + 1);
		for (uintptr_t i = 0; i < n; i++)
			if (pthread_create(&threads[i], NULL, run, (void *)i))
				return 1;
		pthread_barrier_wait(&barrier);
		nanosleep(&t, NULL);
		stop = 1;
		for (unsigned int i = 0; i < n; i++)
			pthread_join(threads[i], NULL);
		printf("%.3f\n", (double)total_ns / (double)total_ops);
	}
	return 0;
}
