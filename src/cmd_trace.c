/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "report/trace.h"
#include "trace/trace.h"
#include "util/array.h"
#include "util/outlet.h"
#include "util/parse.h"
#include "util/text.h"

enum show { SHOW_DEFAULT, SHOW_LIVE, SHOW_EVENTS, SHOW_SUMMARY };

struct options {
	struct common_options common;
	bool aborts, registrations, faults;
	bool children, no_cause, stack;
	int32_t *pids, *tids;
	size_t n_pids, n_tids;
	const char *comm, *cgroup;
	char **command;
	uint64_t duration_ns, interval_ns, count; /* 0: without end */
	uint32_t buffer_kib; /* 0: as usual */
	enum show show;
	unsigned int fail_on; /* enum severity, or FAIL_NEVER */
};

enum { FAIL_NEVER = SEVERITY_ERROR + 1 };

/* Of the name of a thread, without the NUL. */
enum { COMM_MAX = 15 };

enum {
	KEY_ABORTS = 0x200, KEY_BUFFER, KEY_CGROUP, KEY_CHILDREN, KEY_COMM, KEY_EVENTS, KEY_FAIL, KEY_FAULTS,
	KEY_INTERVAL, KEY_NO_CAUSE, KEY_REGISTRATIONS, KEY_STACK, KEY_SUMMARY,
};

enum { BUFFER_KIB_MIN = 64, BUFFER_KIB_MAX = 1 << 20 };

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "What is traced (aborts and faults; with -p, -t or a COMMAND everything):", 1 },
	{ "aborts", KEY_ABORTS, NULL, 0, "Aborts of critical sections", 1 },
	{ "registrations", KEY_REGISTRATIONS, NULL, 0,
	  "Registrations, unregistrations, and those that the kernel refused", 1 },
	{ "faults", KEY_FAULTS, NULL, 0, "Threads that the kernel kills because of rseq", 1 },
	{ NULL, 0, NULL, 0, "In which processes (all):", 2 },
	{ "pid", 'p', "PID", 0, "This process, with its later threads; may be given more than once", 2 },
	{ "tid", 't', "TID", 0, "This thread; may be given more than once", 2 },
	{ "children", KEY_CHILDREN, NULL, 0, "With -p or a COMMAND: also the processes that it starts from now on", 2 },
	{ "comm", KEY_COMM, "NAME", 0, "Threads and processes of this name; NAME* for those that begin so", 2 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, "Processes in this cgroup (v2) and below it", 2 },
	{ NULL, 0, NULL, 0, "What is learned of an abort:", 3 },
	{ "no-cause", KEY_NO_CAUSE, NULL, 0, "Not why it happened, so that it costs less", 3 },
	{ "stack", KEY_STACK, NULL, 0, "Also the stack of the thread", 3 },
	{ NULL, 0, NULL, 0, "How long:", 4 },
	{ "duration", 'd', "SECONDS", 0, "End after so long (fractions are allowed)", 4 },
	{ "count", 'n', "N", 0, "End after N events; implies --events", 4 },
	{ NULL, 0, NULL, 0, "What is shown (on a terminal a live summary, else events):", 5 },
	{ "events", KEY_EVENTS, NULL, 0, "A line for each event, then the summary", 5 },
	{ "summary", KEY_SUMMARY, NULL, 0, "The summary at the end alone", 5 },
	{ "interval", KEY_INTERVAL, "SECONDS", 0, "How often the live summary is refreshed (1)", 5 },
	{ "buffer", KEY_BUFFER, "KIB", 0, "Room for events that wait to be read (8192; 1024 when aborts are only counted)", 5 },
	{ "fail-on", KEY_FAIL, "SEVERITY", 0,
	  "End with 1 for faults, which are errors: error, warning (default), info; or never", 6 },
	{ 0 },
};

/* --- options --- */

static void add_id(int32_t **ids, size_t *n, const char *arg, struct argp_state *state)
{
	uint64_t id;
	int32_t *slot;

	if (!parse_str_u64(arg, 10, &id) || !id || id > INT32_MAX)
		argp_error(state, "'%s' is no process or thread id", arg);
	slot = ARRAY_ADD(*ids, *n);
	if (!slot)
		argp_failure(state, STATUS_INTERNAL, ENOMEM, "cannot go on");
	*slot = (int32_t)id;
}

/* The range is named in words: what is wrong with 0 or 1e9 is not that it is no number. */
static void set_seconds(uint64_t *ret_ns, const char *option, uint64_t least_ns, const char *range, const char *arg,
			struct argp_state *state)
{
	if (!parse_str_seconds(arg, ret_ns) || *ret_ns < least_ns)
		argp_error(state, "%s is a number of seconds %s, not '%s'", option, range, arg);
}

static void set_count(struct options *o, const char *arg, struct argp_state *state)
{
	if (!parse_str_u64(arg, 10, &o->count) || !o->count)
		argp_error(state, "--count is a number of events from 1 on, not '%s'", arg);
}

static void set_comm(struct options *o, const char *arg, struct argp_state *state)
{
	size_t len = strlen(arg);

	if (len && arg[len - 1] == '*')
		len--;
	if (!*arg || len > COMM_MAX)
		argp_error(state, "--comm is a name of 1 to %d bytes, not '%s'", COMM_MAX, arg);
	/* Taken for itself it would match nothing, without a word. */
	if (memchr(arg, '*', len))
		argp_error(state, "--comm takes a * at its end only, not '%s'", arg);
	if (o->comm)
		argp_error(state, "--comm may be given once: NAME* stands for all names that begin so");
	o->comm = arg;
}

/* An empty variable of a script must not trace everything. */
static void set_cgroup(struct options *o, const char *arg, struct argp_state *state)
{
	if (!*arg)
		argp_error(state, "--cgroup is the path of a cgroup, not ''");
	if (o->cgroup)
		argp_error(state, "--cgroup may be given once: it stands for the cgroups below it, too");
	o->cgroup = arg;
}

static void set_show(struct options *o, enum show show, struct argp_state *state)
{
	if (o->show && o->show != show)
		argp_error(state, "--events and --summary do not go together");
	o->show = show;
}

static void set_fail_on(struct options *o, const char *arg, struct argp_state *state)
{
	o->fail_on = name_find(severity_names, arg);
	if (!strcmp(arg, "never"))
		o->fail_on = FAIL_NEVER;
	if (!o->fail_on)
		argp_error(state, "--fail-on is error, warning, info or never, not '%s'", arg);
}

/* The first word that is no option, and all after it, whatever it looks like. */
static void set_command(struct options *o, struct argp_state *state)
{
	const char *word = state->argv[state->next - 1];

	if (!state->quoted && word[strspn(word, "0123456789")] == '\0')
		argp_error(state, "'%s' is no command: a process is given as -p %s", word, word);
	o->command = state->argv + state->next - 1;
	state->next = state->argc;
}

/* What is traced and shown when nothing is said of it. */
static void set_defaults(struct options *o)
{
	bool narrow = o->n_pids || o->n_tids || o->command;

	if (!o->aborts && !o->registrations && !o->faults) {
		o->aborts = o->faults = true;
		o->registrations = narrow;
	}
	if (o->count)
		o->show = SHOW_EVENTS;
	if (!o->show && o->common.format == FORMAT_JSON)
		o->show = SHOW_EVENTS;
	if (!o->show && o->common.verbosity < 0)
		o->show = SHOW_SUMMARY;
}

static void set_buffer(struct options *o, const char *arg, struct argp_state *state)
{
	uint64_t kib;

	if (!parse_str_u64(arg, 10, &kib) || kib < BUFFER_KIB_MIN || kib > BUFFER_KIB_MAX)
		argp_error(state, "--buffer is %d to %d KiB, not '%s'", BUFFER_KIB_MIN, BUFFER_KIB_MAX, arg);
	o->buffer_kib = (uint32_t)kib;
}

static void check_together(struct options *o, struct argp_state *state)
{
	if (o->command && (o->n_pids || o->n_tids))
		argp_error(state, "a COMMAND does not go together with -p or -t");
	if (o->children && !o->n_pids && !o->command)
		argp_error(state, "--children goes together with -p or a COMMAND");
	if (state->quoted && !o->command)
		argp_error(state, "which command? There is nothing behind --");
	if (o->count && o->show == SHOW_SUMMARY)
		argp_error(state, "--count and --summary do not go together");
	set_defaults(o);
}

static error_t parse_what(int key, char *arg, struct options *o, struct argp_state *state)
{
	switch (key) {
	case KEY_ABORTS:
		o->aborts = true;
		return 0;
	case KEY_REGISTRATIONS:
		o->registrations = true;
		return 0;
	case KEY_FAULTS:
		o->faults = true;
		return 0;
	case 'p':
		add_id(&o->pids, &o->n_pids, arg, state);
		return 0;
	case 't':
		add_id(&o->tids, &o->n_tids, arg, state);
		return 0;
	case KEY_CHILDREN:
		o->children = true;
		return 0;
	case KEY_COMM:
		set_comm(o, arg, state);
		return 0;
	case KEY_CGROUP:
		set_cgroup(o, arg, state);
		return 0;
	case KEY_NO_CAUSE:
		o->no_cause = true;
		return 0;
	case KEY_STACK:
		o->stack = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->common;
		return 0;
	case 'd':
		set_seconds(&o->duration_ns, "--duration", 1, "from 0.000000001 to 1000000000", arg, state);
		return 0;
	case 'n':
		set_count(o, arg, state);
		return 0;
	case KEY_EVENTS:
		set_show(o, SHOW_EVENTS, state);
		return 0;
	case KEY_SUMMARY:
		set_show(o, SHOW_SUMMARY, state);
		return 0;
	case KEY_INTERVAL:
		set_seconds(&o->interval_ns, "--interval", 50000000, "from 0.05 to 1000000000", arg, state);
		return 0;
	case KEY_BUFFER:
		set_buffer(o, arg, state);
		return 0;
	case KEY_FAIL:
		set_fail_on(o, arg, state);
		return 0;
	case ARGP_KEY_ARG:
		set_command(o, state);
		return 0;
	case ARGP_KEY_END:
		check_together(o, state);
		return 0;
	}
	return parse_what(key, arg, o, state);
}

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
	const struct options *options;
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

	return stop_asked || (run->options->count && run->n_shown >= run->options->count) ||
	       (run->end_ns && now_ns() >= run->end_ns);
}

static bool cannot_write(const struct run *run)
{
	return ferror(run->output.file) || outlet_is_closed(run->outlet);
}

static void on_event(void *ctx, const struct event *event)
{
	struct run *run = ctx;

	if (run->options->count && run->n_shown >= run->options->count)
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
	run->next_ns = now + (int64_t)run->options->interval_ns;
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
	const char *word = run->options->command[0];
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
	status = run->options->command ? command_failed(run) : STATUS_OK;
	if (!status || run->output.format == FORMAT_JSON)
		trace_report_summary(run->report, tally);
	if (status)
		return status;
	return tally->events[EVENT_FAULT] && run->options->fail_on <= SEVERITY_ERROR ? STATUS_FINDINGS : STATUS_OK;
}

static uint32_t asked_types(const struct options *o)
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
	const struct options *o = run->options;
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
	const struct options *o = run->options;
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

static enum show what_to_show(const struct options *o, int fd)
{
	const char *term = getenv("TERM");

	if (o->show)
		return o->show;
	return isatty(fd) && term && strcmp(term, "dumb") ? SHOW_LIVE : SHOW_EVENTS;
}

static enum status open_and_trace(struct run *run)
{
	enum status status = common_open(&run->options->common, &run->output);
	FILE *stream;

	if (status)
		return status;
	run->terminal = fileno(run->output.file);
	run->show = what_to_show(run->options, run->terminal);
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
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "\n-- COMMAND ARG...",
		.doc = "Show which critical sections are aborted, how often and why, who registers, and who dies of it.",
		.children = children,
	};
	struct options options = { .common = *common, .interval_ns = 1000000000, .fail_on = SEVERITY_WARNING };
	struct run run = { .options = &options };
	enum status status;

	/* Who looks into the file meanwhile sees what happens, and what was seen stays should this be killed. */
	options.common.as_it_comes = true;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	status = open_and_trace(&run);
	trace_report_free(run.report);
	trace_free(run.trace);
	free(options.pids);
	free(options.tids);
	return status;
}

const struct cmd cmd_trace = {
	"trace",
	"[OPTION...] [-- COMMAND ARG...]",
	"which sections abort, and why; who registers; who dies of it",
	run_trace,
	0,
};
