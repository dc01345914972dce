/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/child.h"
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

/* --- memory that both processes see --- */

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

static struct run *share(const struct stress_options *options, const struct workload *workload)
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

static void take_back(struct run *run)
{
	munmap(run->workers, size_of(run));
}

/* --- waiting for the child --- */

struct watch {
	struct run *run;
	pid_t pid;
	int status;
	bool ended, interrupted, hung;
	uint64_t last, still_ms, cpu_ms;
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
		w->still_ms = 0;
		w->cpu_ms = cpu_ms;
		return false;
	}
	w->still_ms += TICK_MS;
	if (w->run->options->fault < 0)
		return w->still_ms >= HANG_MS;
	return w->still_ms >= HANG_INJECTED_MS && cpu_ms - w->cpu_ms >= HANG_INJECTED_CPU_MS;
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
	while (waitpid(w->pid, &w->status, 0) < 0 && errno == EINTR)
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
			w->interrupted |= info.ssi_signo != SIGCHLD;
	}
}

static void watch(struct watch *w, int signals, stress_progress *progress, void *data)
{
	const struct stress_options *o = w->run->options;
	struct pollfd fd = { .fd = signals, .events = POLLIN };

	while (!w->ended && !w->hung && !w->interrupted) {
		int n = poll(&fd, 1, TICK_MS);

		take_signals(w, signals);
		w->ended = has_ended(w);
		/* Only a tick without an event is as long as it says. */
		if (n == 0 && !w->ended)
			w->hung = hangs(w);
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

static void unknown(struct stress_result *r, struct arena *arena, const char *what, const char *why);

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

/* --- the result --- */

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

/* The names of a table's rows whose bit is set. */
static const char **names_of(const struct stress_choice *table(size_t i), uint32_t bits, struct arena *arena, size_t *ret_n)
{
	const char **names = arena_alloc(arena, STRESS_DISTURBERS_MAX * sizeof(*names));
	const struct stress_choice *c;

	for (size_t i = 0; names && (c = table(i)); i++)
		if (bits & 1u << i)
			names[(*ret_n)++] = c->name;
	return names;
}

static void add_figures(const struct run *run, struct stress_result *r)
{
	uint64_t cpu_ns = 0;

	for (uint32_t i = 0; i < run->n_workers; i++) {
		r->retries += run->workers[i].retries;
		r->aborts += run->workers[i].critical.aborts;
		cpu_ns += run->workers[i].cpu_ns;
	}
	r->aborts += atomic_load(&run->shared->child_aborts);
	r->operations = run_operations(run);
	r->duration_ns = run->shared->worked_ns;
	r->has |= STRESS_ABORTS;
	if (r->operations && cpu_ns) {
		r->picoseconds = (uint64_t)((double)cpu_ns * 1000 / (double)r->operations);
		r->has |= STRESS_NS_PER_OP;
	}
}

static const char *untried(const struct run *run, unsigned int i)
{
	(void)i;
	return run->options->fault >= 0 ? "the run stopped at the first broken invariant" : "there was no occasion";
}

static void add_invariants(const struct run *run, struct stress_result *r, struct arena *arena)
{
	const struct invariant *inv = run->workload->invariants;

	for (unsigned int i = 0; i < INVARIANTS_MAX && inv[i].name; i++) {
		uint64_t tried = atomic_load(&run->shared->tried[i]);
		uint32_t breaks = atomic_load(&run->shared->breaks[i]);
		struct invariant_facts *f = &r->invariants[r->n_invariants++];

		*f = (struct invariant_facts){ inv[i].name, inv[i].title, breaks ? 0 : tried ? 1 : -1, NULL };
		if (breaks)
			f->detail = arena_strdup(arena, run->shared->detail[i]);
		else if (!tried)
			f->detail = untried(run, i);
	}
}

bool stress_is_fatal(int sig)
{
	switch (sig) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGFPE:
		return true;
	default:
		return false;
	}
}

static bool died_of_rseq(const struct watch *w)
{
	/* Not ours: a handler of the sanitizers got hold of the signal. */
	return WIFSIGNALED(w->status) ? stress_is_fatal(WTERMSIG(w->status)) : WEXITSTATUS(w->status) != 0;
}

static const char *how_it_ended(const struct watch *w, struct arena *arena)
{
	if (!WIFSIGNALED(w->status))
		return arena_printf(arena, "the workers' process ended with %d", WEXITSTATUS(w->status));
	return arena_printf(arena, "the workers' process was killed by signal %d (%s)", WTERMSIG(w->status),
			    strsignal(WTERMSIG(w->status)));
}

static void add_own_invariants(const struct watch *w, struct stress_result *r, struct arena *arena)
{
	/* Killed by hand, or for want of memory: what it would have come to is not known. */
	bool died = died_of_rseq(w), cut = w->ended && !died && WIFSIGNALED(w->status);

	r->invariants[r->n_invariants++] = (struct invariant_facts){
		"alive", "no thread is killed", died ? 0 : cut ? -1 : 1, died || cut ? how_it_ended(w, arena) : NULL
	};
	r->invariants[r->n_invariants++] = (struct invariant_facts){
		"progress", "operations come to an end", !w->hung,
		w->hung ? arena_printf(arena, "no operation ended in %" PRIu64 " ms", w->still_ms) : NULL
	};
}

static bool any_broken(const struct stress_result *r)
{
	for (size_t i = 0; i < r->n_invariants; i++)
		if (r->invariants[i].ok == 0)
			return true;
	return false;
}

static bool is_disturbed(const struct stress_options *o)
{
	const struct stress_choice *d;

	for (size_t i = 0; (d = stress_disturber(i)); i++)
		if (o->disturb & 1u << i && strcmp(d->name, "none") != 0)
			return true;
	return false;
}

static void judge_gate(const struct run *run, struct stress_result *r)
{
	if (!run->workload->has_section || !is_disturbed(run->options))
		r->gate = VERDICT_NOT_APPLICABLE;
	else
		r->gate = r->aborts >= run->options->min_aborts ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

static void judge(const struct watch *w, struct stress_result *r, struct arena *arena)
{
	judge_gate(w->run, r);
	r->verdict = VERDICT_INCONCLUSIVE;
	if (any_broken(r))
		r->verdict = VERDICT_FAIL;
	else if (w->interrupted)
		r->why = "interrupted by a signal";
	else if (WIFSIGNALED(w->status))
		r->why = how_it_ended(w, arena);
	else if (w->run->options->fault >= 0)
		r->why = "what is broken on purpose was not noticed";
	else if (r->gate == VERDICT_INCONCLUSIVE)
		r->why = arena_printf(arena, "%" PRIu64 " aborts met, %" PRIu64 " asked for", r->aborts,
				      w->run->options->min_aborts);
	else
		r->verdict = VERDICT_PASS;
}

static int finish(struct watch *w, struct stress_result *r, struct arena *arena, const char **ret_why)
{
	int error = atomic_load(&w->run->shared->error);

	if (error) {
		*ret_why = arena_strdup(arena, w->run->shared->error_why);
		return -error;
	}
	r->invariants = arena_alloc(arena, (INVARIANTS_MAX + 2) * sizeof(*r->invariants));
	if (!r->invariants)
		return -ENOMEM;
	r->disturb = names_of(stress_disturber, w->run->options->disturb, arena, &r->n_disturb);
	if (w->run->workload->has_section)
		r->index = names_of(stress_index, w->run->keys, arena, &r->n_index);
	add_figures(w->run, r);
	add_invariants(w->run, r, arena);
	add_own_invariants(w, r, arena);
	judge(w, r, arena);
	return w->interrupted ? -EINTR : 0;
}

static int run_child(struct run *run, stress_progress *progress, void *data, struct arena *arena,
		     struct stress_result *result, const char **ret_why)
{
	struct watch w = { .run = run };
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
		r = finish(&w, result, arena, ret_why);
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
	run = share(options, w);
	if (!run)
		return -ENOMEM;
	r = run_child(run, progress, data, arena, ret, ret_why);
	take_back(run);
	return r;
}
