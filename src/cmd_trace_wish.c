/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_trace_wish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/parse.h"

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

/* The range is named in words: what is wrong with 0 or 1e9 is not that it is no number. */
static void set_seconds(uint64_t *ret_ns, const char *option, uint64_t least_ns, const char *range, const char *arg,
			struct argp_state *state)
{
	if (!parse_str_seconds(arg, ret_ns) || *ret_ns < least_ns)
		argp_error(state, "%s is a number of seconds %s, not '%s'", option, range, arg);
}

static void set_count(struct trace_wish *o, const char *arg, struct argp_state *state)
{
	if (!parse_str_u64(arg, 10, &o->count) || !o->count)
		argp_error(state, "--count is a number of events from 1 on, not '%s'", arg);
}

static void set_comm(struct trace_wish *o, const char *arg, struct argp_state *state)
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
static void set_cgroup(struct trace_wish *o, const char *arg, struct argp_state *state)
{
	if (!*arg)
		argp_error(state, "--cgroup is the path of a cgroup, not ''");
	if (o->cgroup)
		argp_error(state, "--cgroup may be given once: it stands for the cgroups below it, too");
	o->cgroup = arg;
}

static void set_show(struct trace_wish *o, enum show show, struct argp_state *state)
{
	if (o->show && o->show != show)
		argp_error(state, "--events and --summary do not go together");
	o->show = show;
}

/* The first word that is no option, and all after it, whatever it looks like. */
static void set_command(struct trace_wish *o, struct argp_state *state)
{
	const char *word = state->argv[state->next - 1];

	if (!state->quoted && word[strspn(word, "0123456789")] == '\0')
		argp_error(state, "'%s' is no command: a process is given as -p %s", word, word);
	o->command = state->argv + state->next - 1;
	state->next = state->argc;
}

/* What is traced and shown when nothing is said of it. */
static void set_defaults(struct trace_wish *o)
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

static void set_buffer(struct trace_wish *o, const char *arg, struct argp_state *state)
{
	uint64_t kib;

	if (!parse_str_u64(arg, 10, &kib) || kib < BUFFER_KIB_MIN || kib > BUFFER_KIB_MAX)
		argp_error(state, "--buffer is %d to %d KiB, not '%s'", BUFFER_KIB_MIN, BUFFER_KIB_MAX, arg);
	o->buffer_kib = (uint32_t)kib;
}

static void check_together(struct trace_wish *o, struct argp_state *state)
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

static error_t parse_what(int key, char *arg, struct trace_wish *o, struct argp_state *state)
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
		common_add_id(&o->pids, &o->n_pids, "process or thread", arg, state);
		return 0;
	case 't':
		common_add_id(&o->tids, &o->n_tids, "process or thread", arg, state);
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
	struct trace_wish *o = state->input;

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
		o->fail_on = common_fail_on(arg, state);
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

void cmd_trace_parse(int argc, char **argv, const struct common_options *common, struct trace_wish *ret)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "\n-- COMMAND ARG...",
		.doc = "Show which critical sections are aborted, how often and why, who registers, and who dies of it.",
		.children = children,
	};

	*ret = (struct trace_wish){ .common = *common, .interval_ns = 1000000000, .fail_on = SEVERITY_WARNING };
	/* Who looks into the file meanwhile sees what happens, and what was seen stays should this be killed. */
	ret->common.as_it_comes = true;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, ret);
}

void cmd_trace_wish_done(struct trace_wish *wish)
{
	free(wish->pids);
	free(wish->tids);
}
