/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace gives up the privileges of its process for good, so it gets one of its own. */
#include "cmd_counter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/trace.h"
#include "util/io.h"

/* Loading the programs on a busy machine, and the last look at the maps. */
enum { ANSWER_LIMIT_MS = 150000, LOOK_MS = 20 };

/* What the tracing process says: that it traces or why not, and then, each time it is asked, what it counted so far. */
struct answer {
	int32_t err;
	char why[TRACE_WHY];
	struct abort_counts counts;
	uint64_t missed;
};

/* --- the tracing process --- */

static void drop_event(void *ctx, const struct event *event)
{
	(void)ctx;
	(void)event;
}

static int take_counts(struct trace *t, struct answer *ret)
{
	const struct trace_tally *tally = trace_tally(t);

	if (!tally)
		return -EPIPE;
	/* An exit that was missed takes nothing from the count. */
	ret->missed = tally->missed_aborts;
	ret->counts = (struct abort_counts){
		.has = ABORT_TOTAL | ABORT_CAUSES,
		.total = tally->events[EVENT_ABORT],
		.migrate = tally->causes[CAUSE_MIGRATE],
		.preempt = tally->causes[CAUSE_PREEMPT],
		.signal = tally->causes[CAUSE_SIGNAL],
		.membarrier = tally->causes[CAUSE_MEMBARRIER],
		.other = tally->causes[CAUSE_SYSCALL] + tally->causes[CAUSE_UNKNOWN],
	};
	return 0;
}

/* 1 when the other side asks, 0 when it is gone, or -errno. */
static int trace_until_asked(struct trace *t, int socket)
{
	struct pollfd fd = { .fd = socket, .events = POLLIN };
	int r = 0;
	char c;

	while (r >= 0 && poll(&fd, 1, 0) == 0)
		r = trace_poll(t, LOOK_MS, drop_event, NULL);
	return r < 0 ? r : (int)(recv(socket, &c, 1, 0) == 1);
}

/* The child is there already; those after it are seen to be forked by the parent. */
static _Noreturn void count(pid_t parent, pid_t child, int socket)
{
	const int32_t pids[] = { parent, child };
	const struct trace_options options = { .aborts = true, .children = true, .pids = pids, .n_pids = 2 };
	struct answer answer = { 0 };
	struct trace_start start;
	struct trace *t = NULL;
	sigset_t none;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	answer.err = trace_new(&options, &t, answer.why);
	if (answer.err == 0)
		trace_start(t, &start);
	if (io_send_all(socket, &answer, sizeof(answer)) < 0 || answer.err < 0)
		_exit(0);
	do {
		answer.err = trace_until_asked(t, socket);
		if (answer.err > 0)
			answer.err = take_counts(t, &answer);
	} while (answer.err == 0 && io_send_all(socket, &answer, sizeof(answer)) == 0);
	if (answer.err < 0)
		(void)!io_send_all(socket, &answer, sizeof(answer));
	trace_free(t);
	_exit(0);
}

/* --- the one that asks --- */

void counter_done(struct counter *c)
{
	if (!c->pid)
		return;
	close(c->socket);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*c = COUNTER_NONE;
}

static int receive(struct counter *c, struct answer *ret)
{
	struct pollfd fd = { .fd = c->socket, .events = POLLIN };
	int n;

	do
		n = poll(&fd, 1, ANSWER_LIMIT_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	if (recv(c->socket, ret, sizeof(*ret), MSG_WAITALL) != (ssize_t)sizeof(*ret))
		return -EPIPE;
	ret->why[sizeof(ret->why) - 1] = '\0';
	return ret->err;
}

static int fail(struct counter *c, int err, const char *words, const char **ret_why)
{
	/* One that does not answer is not waited for. */
	if (c->pid)
		kill(c->pid, SIGKILL);
	counter_done(c);
	snprintf(c->why, sizeof(c->why), "%s", words);
	*ret_why = c->why;
	return err;
}

static int start(void *data, pid_t pid, const char **ret_why)
{
	struct counter *c = data;
	struct answer answer = { 0 };
	pid_t parent = getpid();
	int pair[2], r;

	if (c->pid)
		return 0;
	c->before = (struct abort_counts){ 0 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(c, -errno, "no channel to a process that counts", ret_why);
	c->pid = fork();
	if (c->pid < 0) {
		r = -errno;
		*c = COUNTER_NONE;
		close(pair[0]);
		close(pair[1]);
		return fail(c, r, "no process to count in", ret_why);
	}
	if (c->pid == 0) {
		close(pair[0]);
		count(parent, pid, pair[1]);
	}
	close(pair[1]);
	c->socket = pair[0];
	r = receive(c, &answer);
	return r < 0 ? fail(c, r, answer.why[0] ? answer.why : "the process that counts did not answer", ret_why) : 0;
}

static struct abort_counts minus(const struct abort_counts *a, const struct abort_counts *b)
{
	return (struct abort_counts){
		.has = a->has,
		.total = a->total - b->total,
		.migrate = a->migrate - b->migrate,
		.preempt = a->preempt - b->preempt,
		.signal = a->signal - b->signal,
		.membarrier = a->membarrier - b->membarrier,
		.other = a->other - b->other,
	};
}

static int stop(void *data, struct abort_counts *ret, const char **ret_why)
{
	struct counter *c = data;
	struct answer answer = { 0 };
	int r = io_send_all(c->socket, "", 1);

	if (r == 0)
		r = receive(c, &answer);
	/* Whatever comes after would be less exact, too. */
	if (r == 0 && answer.missed)
		r = -EOVERFLOW;
	if (r < 0)
		return fail(c, r, r == -EOVERFLOW ? "the kernel missed some" : "the process that counts was lost", ret_why);
	*ret = minus(&answer.counts, &c->before);
	c->before = answer.counts;
	return 0;
}

struct abort_counter counter_of(struct counter *c)
{
	return (struct abort_counter){ start, stop, c };
}
