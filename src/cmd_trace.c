/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cmd_trace_wish.h"
#include "report/trace.h"
#include "trace/trace.h"
#include "util/outlet.h"
#include "util/text.h"

/* --- signals --- */

/* A handler has nothing else to write to. */
static volatile sig_atomic_t stop_asked, size_changed;
static int64_t stop_asked_ns;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/*
 * The first signal asks for the summary, the second one does not wait for it. timeout(1) sends its own
 * twice, to the process and to its group: these are one.
 */
static void on_stop(int signal_number)
{
	if (stop_asked && now_ns() - stop_asked_ns > 300000000) {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
	if (!stop_asked)
		stop_asked_ns = now_ns();
	stop_asked = 1;
}

static void on_resize(int signal_number)
{
	(void)signal_number;
	size_changed = 1;
}

/* SA_RESTART is for writes: a poll ends all the same. */
static void handle_signals(bool live)
{
	struct sigaction stop = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
	struct sigaction resize = { .sa_handler = on_resize, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	if (live)
		sigaction(SIGWINCH, &resize, NULL);
}

/* --- the run --- */

enum { SLICE_MS = 200, PATIENCE_MS = 5000 };

struct run {
	const struct trace_wish *wish;
	struct trace *trace;
	struct trace_report *report;
	struct output output;
	struct outlet *outlet;
	int terminal; /* descriptor of the output */
	enum show show;
	uint64_t n_shown;
	int64_t end_ns, next_ns; /* of the trace, 0 for none; of the live summary */
};

/* When nothing more is to be waited for. */
static bool is_over(void *ctx)
{
	const struct run *run = ctx;

	return stop_asked || (run->wish->count && run->n_shown >= run->wish->count) ||
	       (run->end_ns && now_ns() >= run->end_ns);
}

static bool cannot_write(const struct run *run)
{
	return ferror(run->output.file) || outlet_is_closed(run->outlet);
}

static void on_event(void *ctx, const struct event *event)
{
	struct run *run = ctx;

	if (run->wish->count && run->n_shown >= run->wish->count)
		return;
	run->n_shown++;
	trace_report_event(run->report, event);
}

static void show_live(struct run *run)
{
	const struct trace_tally *tally;
	struct winsize w = { 0 };
	int64_t now = now_ns();

	if (size_changed)
		trace_report_resized(run->report);
	else if (now < run->next_ns)
		return;
	size_changed = 0;
	tally = trace_tally(run->trace);
	if (tally) {
		ioctl(run->terminal, TIOCGWINSZ, &w);
		run->output.width = w.ws_col; /* also of the end */
		trace_report_live(run->report, tally, w.ws_col, w.ws_row);
	}
	run->next_ns = now + (int64_t)run->wish->interval_ns;
}

/* How long to wait for records: signals that come just before the wait are seen after it. */
static int slice_ms(const struct run *run)
{
	int64_t until = now_ns() + SLICE_MS * 1000000LL;

	if (run->show == SHOW_LIVE && run->next_ns < until)
		until = run->next_ns;
	if (run->end_ns && run->end_ns < until)
		until = run->end_ns;
	until -= now_ns();
	return until > 0 ? (int)(until / 1000000) + 1 : 0;
}

/* Until the end, however it comes: what trace_poll said last. */
static int follow(struct run *run)
{
	int r = 0;

	while (!r && !is_over(run) && !cannot_write(run)) {
		r = trace_poll(run->trace, slice_ms(run), on_event, run);
		fflush(run->output.file);
		if (!r && run->show == SHOW_LIVE)
			show_live(run);
	}
	return r;
}

/* What came before the end and was not read yet. */
static void drain(struct run *run)
{
	while (!cannot_write(run) && trace_poll(run->trace, 0, on_event, run) == 0)
		;
}

static void complain(const char *words, const char *about)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	text_escape(&line, about, strlen(about));
	fprintf(stderr, "rseqctl trace: %s%s\n", words, strbuf_str(&line));
}

static enum status command_failed(const struct run *run)
{
	_cleanup_strbuf_ struct strbuf name = { 0 };
	const char *word = run->wish->command[0];
	int err = trace_command_error(run->trace);

	if (!err)
		return STATUS_OK;
	text_escape(&name, word, strlen(word));
	fprintf(stderr, "rseqctl trace: cannot execute '%s': %s\n", strbuf_str(&name), strerror(err));
	return err == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static enum status end_trace(struct run *run, int polled)
{
	const struct trace_tally *tally = NULL;
	enum status status;

	if (polled >= 0 && trace_stop(run->trace) == 0) {
		drain(run);
		tally = trace_tally(run->trace);
	}
	if (!tally) {
		complain("the helper that traces is lost, and what it counted", "");
		return STATUS_INTERNAL;
	}
	status = run->wish->command ? command_failed(run) : STATUS_OK;
	if (!status || run->output.format == FORMAT_JSON)
		trace_report_summary(run->report, tally);
	if (status)
		return status;
	return tally->events[EVENT_FAULT] && run->wish->fail_on <= SEVERITY_ERROR ? STATUS_FINDINGS : STATUS_OK;
}

static uint32_t asked_types(const struct trace_wish *o)
{
	uint32_t types = 0;

	if (o->aborts)
		types |= 1u << EVENT_ABORT;
	if (o->registrations)
		types |= 1u << EVENT_REGISTER | 1u << EVENT_UNREGISTER | 1u << EVENT_REGISTER_FAILED |
			 1u << EVENT_UNREGISTER_FAILED | 1u << EVENT_GONE;
	if (o->faults)
		types |= 1u << EVENT_FAULT;
	return types;
}

static int new_trace(struct run *run, char why[TRACE_WHY])
{
	const struct trace_wish *o = run->wish;
	const struct trace_options options = {
		.aborts = o->aborts,
		.registrations = o->registrations,
		.faults = o->faults,
		.no_cause = o->no_cause,
		.stack = o->stack,
		.events = run->show == SHOW_EVENTS,
		.children = o->children,
		.verbose = o->common.verbosity > 0,
		.pids = o->pids,
		.n_pids = o->n_pids,
		.tids = o->tids,
		.n_tids = o->n_tids,
		.comm = o->comm,
		.cgroup = o->cgroup,
		.buffer_kib = o->buffer_kib,
		.command = o->command,
		.command_output = o->common.output != NULL,
	};

	return trace_new(&options, &run->trace, why);
}

static enum status trace(struct run *run)
{
	const struct trace_wish *o = run->wish;
	const struct trace_report_options options = {
		"trace", RSEQCTL_VERSION, asked_types(o), run->show == SHOW_EVENTS, o->stack
	};
	struct trace_start start = { 0 };
	char why[TRACE_WHY] = "";

	if (new_trace(run, why) < 0) {
		complain("", why);
		return STATUS_IMPOSSIBLE;
	}
	/* Not before: what is ignored now would be ignored by the command as well. */
	handle_signals(run->show == SHOW_LIVE);
	run->report = trace_report_new(&run->output, &options);
	if (!run->report) {
		complain("no memory", "");
		return STATUS_INTERNAL;
	}
	trace_start(run->trace, &start);
	run->end_ns = o->duration_ns ? now_ns() + (int64_t)o->duration_ns : 0;
	trace_report_start(run->report, &start);
	fflush(run->output.file);
	return end_trace(run, follow(run));
}

static enum show what_to_show(const struct trace_wish *o, int fd)
{
	const char *term = getenv("TERM");

	if (o->show)
		return o->show;
	return isatty(fd) && term && strcmp(term, "dumb") ? SHOW_LIVE : SHOW_EVENTS;
}

static enum status open_and_trace(struct run *run)
{
	enum status status = common_open(&run->wish->common, &run->output);
	FILE *stream;

	if (status)
		return status;
	run->terminal = fileno(run->output.file);
	run->show = what_to_show(run->wish, run->terminal);
	stream = outlet_open(run->output.file, PATIENCE_MS, is_over, run, &run->outlet);
	if (!stream) {
		complain("no memory", "");
		return STATUS_INTERNAL;
	}
	run->output.file = stream;
	status = trace(run);
	return common_close(&run->output, status);
}

static enum status run_trace(int argc, char **argv, const struct common_options *common)
{
	struct trace_wish wish;
	struct run run = { .wish = &wish };
	enum status status;

	cmd_trace_parse(argc, argv, common, &wish);
	status = open_and_trace(&run);
	trace_report_free(run.report);
	trace_free(run.trace);
	cmd_trace_wish_done(&wish);
	return status;
}

const struct cmd cmd_trace = {
	"trace",
	"[OPTION...] [-- COMMAND ARG...]",
	"which sections abort, and why; who registers; who dies of it",
	run_trace,
	0,
};
