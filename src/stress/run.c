/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/run.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/worker.h"
#include "stress/workload.h"

void run_break(struct run *run, unsigned int invariant, const char *format, ...)
{
	struct shared *s = run->shared;
	va_list ap;

	if (atomic_fetch_add(&s->breaks[invariant], 1) == 0) {
		va_start(ap, format);
		vsnprintf(s->detail[invariant], DETAIL_MAX, format, ap);
		va_end(ap);
	}
	atomic_store(&s->broken, true);
}

uint64_t run_operations(const struct run *run)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < run->n_workers; i++)
		sum += __atomic_load_n(&run->workers[i].ops, __ATOMIC_RELAXED);
	return sum;
}

void run_check_sum(struct run *run, unsigned int invariant)
{
	uint64_t added = 0, found = 0;

	for (uint32_t i = 0; i < run->n_workers; i++) {
		added += run->workers[i].in;
		found += run->workers[i].count;
	}
	for (uint32_t i = 0; i < run->n_slots; i++)
		found += run->slots[i].counter;
	run_tried(run, invariant, 1);
	if (found != added)
		run_break(run, invariant, "after %" PRIu64 " increments counters that should sum up to %" PRIu64
			  " do so to %" PRIu64 " (%+" PRId64 ")", run_operations(run), added, found, (int64_t)(found - added));
}

static uint32_t possible_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	uint32_t slots = n > 0 ? (uint32_t)n : 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		for (uint32_t cpu = slots; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &set))
				slots = cpu + 1;
	return slots;
}

static size_t size_of(const struct run *run)
{
	return sizeof(struct run) + sizeof(struct shared) + 256 + run->n_workers * sizeof(struct worker) +
	       run->n_slots * sizeof(struct slot);
}

/* What was asked for, as far as the workload leaves a choice and the kernel keeps it. */
static uint32_t keys_of(const struct stress_options *options, const struct workload *workload)
{
	uint32_t keys = options->keys & workload->keys ? options->keys & workload->keys : workload->keys;

	if (keys == KEY_ANY && !registration_has_mm_cid())
		keys = KEY_BIT(KEY_CPU_ID);
	return keys;
}

struct run *run_new(const struct stress_options *options, const struct workload *workload)
{
	uint32_t indexes = possible_cpus();
	struct run plan = { .options = options, .workload = workload, .n_workers = options->threads,
			    .n_indexes = indexes, .n_slots = KEYS * indexes, .keys = keys_of(options, workload) }, *run;
	char *memory = mmap(NULL, size_of(&plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	plan.workers = (struct worker *)memory;
	plan.slots = (struct slot *)(plan.workers + plan.n_workers);
	plan.shared = (struct shared *)(plan.slots + plan.n_slots);
	run = (struct run *)(((uintptr_t)(plan.shared + 1) + 127) & ~(uintptr_t)127);
	*run = plan;
	for (uint32_t i = 0; i < run->n_workers; i++) {
		uint64_t all = options->operations;

		run->workers[i].id = i;
		run->workers[i].quota = !all ? UINT64_MAX : all / run->n_workers + (i < all % run->n_workers);
	}
	return run;
}

void run_free(struct run *run)
{
	munmap(run->workers, size_of(run));
}
