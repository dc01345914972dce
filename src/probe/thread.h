/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads of a probe: registered as it wants, and where it wants. */
#ifndef PROBE_THREAD_H
#define PROBE_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "critical/critical.h"
#include "critical/registration.h"
#include "probe/probe.h"
#include "rseqctl/rseq_abi.h"

/* Static or on a stack, and not moved: the kernel writes to it as long as the thread is registered. */
struct probe_thread {
	union {
		struct rseq_area area;
		char room[REGISTRATION_LENGTH_MAX];
	} __attribute__((aligned(REGISTRATION_ALIGN)));
	struct critical critical;
	uint32_t length;
};

/* Ids that no CPU, node or thread has: whoever finds others in it knows that somebody wrote them. */
void probe_area_spoil(struct rseq_area *area);

/*
 * The calling thread is registered there with that length, by the kernel's own word, and its ids were written. A
 * filter that answers for the kernel does not pass.
 */
bool probe_area_is_kept(struct rseq_area *area, uint32_t length);

/*
 * Takes the calling thread's registration away from libc, where it has one, and registers the area; a longer
 * one than 32 bytes has at least 33 and all that the kernel knows. 0 or -errno of rseq(); the critical
 * sections of t are then those of this thread, keyed by cpu_id, with the fault no-section if it is asked for.
 */
int probe_thread_register(struct probe_run *r, struct probe_thread *t, enum promise_length length);

void probe_thread_unregister(struct probe_thread *t);

/* The same without a registration of its own: libc's is taken away. 0, or -errno. */
int probe_thread_release(void);

/* A failure is that of the check that asks about registrations of that length. */
void probe_because_of(struct probe_run *r, uint32_t length);

/* Whether a thread can be registered as on this architecture; false: the verdict is given. */
bool probe_is_supported(struct probe_run *r);

/* probe_thread_release(); false when another registration would not be possible, and then the verdict is given. */
bool probe_thread_free(struct probe_run *r);

/* probe_thread_register(); false when it could not be, or is not kept, and then the verdict is given. */
bool probe_thread_own(struct probe_run *r, struct probe_thread *t, enum promise_length length);

/* The same; where the kernel takes no longer registrations, the probe is skipped. */
bool probe_thread_take(struct probe_run *r, struct probe_thread *t, enum promise_length length);

/* The first CPU and the next one that this process may use; -1 where there is none. */
int probe_cpu(int after);

/* The CPU on which the calling thread runs, by the kernel; -1: it does not say. */
int probe_current_cpu(void);

/* The calling thread runs on that CPU alone. 0 or -errno. */
int probe_pin(int cpu);

/* Whether its cpu_id and cpu_id_start are what getcpu(2) says of the calling thread. */
bool probe_area_is_right(const struct rseq_area *area);

/*
 * Visits each CPU that this process may use, until one visit says false or half of the limit is over; the calling
 * thread runs there alone meanwhile, and wherever it might before afterwards. The number of good visits, -1 after
 * a false one.
 */
int probe_each_cpu(struct probe_run *r, bool (*visit)(struct probe_run *r, void *data, int cpu), void *data);

/* Whether this kernel takes registrations of more than 32 bytes (6.3 on). */
bool probe_has_longer(void);

/* How often the calling thread was switched out so far; -1: it cannot be told. */
long probe_switches(void);

/* Handles that signal from now on, and lets it through to the calling thread. */
void probe_on_signal(int sig, void (*handler)(int sig));

/* fork(), whose child is killed when its parent dies. */
pid_t probe_fork(void);

#endif
