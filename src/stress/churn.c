/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads come and go, register and unregister; the process is copied, and replaced by another program.
 * Who is registered afterwards follows from the kernel's rules: a thread begins without, a copy keeps it,
 * a new program begins without.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/outcome.h"
#include "stress/worker.h"
#include "stress/workload.h"

enum { SUM, THREADS, FORK, EXEC };

/* What a copy ends with; a new program only with the first one. */
enum { FOUND_UNREGISTERED = 1, FOUND_LOST };

extern char **environ;

/* What libc did for a new thread, or what this one did for itself, is what the kernel knows. */
static void check_thread(struct worker *w)
{
	uint32_t length = registration_length(w->area, w->run->options->length), cpu = worker_cpu_id(w);

	if (run_has_fault(w->run, FAULT_UNREGISTERED) && length) {
		registration_unregister(w->area, length);
		length = registration_length(w->area, w->run->options->length);
	}
	w->tried++;
	if (!length || cpu >= w->run->n_indexes)
		run_break(w->run, THREADS, "a new thread is %s, and its cpu_id is %" PRId32,
			  length ? "registered" : "not registered", (int32_t)cpu);
}

/* Gives it back and takes it again, as a library that comes and goes would. */
static void register_again(struct worker *w)
{
	uint32_t length = registration_length(w->area, w->run->options->length);
	int r;

	if (!length)
		return;
	r = registration_unregister(w->area, length);
	if (r == 0 && worker_cpu_id(w) < w->run->n_indexes)
		run_break(w->run, THREADS, "a thread is unregistered, and its cpu_id is still %u",
			  worker_cpu_id(w));
	if (r == 0)
		r = registration_register(w->area, length);
	if (r < 0)
		run_break(w->run, THREADS, "a thread could not unregister and register again: %s", strerror(-r));
}

static void count(struct worker *w)
{
	check_thread(w);
	worker_vary(w);
	/* Its life is short: most of it should be spent inside. */
	for (int i = DELAY_PUBLISHED; i < CRITICAL_DELAYS; i++)
		w->critical.delay[i] |= worker_random(w) % 8192;
	for (int i = 0; i < WORKER_BATCH && !atomic_load(&w->run->shared->broken); i++) {
		if (i == WORKER_BATCH / 2)
			register_again(w);
		worker_increment(w);
	}
}

/* In the copy: 0 when it is registered as its parent was, and sections work. */
static int check_copy(const struct worker *parent)
{
	/* The parent's own lies in memory that both share. */
	struct worker copy = *parent, *w = &copy;
	uint64_t counter = 0;
	uint32_t length = registration_length(w->area, w->run->options->length);
	enum critical_result r;

	if (run_has_fault(w->run, FAULT_UNREGISTERED) && length) {
		registration_unregister(w->area, length);
		length = registration_length(w->area, w->run->options->length);
	}
	if (!length)
		return FOUND_UNREGISTERED;
	worker_begin(w);
	for (int i = 0; i < 100; i++)
		do {
			w->index_copy = critical_index(&w->critical);
			r = critical_add(&w->critical, w->index_copy, &counter, 1);
		} while (r == CRITICAL_ABORTED || r == CRITICAL_MOVED);
	/* These are aborts of the run, too. */
	atomic_fetch_add(&w->run->shared->child_aborts, w->critical.aborts);
	return counter == 100 ? 0 : FOUND_LOST;
}

/* Killed from outside, or a program that could not be loaded, says nothing of rseq. */
static void await(struct worker *w, pid_t pid, unsigned int invariant, const char *what)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	if (WIFSIGNALED(status) ? !outcome_is_fatal(WTERMSIG(status)) : WEXITSTATUS(status) > FOUND_LOST)
		return;
	run_tried(w->run, invariant, 1);
	if (WIFSIGNALED(status))
		run_break(w->run, invariant, "%s was killed by signal %d", what, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		run_break(w->run, invariant, "%s found %s", what,
			  WEXITSTATUS(status) == FOUND_LOST ? "that increments were lost" :
							      "its thread not registered as it should be");
}

static void fork_once(struct worker *w)
{
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(check_copy(w));
	}
	if (pid > 0)
		await(w, pid, FORK, "a copy of the process");
}

static void exec_once(struct worker *w)
{
	bool own = w->run->options->own_registration != run_has_fault(w->run, FAULT_UNREGISTERED);
	char *args[] = { "rseqctl", "stress", own ? "--exec-check=self" : "--exec-check=libc", NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, environ) == 0)
		await(w, pid, EXEC, "a new program");
}

static void work(struct worker *w)
{
	uint64_t r = worker_random(w);
	int error = worker_in_thread(w, count);

	run_tried(w->run, THREADS, w->tried);
	w->tried = 0;
	if (error == -EINVAL || error == -EPERM || error == -EBUSY || error == -ENXIO)
		run_break(w->run, THREADS, "a new thread %s: %s", error == -ENXIO ? "was not registered by libc" :
			  "could not register", strerror(-error));
	if (r % 8 == 0 || run_has_fault(w->run, FAULT_UNREGISTERED))
		fork_once(w);
	/* A program is expensive: one worker does it. */
	if (w->id == 0 && ((r >> 8) % 4 == 0 || run_has_fault(w->run, FAULT_UNREGISTERED)))
		exec_once(w);
}

static void check(struct run *run)
{
	run_check_sum(run, SUM);
}

int stress_check_exec(bool own_registration)
{
	static _Alignas(REGISTRATION_ALIGN) char area[REGISTRATION_LENGTH_MAX];
	void *libc_area = registration_libc_area();

	/* libc registered again, or nobody did and the place is free. */
	if (!own_registration)
		return libc_area && registration_length(libc_area, 0) ? 0 : 1;
	return libc_area || registration_register(area, registration_usual_length()) < 0;
}

const struct workload workload_churn = {
	.choice = { "churn", "threads, copies of the process and new programs come and go", true },
	.keys = KEY_BIT(KEY_CPU_ID),
	.faults = FAULTS_OF_SECTIONS | FAULT_BIT(FAULT_UNREGISTERED),
	.invariants = {
		[SUM] = { "sum", "no increment is lost or doubled while threads end" },
		[THREADS] = { "threads", "new threads register, unregister and register again" },
		[FORK] = { "fork", "a copy of the process is registered as the process was" },
		[EXEC] = { "exec", "a new program begins without the old registration" },
	},
	.work = work,
	.check = check,
};
