/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel promises to end a process for. Each in a copy that may die of it. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "probe/answer.h"
#include "probe/probes.h"
#include "probe/thread.h"

enum { INTERRUPTIONS = 20, TICK_US = 1000, LONG_DELAY = 2000000, WRITTEN = 0x7fff };

struct victim {
	struct probe_run *run;
	enum promise_length length;
	int to; /* CPU */
	struct probe_thread thread;
};

/* --- a handler that another signature stands before --- */

static volatile sig_atomic_t ticks;

static void tick(int sig)
{
	(void)sig;
	ticks++;
}

static void start_ticks(void)
{
	struct itimerval often = { { 0, TICK_US }, { 0, TICK_US } };

	probe_on_signal(SIGALRM, tick);
	setitimer(ITIMER_REAL, &often, NULL);
}

static int be_interrupted(void *data)
{
	struct victim *v = data;
	struct critical *c = &v->thread.critical;
	uint64_t count = 0;
	int e = probe_thread_register(v->run, &v->thread, v->length);

	/* What stands before every handler of ours is now the wrong one. */
	if (e == 0)
		e = registration_unregister(&v->thread.area, v->thread.length);
	if (e == 0)
		e = answer_rseq(&v->thread.area, v->thread.length, 0, ~critical_signature());
	if (e)
		return e;
	if (probe_has_fault(v->run, PROBE_FAULT_UNREGISTERED))
		answer_rseq(&v->thread.area, v->thread.length, ANSWER_UNREGISTER, ~critical_signature());
	c->delay[DELAY_LOADED] = LONG_DELAY;
	start_ticks();
	while (ticks < INTERRUPTIONS)
		critical_add(c, critical_index(c), &count, 1);
	return 0;
}

/* False where it could not be asked. */
static bool interrupt(struct probe_run *r, struct victim *v, enum promise_length length)
{
	char word[ANSWER_WORD_MAX];
	const char *seen;
	int answer;

	v->run = r;
	v->length = length;
	answer = answer_in_child(be_interrupted, v);
	if (answer == ANSWER_NONE)
		return false;
	seen = answer ? answer_name(answer, word) : "survived";
	probe_row(r, !strcmp(seen, "SIGSEGV"), "SIGSEGV", seen, "a section interrupted, %s",
		  length == PROMISE_LONGER ? "longer" : "32 bytes");
	return true;
}

static void run_bad_signature(struct probe_run *r)
{
	static struct victim v;

	if (!probe_thread_free(r))
		return;
	if (interrupt(r, &v, PROMISE_ORIGINAL) && (!probe_has_longer() || interrupt(r, &v, PROMISE_LONGER)))
		probe_pass(r, NULL);
	else
		probe_unknown(r, "cannot start a process, or it was killed from outside");
}

/* --- fields that are the kernel's --- */

static int write_and_move(void *data)
{
	struct victim *v = data;
	volatile struct rseq_area *area = &v->thread.area;

	if (probe_has_fault(v->run, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(&v->thread);
	area->cpu_id_start = WRITTEN;
	if (probe_pin(v->to) < 0)
		return -1;
	return area->cpu_id_start == WRITTEN ? -2 : 0;
}

static const char *name(int answer, char word[ANSWER_WORD_MAX])
{
	if (answer == -2)
		return "left as it was";
	return answer ? answer_name(answer, word) : "rewritten";
}

/* Whether it is as expected; false too where it could not be asked, and then the verdict is given. */
static bool write_once(struct probe_run *r, enum promise_length length, const char *expected)
{
	bool judged = r->options->rseq_class == CLASS_SPLIT, good;
	int from = probe_cpu(-1), to = probe_cpu(from);
	static struct victim v;
	char word[ANSWER_WORD_MAX];
	const char *seen;
	int answer;

	v.run = r;
	v.to = to;
	if (!probe_thread_own(r, &v.thread, length))
		return false;
	if (probe_pin(from) < 0) {
		probe_unknown(r, "this process cannot be pinned to CPU %d", from);
		return false;
	}
	answer = answer_in_child(write_and_move, &v);
	if (answer == -1 || answer == ANSWER_NONE) {
		probe_unknown(r, answer == -1 ? "a process cannot be pinned to CPU %d" :
						"cannot start a process to move to CPU %d, or it was killed from outside", to);
		return false;
	}
	seen = name(answer, word);
	good = !strcmp(seen, expected);
	probe_row(r, judged ? good : -1, expected, seen, "cpu_id_start written, then moved, %u bytes", v.thread.length);
	probe_thread_unregister(&v.thread);
	return good || judged;
}

static void run_read_only(struct probe_run *r)
{
	uint32_t rseq_class = r->options->rseq_class;
	cpu_set_t may;

	if ((rseq_class && rseq_class != CLASS_SPLIT) || !probe_has_longer()) {
		probe_skip(r, "this kernel does not enforce it (Linux 7.0.10 on, for more than 32 bytes)");
		return;
	}
	if (probe_cpu(probe_cpu(-1)) < 0 || sched_getaffinity(0, sizeof(may), &may) < 0) {
		probe_skip(r, "needs two CPUs that this process may use");
		return;
	}
	/* Told before: a verdict that is given below counts instead. */
	if (rseq_class)
		probe_pass(r, NULL);
	else
		probe_skip(r, "not enforced here, and the kernel's class is not known (Linux 7.0.10 on)");
	if (!write_once(r, PROMISE_LONGER, "SIGSEGV"))
		return;
	sched_setaffinity(0, sizeof(may), &may);
	if (write_once(r, PROMISE_ORIGINAL, "rewritten"))
		probe_pass(r, NULL);
}

const struct probe probe_read_only = {
	.id = "read-only",
	.title = "who writes the kernel's fields in optimized mode is killed",
	.run = run_read_only,
};

const struct probe probe_bad_signature = {
	.id = "bad-signature",
	.title = "an abort handler with another signature kills",
	.run = run_bad_signature,
	.writes_log = true,
};
