/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_checks.h"
#include "cmd_kernel.h"
#include "collect/host.h"
#include "critical/registration.h"
#include "model/check_story.h"
#include "model/host.h"
#include "probe/exec.h"
#include "report/check_report.h"
#include "report/jsonw.h"
#include "report/progress.h"
#include "stress/environment.h"
#include "util/array.h"
#include "util/parse.h"

struct options {
	struct common_options common;
	struct check_list checks;
	bool *chosen;		  /* for each of the checks */
	const char *only, *skipped; /* all that were named, separated by commas; NULL: none */
	uint64_t limit_ns;
	uint32_t fault; /* enum probe_fault */
	bool list, all, exec_check;
};

enum { KEY_ALL_PROBES = 0x200, KEY_EXEC_CHECK, KEY_INJECT, KEY_LIST, KEY_ONLY, KEY_SKIP, KEY_TIMEOUT };

enum { DEFAULT_LIMIT_S = 5, LIMIT_MAX_S = 3600 };

#define NS_PER_S UINT64_C(1000000000)

static const struct argp_option option_table[] = {
	{ "all-probes", KEY_ALL_PROBES, NULL, 0, "Also checks that make the kernel write to its log", 0 },
	{ EXEC_OPTION, KEY_EXEC_CHECK, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "inject", KEY_INJECT, "FAULT", 0, "Break something on purpose: checks that rely on it must then fail", 0 },
	{ "list", KEY_LIST, NULL, 0, "List checks and faults (with -q the checks alone, one id per line)", 0 },
	{ "only", KEY_ONLY, "LIST", 0, "Only these checks: ids, or the word before a dash (abort, stress)", 0 },
	{ "skip", KEY_SKIP, "LIST", 0, "All but these checks", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0,
	  "A check that takes longer has failed (default 5); those from tracepoints on get four times that", 0 },
	{ 0 },
};

/* --- options --- */

/* Whether it means any. */
static bool mark_word(struct options *o, const char *word, bool chosen)
{
	bool found = false;

	for (size_t i = 0; i < o->checks.n; i++)
		if (check_list_means(&o->checks, word, i)) {
			o->chosen[i] = chosen;
			found = true;
		}
	return found;
}

/* Every word of the list must mean something. */
static void mark(struct options *o, const char *list, bool chosen, struct argp_state *state)
{
	for (const char *word = list;; word++) {
		size_t len = strcspn(word, ",");
		const char *name = arena_strndup(&o->checks.arena, word, len);

		if (!mark_word(o, name, chosen))
			common_no_such(state, "check", name, check_list_nearest(&o->checks, name));
		word += len;
		if (!*word)
			return;
	}
}

static void choose(struct options *o, struct argp_state *state)
{
	o->chosen = arena_alloc(&o->checks.arena, o->checks.n * sizeof(*o->chosen));
	if (!o->chosen)
		argp_failure(state, STATUS_INTERNAL, ENOMEM, "cannot go on");
	memset(o->chosen, !o->only, o->checks.n * sizeof(*o->chosen));
	if (o->only)
		mark(o, o->only, true, state);
	if (o->skipped)
		mark(o, o->skipped, false, state);
}

/* What is named later comes to what was named before. */
static void add_list(struct options *o, const char **list, const char *arg)
{
	*list = *list ? arena_printf(&o->checks.arena, "%s,%s", *list, arg) : arg;
}

static void set_fault(struct options *o, const char *arg, struct argp_state *state)
{
	const char *names[8];
	const struct check_fault *f;
	size_t n = 0;

	while (n < ARRAY_SIZE(names) && (f = check_fault_at(n))) {
		names[n++] = f->name;
		if (!strcmp(f->name, arg)) {
			o->fault = (uint32_t)n;
			return;
		}
	}
	common_no_such(state, "fault", arg, common_nearest(arg, names, n));
}

static void set_timeout(struct options *o, const char *arg, struct argp_state *state)
{
	uint64_t seconds = 0;

	if (!parse_str_u64(arg, 10, &seconds) || !seconds || seconds > LIMIT_MAX_S)
		argp_error(state, "--timeout is a number of seconds from 1 to %d, not '%s'", LIMIT_MAX_S, arg);
	o->limit_ns = seconds * NS_PER_S;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->common;
		return 0;
	case KEY_ALL_PROBES:
		o->all = true;
		return 0;
	case KEY_INJECT:
		set_fault(o, arg, state);
		return 0;
	case KEY_LIST:
		o->list = true;
		return 0;
	case KEY_EXEC_CHECK:
		o->exec_check = true;
		return 0;
	case KEY_ONLY:
		add_list(o, &o->only, arg);
		return 0;
	case KEY_SKIP:
		add_list(o, &o->skipped, arg);
		return 0;
	case KEY_TIMEOUT:
		set_timeout(o, arg, state);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "too many arguments: --only names checks");
		return 0;
	case ARGP_KEY_END:
		if (o->list && o->common.format != FORMAT_TEXT && o->common.format != FORMAT_JSON)
			argp_error(state, "--list has no format '%s': text, json", format_names[o->common.format]);
		choose(o, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* --- the lists --- */

/* For scripts and completions. */
static void list_lines(const struct output *out, const struct options *o)
{
	for (size_t i = 0; i < o->checks.n; i++)
		if (o->chosen[i])
			fprintf(out->file, "%s\n", o->checks.items[i].probe.id);
}

enum { ID_COLUMNS = 24 };

static void list_row(const struct output *out, const char *name, const char *summary, const char *note)
{
	fprintf(out->file, "  %-*s%s%s\n", ID_COLUMNS, name, summary, note);
}

static void list_text(const struct output *out, const struct options *o)
{
	const struct check_fault *f;

	fputs("Checks (--only, --skip)\n", out->file);
	for (size_t i = 0; i < o->checks.n; i++) {
		const struct probe *p = &o->checks.items[i].probe;

		if (o->chosen[i])
			list_row(out, p->id, p->title, p->writes_log ? " (only with --all-probes)" : "");
	}
	fputs("\nFaults (--inject)\n", out->file);
	for (size_t i = 0; (f = check_fault_at(i)); i++)
		list_row(out, f->name, f->summary, "");
}

static void list_json(const struct output *out, const struct options *o)
{
	struct jsonw j = { .file = out->file, .first = true };
	const struct check_fault *f;

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "check");
	jsonw_string(&j, "version", RSEQCTL_VERSION);
	jsonw_open(&j, "list", '[');
	for (size_t i = 0; i < o->checks.n; i++) {
		const struct probe *p = &o->checks.items[i].probe;

		if (!o->chosen[i])
			continue;
		jsonw_open(&j, NULL, '{');
		jsonw_string(&j, "id", p->id);
		jsonw_string(&j, "title", p->title);
		jsonw_bool(&j, "default", !p->writes_log);
		jsonw_close(&j, '}');
	}
	jsonw_close(&j, ']');
	jsonw_open(&j, "faults", '[');
	for (size_t i = 0; (f = check_fault_at(i)); i++) {
		jsonw_open(&j, NULL, '{');
		jsonw_string(&j, "name", f->name);
		jsonw_string(&j, "summary", f->summary);
		jsonw_close(&j, '}');
	}
	jsonw_close(&j, ']');
	jsonw_close(&j, '}');
}

static void list(const struct output *out, const struct options *o)
{
	if (out->format == FORMAT_JSON)
		list_json(out, o);
	else if (out->verbosity < 0)
		list_lines(out, o);
	else
		list_text(out, o);
}

/* --- the run --- */

struct session {
	const struct options *options;
	struct probe_options plan;
	sigset_t stop;
	const char *denied; /* why nothing that needs rseq() can be asked; NULL: it can */
	bool interrupted;
	struct check_facts facts;
	struct host_facts host;
	struct findings findings;
	struct arena arena;
};

static void read_environment(struct session *s)
{
	struct stress_options as = { .own_registration = !registration_libc_area(), .length = registration_usual_length() };

	host_read(&s->host);
	host_read_class(&s->host, &s->arena);
	s->facts.host = &s->host;
	(void)!sched_getaffinity(0, sizeof(as.cpus), &as.cpus);
	environment_read(&as, &s->arena, &s->facts.environment);
}

/* One that is ignored, as under nohup(1), stays ignored. */
static void hold_signals(struct session *s)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;

	sigemptyset(&s->stop);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&s->stop, signals[i]);
	sigprocmask(SIG_BLOCK, &s->stop, NULL);
	s->plan.stop = &s->stop;
}

/* What need not be tried, and why: one cause is one failure. */
static enum verdict foresee(const struct session *s, const struct probe *p, const char **ret_why)
{
	if (s->interrupted) {
		*ret_why = "interrupted by a signal";
		return VERDICT_UNKNOWN;
	}
	*ret_why = s->denied;
	if (s->denied && !p->without_rseq)
		return VERDICT_SKIP;
	*ret_why = "it makes the kernel write to its log: --all-probes asks for it";
	return p->writes_log && !s->options->all ? VERDICT_SKIP : VERDICT_PASS;
}

static void ask_call(struct probe_run *r)
{
	int e = registration_available();

	if (e == 0)
		probe_pass(r, NULL);
	else
		probe_skip(r, e == -ENOSYS ? "rseq() is not there: see syscall" : "rseq() is denied: see syscall");
}

/* Not by this process: a filter may kill for it. */
static void foresee_denial(struct session *s)
{
	static const struct probe call = { .id = "call", .run = ask_call };
	struct check_result result;

	s->interrupted = probe_run(&call, &s->plan, &s->arena, &result) == -EINTR;
	if (result.verdict == VERDICT_SKIP)
		s->denied = result.detail;
	else if (result.verdict == VERDICT_FAIL)
		s->denied = "rseq() kills or holds who calls it: see syscall";
}

static int run_one(struct session *s, const struct check_entry *entry)
{
	const struct probe *p = &entry->probe;
	struct check_result result = { .id = p->id, .title = p->title };
	const struct check_story *story;

	result.verdict = foresee(s, p, &result.detail);
	if (result.verdict == VERDICT_PASS)
		s->interrupted = check_list_run(entry, &s->plan, &s->arena, &result) == -EINTR;
	story = result.verdict == VERDICT_FAIL ? check_story_find(p->id) : NULL;
	if (story) {
		result.meaning = story->failure;
		/* What is broken on purpose is not to be mended. */
		result.fix = s->plan.fault ? NULL : story->fix;
	}
	return check_add(&s->facts, &result) ? 0 : -ENOMEM;
}

static int run_all(struct session *s, struct progress *progress)
{
	const struct options *o = s->options;
	size_t all = 0, done = 0;
	int r = 0;

	for (size_t i = 0; i < o->checks.n; i++)
		all += o->chosen[i];
	for (size_t i = 0; r == 0 && i < o->checks.n; i++) {
		char what[64];

		if (!o->chosen[i])
			continue;
		snprintf(what, sizeof(what), "checks: %s", o->checks.items[i].probe.id);
		progress_show(progress, ++done, all, what);
		r = run_one(s, &o->checks.items[i]);
	}
	progress_erase(progress);
	return r;
}

/* Whether it failed, or was not asked. */
static bool may_have_failed(const struct check_facts *facts, const char *id)
{
	for (size_t i = 0; i < facts->n_checks; i++)
		if (!strcmp(facts->checks[i].id, id))
			return facts->checks[i].verdict == VERDICT_FAIL;
	return true;
}

/* One cause is one failure: what a failure of the others would mean is not what happened to them. */
static void point_to_causes(struct session *s, bool can_call)
{
	for (size_t i = 0; i < s->facts.n_checks; i++) {
		struct check_result *c = &s->facts.checks[i];

		if (c->verdict == VERDICT_FAIL && !can_call)
			c->because = "syscall";
		if (!c->because || !strcmp(c->because, c->id) || !may_have_failed(&s->facts, c->because)) {
			c->because = NULL;
			continue;
		}
		c->detail = arena_printf(&s->arena, "%s: see %s", c->detail, c->because);
		c->meaning = c->fix = NULL;
	}
}

static enum status conclude(const struct session *s)
{
	if (s->facts.failed)
		return STATUS_FINDINGS;
	return s->facts.passed && !s->interrupted ? STATUS_OK : STATUS_IMPOSSIBLE;
}

static enum status check(struct session *s, const struct output *output)
{
	struct progress progress;
	bool can_call = true;

	hold_signals(s);
	read_environment(s);
	s->plan.limit_ns = s->options->limit_ns;
	s->plan.fault = s->options->fault;
	s->plan.rseq_class = s->host.rseq_class;
	s->facts.inject = s->options->fault ? check_fault_at(s->options->fault - 1)->name : NULL;
	progress_init(&progress, output);
	foresee_denial(s);
	if (run_all(s, &progress) < 0)
		return STATUS_INTERNAL;
	/* What is broken on purpose tells nothing of the kernel. */
	if (!s->plan.fault && !s->interrupted)
		can_call = cmd_kernel_conclude(&s->facts, &s->plan, &s->host, &s->findings, &s->arena);
	point_to_causes(s, can_call);
	s->facts.environment.mode = host_mode(&s->host, s->facts.environment.length);
	s->facts.interrupted = s->interrupted;
	if (check_report(output, &s->facts, &s->findings, RSEQCTL_VERSION) < 0)
		return STATUS_INTERNAL;
	return conclude(s);
}

static enum status write_output(const struct options *o)
{
	struct session s = { .options = o };
	struct output output;
	enum status status = common_open(&o->common, &output);

	if (status)
		return status;
	if (o->list)
		list(&output, o);
	else
		status = check(&s, &output);
	status = common_close(&output, status);
	free(s.facts.checks);
	findings_done(&s.findings);
	arena_done(&s.arena);
	return status;
}

static enum status run_check(int argc, char **argv, const struct common_options *common)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Ask this kernel, this libc and this account small questions about rseq, each in a process of its "
		       "own: which promises are kept, and what may be used here.",
		.children = children,
	};
	struct options options = { .common = *common, .limit_ns = DEFAULT_LIMIT_S * NS_PER_S };
	enum status status = STATUS_INTERNAL;

	/* Whoever ignores it hands that down, and then no child could be waited for. */
	signal(SIGCHLD, SIG_DFL);
	if (check_list_make(&options.checks) < 0)
		fputs("rseqctl check: no memory\n", stderr);
	else if (argp_parse(&argp, argc, argv, 0, NULL, &options) == 0)
		status = options.exec_check ? (enum status)exec_status() : write_output(&options);
	check_list_done(&options.checks);
	return status;
}

const struct cmd cmd_check = {
	"check",
	"",
	"whether kernel, libc and this account are fit for rseq",
	run_check,
	1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_TAP | 1u << FORMAT_JUNIT | 1u << FORMAT_OPENMETRICS,
};
