/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe/probes.h"
#include "probe/thread.h"
#include "util/array.h"

enum { DETAIL_MAX = 400, ROWS_MAX = 64, WHAT_MAX = 96, WORD_MAX = 32, ID_MAX = 24 };

enum { MOMENT_MAX_NS = 20000000, SLICE_NS = 100000 };

/* Written by a process that may crash at any moment: everything is bounded, and read as bytes. */
struct probe_report {
	_Atomic uint32_t verdict;
	char detail[DETAIL_MAX];
	char because[ID_MAX];
	_Atomic int error;
	_Atomic uint32_t n_rows;
	_Atomic uint32_t n_bad;
	struct {
		char what[WHAT_MAX], expected[WORD_MAX], seen[WORD_MAX];
		int8_t ok;
	} rows[ROWS_MAX];
};

static const struct probe *const probes[] = {
	&probe_syscall, &probe_errno, &probe_lengths, &probe_libc, &probe_threads, &probe_fork_rules, &probe_exec, &probe_clone,
	&probe_cpu_id, &probe_node_id, &probe_mm_cid, &probe_cpu_id_start, &probe_read_only, &probe_bad_signature,
	&probe_abort_preempt, &probe_abort_preempt_long, &probe_abort_migrate, &probe_abort_migrate_long,
	&probe_abort_signal, &probe_abort_signal_long, &probe_abort_membarrier, &probe_abort_membarrier_long,
};

const struct probe *probe_at(size_t i)
{
	return i < ARRAY_SIZE(probes) ? probes[i] : NULL;
}

/* --- the side of the probe --- */

#define SAY(name, value)                                                                           \
	void probe_##name(struct probe_run *r, const char *format, ...)                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, format);                                                              \
		r->report->detail[0] = '\0';                                                       \
		if (format)                                                                        \
			vsnprintf(r->report->detail, DETAIL_MAX, format, ap);                      \
		va_end(ap);                                                                        \
		atomic_store(&r->report->verdict, value);                                          \
	}

SAY(pass, VERDICT_PASS)
SAY(fail, VERDICT_FAIL)
SAY(skip, VERDICT_SKIP)

void probe_unknown(struct probe_run *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->report->detail, DETAIL_MAX, format, ap);
	va_end(ap);
	atomic_store(&r->report->verdict, VERDICT_INCONCLUSIVE);
}

void probe_error(struct probe_run *r, int error)
{
	atomic_store(&r->report->error, error);
}

void probe_because(struct probe_run *r, const char *id)
{
	snprintf(r->report->because, ID_MAX, "%s", id);
}

unsigned int probe_row(struct probe_run *r, int8_t ok, const char *expected, const char *seen, const char *format, ...)
{
	uint32_t n = atomic_load(&r->report->n_rows);
	va_list ap;

	if (n < ROWS_MAX) {
		snprintf(r->report->rows[n].expected, WORD_MAX, "%s", expected);
		snprintf(r->report->rows[n].seen, WORD_MAX, "%s", seen);
		va_start(ap, format);
		vsnprintf(r->report->rows[n].what, WHAT_MAX, format, ap);
		va_end(ap);
		r->report->rows[n].ok = ok;
		atomic_store(&r->report->n_rows, n + 1);
	}
	if (ok == 0)
		atomic_fetch_add(&r->report->n_bad, 1);
	return atomic_load(&r->report->n_bad);
}

/* In a process group of its own: what a probe starts is ended with it. No core, which a fault would leave. */
static _Noreturn void become_probe(const struct probe *p, struct probe_run *r, const sigset_t *mask)
{
	struct rlimit none = { 0, 0 };

	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &none);
	sigprocmask(SIG_SETMASK, mask, NULL);
	p->run(r);
	_exit(0);
}

/* --- the side that waits --- */

uint64_t probe_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_stopped(const sigset_t *stop)
{
	sigset_t pending, both;

	return stop && sigpending(&pending) == 0 && sigandset(&both, &pending, stop) == 0 && !sigisemptyset(&both);
}

/* Without taking it away: as long as it is there, its number is nobody else's. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* What passed meanwhile, but not while this process could not run either: stopped, frozen, or behind others. */
static uint64_t rest_a_moment(void)
{
	static const struct timespec moment = { 0, 1000000 };
	uint64_t start = probe_now(), slept;

	nanosleep(&moment, NULL);
	slept = probe_now() - start;
	return slept < MOMENT_MAX_NS ? slept : MOMENT_MAX_NS;
}

/* Whether it ended by itself; after the limit all of its group are killed. */
static bool wait_for(pid_t pid, const struct probe_options *o, int *ret_status)
{
	uint64_t waited = 0;
	bool ended;

	/* No pidfd: seccomp filters of containers may know less than the kernel. */
	while (!(ended = has_ended(pid)) && waited < o->limit_ns && !is_stopped(o->stop))
		waited += rest_a_moment();
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return ended;
}

/* By no fault of what it asked: rseq kills by SIGSEGV, a seccomp filter by SIGSYS. */
static bool is_from_outside(int sig)
{
	return sig == SIGKILL || sig == SIGTERM || sig == SIGINT || sig == SIGHUP || sig == SIGXCPU;
}

static void judge(struct check_result *ret, const struct probe_report *report, bool ended, int status,
		  const struct probe_options *o, struct arena *arena)
{
	uint32_t said = atomic_load(&report->verdict), bad = atomic_load(&report->n_bad);

	ret->verdict = VERDICT_FAIL;
	ret->error = atomic_load(&report->error);
	if (!ended)
		ret->detail = arena_printf(arena, "it did not end within %.1f s", (double)o->limit_ns / 1e9);
	else if (WIFSIGNALED(status)) {
		ret->verdict = is_from_outside(WTERMSIG(status)) ? VERDICT_UNKNOWN : VERDICT_FAIL;
		ret->detail = arena_printf(arena, "its process was killed%s by signal %d (%s)",
					   ret->verdict == VERDICT_UNKNOWN ? " from outside, as where memory is short," : "",
					   WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else if (WEXITSTATUS(status))
		ret->detail = arena_printf(arena, "its process ended with status %d", WEXITSTATUS(status));
	else if (!said)
		ret->detail = "it ended without saying how";
	else {
		ret->verdict = said == VERDICT_INCONCLUSIVE ? VERDICT_UNKNOWN : said;
		ret->detail = report->detail[0] ? arena_strndup(arena, report->detail,
								 strnlen(report->detail, DETAIL_MAX)) : NULL;
		if ((said == VERDICT_PASS || said == VERDICT_INCONCLUSIVE) && bad) {
			ret->verdict = VERDICT_FAIL;
			ret->detail = arena_printf(arena, "%" PRIu32 " of %" PRIu32 " answers differ", bad,
						   atomic_load(&report->n_rows));
		}
	}
}

static void copy_rows(struct check_result *ret, const struct probe_report *report, struct arena *arena)
{
	uint32_t n = atomic_load(&report->n_rows);

	n = n < ROWS_MAX ? n : ROWS_MAX;
	ret->rows = n ? arena_alloc(arena, n * sizeof(*ret->rows)) : NULL;
	for (uint32_t i = 0; ret->rows && i < n; i++) {
		ret->rows[i] = (struct check_row){
			arena_strndup(arena, report->rows[i].what, strnlen(report->rows[i].what, WHAT_MAX)),
			arena_strndup(arena, report->rows[i].expected, strnlen(report->rows[i].expected, WORD_MAX)),
			arena_strndup(arena, report->rows[i].seen, strnlen(report->rows[i].seen, WORD_MAX)),
			report->rows[i].ok,
		};
		ret->n_rows = i + 1;
	}
}

/* What the probe's process holds back: all that the caller does but what ends it. */
static sigset_t own_mask(const sigset_t *stop)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; stop && sig < NSIG; sig++)
		if (sigismember(stop, sig) == 1)
			sigdelset(&mask, sig);
	return mask;
}

/* As sched_setattr(2) has it: libc and the kernel's headers declare it in turns, or both. */
struct schedule {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t slice_ns, deadline_ns, period_ns;
};

/* Where many processes want the CPUs, most of a short limit would be over before it even began. */
static void put_first(pid_t pid)
{
	/* The shortest slice (6.12 on) is for everybody. */
	struct schedule s = { .size = sizeof(s), .policy = SCHED_OTHER, .nice = -20, .slice_ns = SLICE_NS };

	/* Who chose another policy chose better. */
	if (sched_getscheduler(0) != SCHED_OTHER || syscall(SYS_sched_setattr, pid, &s, 0) == 0)
		return;
	s.nice = getpriority(PRIO_PROCESS, 0);
	syscall(SYS_sched_setattr, pid, &s, 0);
}

static void run(const struct probe *p, const struct probe_options *o, struct probe_report *report, struct arena *arena,
		struct check_result *ret)
{
	struct probe_run r = { .options = o, .report = report };
	uint64_t start = probe_now();
	sigset_t mask = own_mask(o->stop);
	int status = 0;
	bool ended;
	pid_t pid;

	pid = probe_fork();
	if (pid == 0)
		become_probe(p, &r, &mask);
	if (pid < 0) {
		ret->detail = arena_printf(arena, "cannot start a process: %s", strerror(errno));
		return;
	}
	setpgid(pid, pid);
	if (o->first)
		put_first(pid);
	ended = wait_for(pid, o, &status);
	if (!ended && is_stopped(o->stop))
		ret->detail = "interrupted by a signal";
	else
		judge(ret, report, ended, status, o, arena);
	if (ret->verdict == VERDICT_FAIL && report->because[0])
		ret->because = arena_strndup(arena, report->because, strnlen(report->because, ID_MAX));
	copy_rows(ret, report, arena);
	ret->duration_ns = probe_now() - start;
}

int probe_run(const struct probe *p, const struct probe_options *options, struct arena *arena, struct check_result *ret)
{
	static const struct sigaction usual = { .sa_handler = SIG_DFL };
	struct sigaction callers;
	struct probe_report *report =
		mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*ret = (struct check_result){ .id = p->id, .title = p->title, .detail = "no memory" };
	if (report == MAP_FAILED)
		return 0;
	/* Who ignores it, as inspect does for its helpers, never sees the end of a child. */
	sigaction(SIGCHLD, &usual, &callers);
	run(p, options, report, arena, ret);
	sigaction(SIGCHLD, &callers, NULL);
	munmap(report, sizeof(*report));
	return is_stopped(options->stop) ? -EINTR : 0;
}
