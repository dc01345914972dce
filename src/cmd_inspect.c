/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_kernel.h"
#include "collect/collector.h"
#include "diagnose/diagnose.h"
#include "diagnose/kernel.h"
#include "diagnose/summary.h"
#include "report/progress.h"
#include "report/report.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/text.h"

struct inspect_options {
	struct common_options common;
	int32_t *pids;
	size_t n_pids;
	bool all, threads, probe_never;
	const char *comm, *expect_owner;
	enum method method;
	unsigned int fail_on; /* enum severity, or FAIL_NEVER */
	unsigned int sample_seconds;
	const char **ignored; /* ids of the catalogue */
	size_t n_ignored;
};

enum { KEY_ALL = 0x200, KEY_COMM, KEY_EXPECT, KEY_FAIL, KEY_IGNORE, KEY_METHOD, KEY_PROBE, KEY_SAMPLE, KEY_THREADS };

enum { SAMPLE_SECONDS_MAX = 3600 };

static const struct argp_option option_table[] = {
	{ "all", KEY_ALL, NULL, 0, "Every process that this user may read", 0 },
	{ "comm", KEY_COMM, "GLOB", 0, "Every process whose name matches GLOB", 0 },
	{ "expect-owner", KEY_EXPECT, "NAME", 0,
	  "End with 1 unless every inspected process is owned by NAME: glibc, tcmalloc, librseq, or by "
	  "kind: libc, object, raw, mixed, none", 0 },
	{ "fail-on", KEY_FAIL, "SEVERITY", 0,
	  "End with 1 for findings of this severity and above: error, warning (default), info; or never", 0 },
	{ "ignore", KEY_IGNORE, "ID,...", 0, "Leave these findings out, whatever they are about", 0 },
	{ "method", KEY_METHOD, "METHOD", 0,
	  "How the kernel's record is read: auto (default), bpf, ptrace (stops each thread for a moment) or none", 0 },
	{ "probe-kernel", KEY_PROBE, "WHEN", 0,
	  "Whether rseqctl tries how this kernel behaves: auto (default), where its types leave it open and tcmalloc "
	  "is in a process; or never", 0 },
	{ "sample", KEY_SAMPLE, "SECONDS", 0, "Watch for so long which critical sections are in use", 0 },
	{ "threads", KEY_THREADS, NULL, 0, "A line for every thread, with the content of its area", 0 },
	{ 0 },
};

/* --- options --- */

static void set_method(struct inspect_options *o, const char *arg, struct argp_state *state)
{
	o->method = name_find(method_names, arg);
	if (!o->method)
		argp_error(state, "--method is auto, bpf, ptrace or none, not '%s'", arg);
}

static void set_probe(struct inspect_options *o, const char *arg, struct argp_state *state)
{
	o->probe_never = !strcmp(arg, "never");
	if (!o->probe_never && strcmp(arg, "auto"))
		argp_error(state, "--probe-kernel is auto or never, not '%s'", arg);
}

static void set_expected(struct inspect_options *o, const char *arg, struct argp_state *state)
{
	/* Who can be recognised by name, and the kinds of owner for all others. */
	static const char *const owners[] = { "glibc", "tcmalloc", "librseq", "libc",
					      "object", "raw", "mixed", "none" };

	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (!strcmp(arg, owners[i]))
			o->expect_owner = arg;
	if (o->expect_owner != arg)
		common_no_such(state, "owner", arg, common_nearest(arg, owners, ARRAY_SIZE(owners)));
}

static void add_ignored(struct inspect_options *o, const char *id, struct argp_state *state)
{
	const struct rule *rule = rule_find(id);
	const char **slot;

	if (!rule)
		common_no_such(state, "finding", id, common_nearest_finding(id));
	slot = ARRAY_ADD(o->ignored, o->n_ignored);
	if (!slot)
		argp_failure(state, STATUS_INTERNAL, ENOMEM, "cannot go on");
	*slot = rule->id;
}

static void add_all_ignored(struct inspect_options *o, const char *arg, struct argp_state *state)
{
	_cleanup_free_ char *list = strdup(arg);
	char *rest = list, *id;

	if (!list)
		argp_failure(state, STATUS_INTERNAL, ENOMEM, "cannot go on");
	while ((id = strsep(&rest, ",")))
		add_ignored(o, id, state);
}

static void set_sample(struct inspect_options *o, const char *arg, struct argp_state *state)
{
	uint64_t seconds;

	if (!parse_str_u64(arg, 10, &seconds) || !seconds || seconds > SAMPLE_SECONDS_MAX)
		argp_error(state, "--sample is 1 to %d seconds, not '%s'", SAMPLE_SECONDS_MAX, arg);
	o->sample_seconds = (unsigned int)seconds;
}

static void check_together(const struct inspect_options *o, struct argp_state *state)
{
	bool many = o->all || o->comm;

	if (!o->n_pids && !many)
		argp_error(state, "which process? Give PIDs, --all or --comm GLOB");
	if (o->n_pids && many)
		argp_error(state, "PIDs do not go together with --all or --comm");
	if (o->all && o->method == METHOD_PTRACE)
		argp_error(state, "--method ptrace stops threads: it does not go together with --all");
	if (o->all && o->sample_seconds)
		argp_error(state, "--sample takes its time for each process: it does not go together with --all");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct inspect_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->common;
		return 0;
	case KEY_ALL:
		o->all = true;
		return 0;
	case KEY_COMM:
		o->comm = arg;
		return 0;
	case KEY_EXPECT:
		set_expected(o, arg, state);
		return 0;
	case KEY_FAIL:
		o->fail_on = common_fail_on(arg, state);
		return 0;
	case KEY_IGNORE:
		add_all_ignored(o, arg, state);
		return 0;
	case KEY_METHOD:
		set_method(o, arg, state);
		return 0;
	case KEY_PROBE:
		set_probe(o, arg, state);
		return 0;
	case KEY_SAMPLE:
		set_sample(o, arg, state);
		return 0;
	case KEY_THREADS:
		o->threads = true;
		return 0;
	case ARGP_KEY_ARG:
		common_add_id(&o->pids, &o->n_pids, "process", arg, state);
		return 0;
	case ARGP_KEY_END:
		check_together(o, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* --- the run --- */

struct run {
	const struct inspect_options *options;
	struct collector *collector;
	struct report *report;
	struct findings findings;
	struct cmd_kernel kernel;
	struct arena arena;
	struct failure *failures;
	size_t n_failures, ignored;
	struct summary summary;
	struct progress progress;
	unsigned int vanished, unreadable, skipped;
	bool unexpected, unknown_owner, incomplete;
};

static void fail(struct run *run, const char *subject, const char *why)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	struct failure *f = ARRAY_ADD(run->failures, run->n_failures);

	progress_erase(&run->progress);
	text_escape(&line, why, strlen(why));
	if (run->options->common.format == FORMAT_TEXT)
		fprintf(stderr, "rseqctl inspect: %s: %s\n", subject, strbuf_str(&line));
	if (!f)
		return;
	f->subject = arena_strdup(&run->arena, subject);
	f->what = "inspect";
	f->why = arena_strdup(&run->arena, why);
}

/* By the name of who owns, or, for those without one, by what kind of owner it is. */
static bool is_owned_by(const struct owner *o, const char *name)
{
	if (o->name && !strcmp(o->name, name))
		return true;
	return !strcmp(owner_kind_names[o->kind], name);
}

static void check_expectation(struct run *run, const struct process_facts *p)
{
	const char *expected = run->options->expect_owner;

	if (!expected || is_owned_by(&p->owner, expected))
		return;
	run->unexpected = true;
	fprintf(stderr, "rseqctl inspect: %d: expected owner %s, found %s\n", p->pid, expected,
		p->owner.name ? p->owner.name : owner_kind_names[p->owner.kind]);
}

static void judge(struct run *run, struct process_facts *p)
{
	const struct inspect_options *o = run->options;
	struct diagnosis d = { collector_host(run->collector), p, &run->findings, &run->kernel.facts };
	size_t first = run->findings.n;

	progress_erase(&run->progress);
	check_expectation(run, p);
	if (kernel_matters_for(p))
		cmd_kernel_ask(&run->kernel, d.host, &run->arena);
	diagnose_process(&d);
	/* Before the verdict and everything that counts: it is as if these had not been found. */
	run->ignored += findings_remove(&run->findings, first, o->ignored, o->n_ignored);
	summary_add(&run->summary, p, &run->findings, first);
	report_process(run->report, p, diagnose_verdict(&d), &run->findings);
	if (p->owner.kind == OWNER_UNKNOWN)
		run->unknown_owner = true;
}

/* A process that was asked for by number: what keeps it from being read is an error. */
static void inspect_named(struct run *run, int32_t pid)
{
	struct process_facts facts;
	enum target_kind kind;
	struct refusal refusal = { 0 };
	char subject[16];

	snprintf(subject, sizeof(subject), "%d", pid);
	if (collector_process(run->collector, pid, &facts, &kind, &refusal) == 0)
		judge(run, &facts);
	else
		fail(run, subject, refusal.what);
	process_facts_done(&facts);
}

static bool nothing_readable(const struct process_facts *p)
{
	return !p->n_objects && !p->n_threads;
}

/* One of many: those that go away meanwhile, or are none of this user's business, are counted. */
static void inspect_found(struct run *run, int32_t pid)
{
	struct process_facts facts;
	enum target_kind kind;
	struct refusal refusal = { 0 };
	char subject[16];
	int r = collector_process(run->collector, pid, &facts, &kind, &refusal);

	snprintf(subject, sizeof(subject), "%d", pid);
	if (r < 0 && kind != TARGET_PROCESS)
		run->skipped++;
	else if (r == -ECANCELED)
		fail(run, subject, refusal.what);
	else if (r == -ESRCH || r == -EAGAIN)
		run->vanished++;
	else if (r < 0 || nothing_readable(&facts))
		run->unreadable++;
	else
		judge(run, &facts);
	process_facts_done(&facts);
}

static bool matches(const struct run *run, int32_t pid)
{
	char comm[17];

	if (!run->options->comm)
		return true;
	return collector_comm(run->collector, pid, comm) && !fnmatch(run->options->comm, comm, 0);
}

/* The processes to look at; the caller frees them. NULL and n 0 where there are none, which was said. */
static int32_t *find_processes(struct run *run, size_t *n)
{
	const char *comm = run->options->comm;
	struct refusal refusal = { 0 };
	size_t all = 0, kept = 0;
	int32_t *pids = NULL;

	if (collector_list(run->collector, &pids, &all, &refusal) < 0)
		fail(run, comm ? "--comm" : "--all", refusal.what);
	else {
		for (size_t i = 0; i < all; i++)
			if (matches(run, pids[i]))
				pids[kept++] = pids[i];
		if (comm && !kept)
			fail(run, comm, "no process has that name");
	}
	*n = kept;
	return pids;
}

static void inspect_many(struct run *run)
{
	size_t n;
	_cleanup_free_ int32_t *pids = find_processes(run, &n);

	if (run->options->all || n > 1)
		report_audit(run->report);
	for (size_t i = 0; i < n; i++) {
		progress_show(&run->progress, i + 1, n, "processes");
		inspect_found(run, pids[i]);
	}
	progress_erase(&run->progress);
}

/* Each file is decoded once, however many processes map it: a promise that can be checked. */
static void tell_files(const struct run *run)
{
	size_t wanted, decoded;

	collector_files(run->collector, &wanted, &decoded);
	if (run->options->common.verbosity > 0)
		fprintf(stderr, "rseqctl inspect: decoded %zu files for %zu mappings\n", decoded, wanted);
}

static enum status overall(const struct run *run)
{
	const struct inspect_options *o = run->options;

	if (run->incomplete)
		return STATUS_INTERNAL;
	if (findings_worst(&run->findings, 0) >= o->fail_on || run->unexpected)
		return STATUS_FINDINGS;
	if (run->n_failures || (o->n_pids && run->unknown_owner))
		return STATUS_IMPOSSIBLE;
	return STATUS_OK;
}

static void end_report(struct run *run, const struct host_facts *host)
{
	struct report_totals totals = {
		.host = host,
		.findings = &run->findings,
		.summary = &run->summary,
		.failures = run->failures,
		.n_failures = run->n_failures,
		.vanished = run->vanished,
		.unreadable = run->unreadable,
		.skipped = run->skipped,
		.ignored = run->ignored,
		.many = !run->options->n_pids,
	};

	summary_sort(&run->summary);
	if (report_end(run->report, &totals) == 0)
		return;
	fprintf(stderr, "rseqctl inspect: no memory for the whole report\n");
	run->incomplete = true;
}

static enum status inspect(struct run *run)
{
	const struct inspect_options *o = run->options;

	if (o->n_pids)
		for (size_t i = 0; i < o->n_pids; i++)
			inspect_named(run, o->pids[i]);
	else
		inspect_many(run);
	tell_files(run);
	end_report(run, collector_host(run->collector));
	return overall(run);
}

static enum status start(struct run *run, const struct output *output)
{
	const struct inspect_options *o = run->options;
	struct report_options report = { "inspect", RSEQCTL_VERSION, o->threads };
	struct host_facts nothing = { 0 };
	struct refusal refusal;

	run->report = report_new(output, &report);
	if (!run->report)
		return STATUS_INTERNAL;
	progress_init(&run->progress, output);
	if (collector_new(o->method, o->common.verbosity > 0, &run->collector, &refusal) == 0) {
		collector_sample(run->collector, o->sample_seconds);
		return inspect(run);
	}
	/* The document must be whole all the same. */
	fail(run, "rseqctl", refusal.what);
	end_report(run, &nothing);
	return STATUS_IMPOSSIBLE;
}

static enum status run_inspect(int argc, char **argv, const struct common_options *common)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "PID...\n--all\n--comm GLOB",
		.doc = "Show who owns rseq in a process, who was refused, and what that means.",
		.children = children,
	};
	struct inspect_options options = {
		.common = *common, .method = METHOD_AUTO, .fail_on = SEVERITY_WARNING
	};
	struct run run = { .options = &options };
	struct output output;
	enum status status;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	/* Whoever ignores it hands that down, and then no child could be waited for. */
	signal(SIGCHLD, SIG_DFL);
	run.kernel.never = options.probe_never;
	status = common_open(&options.common, &output);
	if (status == STATUS_OK)
		status = common_close(&output, start(&run, &output));
	report_free(run.report);
	collector_free(run.collector);
	findings_done(&run.findings);
	summary_done(&run.summary);
	arena_done(&run.arena);
	free(run.failures);
	free(options.pids);
	free(options.ignored);
	return status;
}

const struct cmd cmd_inspect = {
	"inspect",
	"PID... | --all | --comm GLOB",
	"who owns rseq in a process, and who conflicts",
	run_inspect,
	0,
};
