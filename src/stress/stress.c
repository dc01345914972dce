/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "stress/child.h"
#include "stress/outcome.h"
#include "stress/workload.h"
#include "util/array.h"

/*
 * Without any operation for so long it hangs; a load that stops 1,000 threads for this long is none to test
 * under. What is broken on purpose must not be waited for, but its workers have to have run meanwhile.
 */
enum { TICK_MS = 100, HANG_MS = 20000, HANG_INJECTED_MS = 1000, HANG_INJECTED_CPU_MS = 500 };

static const struct workload *const workloads[] = {
	&workload_counter, &workload_list, &workload_buffer, &workload_memcpy, &workload_lock,
	&workload_mmcid, &workload_getcpu, &workload_atomic, &workload_churn, &workload_dlopen,
};

const struct stress_choice *stress_workload(size_t i)
{
	return i < ARRAY_SIZE(workloads) ? &workloads[i]->choice : NULL;
}

static const struct stress_choice key_choices[KEYS] = {
	[KEY_CPU_ID] = { "cpu_id", "the CPU that the thread runs on", true },
	[KEY_MM_CID] = { "mm_cid", "the process's own number for threads that run at once (Linux 6.3 on)", true },
};

const struct stress_choice *stress_index(size_t i)
{
	return i < ARRAY_SIZE(key_choices) ? &key_choices[i] : NULL;
}

bool stress_fault_applies(size_t fault, size_t workload)
{
	return workloads[workload]->faults & FAULT_BIT(fault);
}

/* --- waiting for the child --- */

struct watch {
	struct run *run;
	pid_t pid;
	uint64_t last, cpu_ms; /* of the last sign of life */
	struct outcome outcome;
};

/* CPU time of all its threads. */
static uint64_t cpu_ms_of(pid_t pid)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool is_stopped(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static bool hangs(struct watch *w)
{
	uint64_t sign = run_operations(w->run) + atomic_load(&w->run->shared->heartbeat), cpu_ms = cpu_ms_of(w->pid);

	if (sign != w->last || is_stopped(w->pid)) {
		w->last = sign;
		w->outcome.still_ms = 0;
		w->cpu_ms = cpu_ms;
		return false;
	}
	w->outcome.still_ms += TICK_MS;
	if (w->run->options->fault < 0)
		return w->outcome.still_ms >= HANG_MS;
	return w->outcome.still_ms >= HANG_INJECTED_MS && cpu_ms - w->cpu_ms >= HANG_INJECTED_CPU_MS;
}

/* Without taking it away: as long as it is there, its number is nobody else's. */
static bool has_ended(const struct watch *w)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == w->pid;
}

/* With all that it started. */
static void end_child(struct watch *w)
{
	kill(-w->pid, SIGKILL);
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &w->outcome.status, 0) < 0 && errno == EINTR)
		;
}

/* Ctrl-Z: the workers, which are no part of the terminal's job, stop and go on with this process. */
static void stop_together(struct watch *w)
{
	kill(-w->pid, SIGSTOP);
	raise(SIGSTOP);
	kill(-w->pid, SIGCONT);
}

static void take_signals(struct watch *w, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			stop_together(w);
		else
			w->outcome.interrupted |= info.ssi_signo != SIGCHLD;
	}
}

static void watch(struct watch *w, int signals, stress_progress *progress, void *data)
{
	const struct stress_options *o = w->run->options;
	struct pollfd fd = { .fd = signals, .events = POLLIN };

	while (!w->outcome.ended && !w->outcome.hung && !w->outcome.interrupted) {
		int n = poll(&fd, 1, TICK_MS);

		take_signals(w, signals);
		w->outcome.ended = has_ended(w);
		/* Only a tick without an event is as long as it says. */
		if (n == 0 && !w->outcome.ended)
			w->outcome.hung = hangs(w);
		if (progress && o->operations)
			progress(data, w->run->workload->choice.name, run_operations(w->run), o->operations);
		else if (progress)
			progress(data, w->run->workload->choice.name, w->run->shared->worked_ns / 1000000,
				 o->duration_ns / 1000000);
	}
	end_child(w);
}

static void block_signals(sigset_t *set, sigset_t *ret_old)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGTSTP };

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(set, signals[i]);
	sigprocmask(SIG_BLOCK, set, ret_old);
}

/* Where memory runs out this process goes, and not the one that reports. Without /proc it is left to chance. */
static void be_the_first_to_go(void)
{
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "1000", 4);
}

/* In a process group of its own: what the child starts is ended with it. */
static _Noreturn void become_child(struct run *run, const sigset_t *mask, int go)
{
	char c;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	be_the_first_to_go();
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* End of file: whoever waits for this is no longer there. */
	if (read(go, &c, 1) != 1)
		_exit(0);
	close(go);
	child_run(run);
}

static void unknown(struct stress_result *r, struct arena *arena, const char *what, const char *why)
{
	struct unknown *list = arena_alloc(arena, (r->n_unknown + 1) * sizeof(*list));

	if (!list)
		return;
	if (r->n_unknown)
		memcpy(list, r->unknown, r->n_unknown * sizeof(*list));
	list[r->n_unknown++] = (struct unknown){ arena_strdup(arena, what), arena_strdup(arena, why) };
	r->unknown = list;
}

/* A child that died meanwhile is the watch's business. There is a reader all the same: no SIGPIPE. */
static void let_go(const int go[2])
{
	ssize_t n = write(go[1], "", 1);

	(void)n;
	close(go[1]);
	close(go[0]);
}

/* Forks, starts the counter, and lets the child go. 0 or -errno. */
static int begin(struct watch *w, const sigset_t *mask, struct stress_result *result, struct arena *arena,
		 const char **ret_why)
{
	const struct abort_counter *counter = w->run->options->counter;
	const char *why = "aborts are not counted from outside";
	int go[2], r = 0;

	if (pipe2(go, O_CLOEXEC) < 0 || (w->pid = fork()) < 0) {
		*ret_why = errno == EAGAIN ?
			"cannot start a process: raise the limit (ulimit -u, a cgroup's pids.max)" : "cannot start a process";
		return -errno;
	}
	if (w->pid == 0) {
		close(go[1]);
		become_child(w->run, mask, go[0]);
	}
	setpgid(w->pid, w->pid);
	if (counter)
		r = counter->start(counter->data, w->pid, &why);
	if (!counter || r < 0) {
		unknown(result, arena, "kernel_aborts", why);
		unknown(result, arena, "causes", why);
	} else
		result->has |= STRESS_KERNEL_ABORTS;
	let_go(go);
	return 0;
}

static void stop_counter(const struct stress_options *o, struct stress_result *r, struct arena *arena)
{
	const char *why = "the count was not to be had";

	if (!(r->has & STRESS_KERNEL_ABORTS))
		return;
	if (o->counter->stop(o->counter->data, &r->kernel, &why) < 0 || !(r->kernel.has & ABORT_TOTAL)) {
		r->has &= ~(uint64_t)STRESS_KERNEL_ABORTS;
		unknown(r, arena, "kernel_aborts", why);
	}
	if (r->kernel.has & ABORT_CAUSES)
		r->has |= STRESS_CAUSES;
	else
		unknown(r, arena, "causes", why);
}

static int run_child(struct run *run, stress_progress *progress, void *data, struct arena *arena,
		     struct stress_result *result, const char **ret_why)
{
	struct watch w = { .run = run, .outcome = { .run = run } };
	sigset_t set, old;
	int r, signals;

	block_signals(&set, &old);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = signals < 0 ? -errno : begin(&w, &old, result, arena, ret_why);
	if (r == 0) {
		watch(&w, signals, progress, data);
		stop_counter(run->options, result, arena);
		/* That takes a while: one that came meanwhile ends the command with its report, too. */
		take_signals(&w, signals);
		r = outcome_judge(&w.outcome, arena, result, ret_why);
	}
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

int stress_run(const struct stress_options *options, size_t workload, stress_progress *progress, void *data,
	       struct arena *arena, struct stress_result *ret, const char **ret_why)
{
	const struct workload *w = workloads[workload];
	struct run *run;
	int r;

	*ret = (struct stress_result){ .workload = w->choice.name };
	*ret_why = "no memory";
	if (w->possible && w->possible(options, &ret->why) < 0) {
		ret->verdict = ret->gate = VERDICT_NOT_APPLICABLE;
		return 0;
	}
	ret->why = NULL;
	run = run_new(options, w);
	if (!run)
		return -ENOMEM;
	r = run_child(run, progress, data, arena, ret, ret_why);
	run_free(run);
	return r;
}
