/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cmd.h"
#include "cmd_counter.h"
#include "collect/host.h"
#include "model/host.h"
#include "critical/critical.h"
#include "critical/registration.h"
#include "model/abi.h"
#include "report/jsonw.h"
#include "report/progress.h"
#include "report/stress_report.h"
#include "stress/again.h"
#include "stress/cpus.h"
#include "stress/environment.h"
#include "stress/stress.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/strbuf.h"

enum owner_wish { OWNER_ANY, OWNER_BY_LIBC, OWNER_BY_SELF };

struct options {
	struct common_options common;
	uint64_t threads, duration_ns, operations, seed, min_aborts, length;
	uint32_t workloads, disturb, keys; /* bits of the tables' rows; 0: not named */
	int fault;		     /* -1: none */
	bool duration_named, seed_named, list, compare;
	const char *cpus_named; /* NULL: not named */
	enum owner_wish owner;
	const char *exec_check;
	cpu_set_t cpus;
};

enum {
	KEY_COMPARE = 0x200, KEY_CPUS, KEY_DISTURB, KEY_DURATION, KEY_EXEC_CHECK, KEY_INDEX, KEY_INJECT, KEY_LENGTH, KEY_LIST,
	KEY_MIN_ABORTS, KEY_OPS, KEY_OWNER, KEY_SEED, KEY_THREADS, KEY_WORKLOAD,
};

enum { DEFAULT_SECONDS = 10, DEFAULT_MIN_ABORTS = 100, THREADS_PER_CPU = 4 };

#define NS_PER_S UINT64_C(1000000000)

static const struct argp_option option_table[] = {
	{ "compare", KEY_COMPARE, NULL, 0,
	  "Compare an increment by rseq with other ways of counting; no workload runs unless it is named", 0 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Run on these CPUs: 0,2-3 (default: all that this process may use)", 0 },
	{ "disturb", KEY_DISTURB, "LIST", 0, "How workers are interrupted (default: all permitted ones but none and rt)", 0 },
	{ "duration", KEY_DURATION, "SECONDS", 0, "Of the whole run, split evenly (default 10; 0.5 is possible)", 0 },
	{ "exec-check", KEY_EXEC_CHECK, "OWNER", OPTION_HIDDEN, NULL, 0 },
	{ "index", KEY_INDEX, "LIST", 0, "What chooses the slot: cpu_id, mm_cid (default: both, where the kernel has both)", 0 },
	{ "inject", KEY_INJECT, "FAULT", 0, "Break one protection on purpose: the run must then fail", 0 },
	{ "length", KEY_LENGTH, "BYTES", 0, "Of own registrations: 32 or more (default: what the kernel proposes)", 0 },
	{ "list", KEY_LIST, NULL, 0, "List workloads, disturbers and faults (with -q one name per line)", 0 },
	{ "min-aborts", KEY_MIN_ABORTS, "N", 0,
	  "Fewer aborts than that in a workload with sections prove nothing (default 100)", 0 },
	{ "ops", KEY_OPS, "N", 0, "Operations of each workload, instead of a duration", 0 },
	{ "owner", KEY_OWNER, "OWNER", 0,
	  "Whose registration to use: libc (default where it registered) or self (starts again with libc's turned off)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Of everything that is drawn by lot (default: by lot)", 0 },
	{ "threads", KEY_THREADS, "N", 0, "Workers (default: 4 for each CPU)", 0 },
	{ "workload", KEY_WORKLOAD, "LIST", 0, "Which to run (default: all)", 0 },
	{ 0 },
};

/* --- options --- */

typedef const struct stress_choice *choices(size_t i);

static int find_choice(choices *table, const char *name)
{
	const struct stress_choice *c;

	for (size_t i = 0; (c = table(i)); i++)
		if (!strcmp(c->name, name))
			return (int)i;
	return -1;
}

static int need_choice(choices *table, const char *kind, const char *name, struct argp_state *state)
{
	const char *names[32];
	const struct stress_choice *c;
	int found = find_choice(table, name);
	size_t n = 0;

	if (found >= 0)
		return found;
	while (n < ARRAY_SIZE(names) && (c = table(n)))
		names[n++] = c->name;
	common_no_such(state, kind, name, common_nearest(name, names, n));
	return 0;
}

static uint32_t parse_choices(choices *table, const char *kind, const char *arg, struct argp_state *state)
{
	_cleanup_free_ char *list = strdup(arg);
	char *rest = list, *name;
	uint32_t bits = 0;

	if (!list)
		argp_failure(state, STATUS_INTERNAL, ENOMEM, "cannot go on");
	while ((name = strsep(&rest, ",")))
		bits |= 1u << need_choice(table, kind, name, state);
	return bits;
}

static uint64_t parse_number(const char *option, const char *arg, uint64_t min, uint64_t max, struct argp_state *state)
{
	uint64_t n = 0;

	if (!parse_str_u64(arg, 10, &n) || n < min || n > max)
		argp_error(state, "--%s is a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option, min, max, arg);
	return n;
}

/* Seconds, with three decimals at most. */
static void set_duration(struct options *o, const char *arg, struct argp_state *state)
{
	struct span s = { arg, strlen(arg) };
	uint64_t seconds = 0, part = 0;
	size_t digits = 0;
	bool good = parse_take_u64(&s, 10, &seconds) && seconds <= 1000000;

	if (good && s.len > 1 && *s.p == '.') {
		s.p++;
		digits = --s.len;
		good = digits <= 3 && parse_take_u64(&s, 10, &part);
	}
	for (; digits && digits < 3; digits++)
		part *= 10;
	o->duration_ns = seconds * NS_PER_S + part * (NS_PER_S / 1000);
	o->duration_named = true;
	if (!good || s.len || !o->duration_ns)
		argp_error(state, "--duration is a number of seconds from 0.001 to 1000000, not '%s'", arg);
}

static void set_cpus(struct options *o, const char *arg, struct argp_state *state)
{
	o->cpus_named = arg;
	if (!cpus_parse(arg, &o->cpus))
		argp_error(state, "--cpus is a list of CPUs below %d, as 0,2-3, not '%s'", CPU_SETSIZE, arg);
}

static void set_owner(struct options *o, const char *arg, struct argp_state *state)
{
	if (!strcmp(arg, "libc"))
		o->owner = OWNER_BY_LIBC;
	else if (!strcmp(arg, "self"))
		o->owner = OWNER_BY_SELF;
	else
		argp_error(state, "--owner is libc or self, not '%s'", arg);
}

/* A fault shows only where it breaks something. */
static void check_fault(struct options *o, struct argp_state *state)
{
	const struct stress_choice *w;
	uint32_t applies = 0;

	if (o->fault < 0)
		return;
	for (size_t i = 0; (w = stress_workload(i)); i++) {
		if (stress_fault_applies((size_t)o->fault, i))
			applies |= 1u << i;
		else if (o->workloads & 1u << i)
			argp_error(state, "--inject %s has no meaning for workload %s", stress_fault((size_t)o->fault)->name,
				   w->name);
	}
	if (!o->workloads)
		o->workloads = applies;
}

static void check_together(struct options *o, struct argp_state *state)
{
	uint32_t none = 1u << find_choice(stress_disturber, "none");

	if (o->operations && o->duration_named)
		argp_error(state, "--ops and --duration do not go together");
	if (o->disturb & none && o->disturb != none)
		argp_error(state, "--disturb none does not go together with others");
	if (o->length && o->owner == OWNER_BY_LIBC)
		argp_error(state, "--length is for own registrations: it does not go together with --owner libc");
	if (o->compare && o->fault >= 0)
		argp_error(state, "--compare and --inject do not go together");
	if (o->compare && (o->common.format == FORMAT_TAP || o->common.format == FORMAT_JUNIT) && !o->workloads)
		argp_error(state, "--compare alone has no test to report: text or json");
	check_fault(o, state);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->common;
		return 0;
	case KEY_COMPARE:
		o->compare = true;
		return 0;
	case KEY_CPUS:
		set_cpus(o, arg, state);
		return 0;
	case KEY_DISTURB:
		o->disturb = parse_choices(stress_disturber, "disturber", arg, state);
		return 0;
	case KEY_DURATION:
		set_duration(o, arg, state);
		return 0;
	case KEY_EXEC_CHECK:
		o->exec_check = arg;
		return 0;
	case KEY_INDEX:
		o->keys = parse_choices(stress_index, "index", arg, state);
		return 0;
	case KEY_INJECT:
		o->fault = need_choice(stress_fault, "fault", arg, state);
		return 0;
	case KEY_LENGTH:
		o->length = parse_number("length", arg, 32, REGISTRATION_LENGTH_MAX, state);
		o->owner = o->owner == OWNER_ANY ? OWNER_BY_SELF : o->owner;
		return 0;
	case KEY_LIST:
		o->list = true;
		return 0;
	case KEY_MIN_ABORTS:
		o->min_aborts = parse_number("min-aborts", arg, 0, UINT32_MAX, state);
		return 0;
	case KEY_OPS:
		o->operations = parse_number("ops", arg, 1, UINT64_C(1) << 53, state);
		return 0;
	case KEY_OWNER:
		set_owner(o, arg, state);
		return 0;
	case KEY_SEED:
		o->seed = parse_number("seed", arg, 0, UINT32_MAX, state);
		o->seed_named = true;
		return 0;
	case KEY_THREADS:
		o->threads = parse_number("threads", arg, 1, STRESS_THREADS_MAX, state);
		return 0;
	case KEY_WORKLOAD:
		o->workloads = parse_choices(stress_workload, "workload", arg, state);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "too many arguments");
		return 0;
	case ARGP_KEY_END:
		check_together(o, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* --- the lists --- */

static const struct {
	const char *key, *kind, *title;
	choices *table;
} lists[] = {
	{ "workloads", "workload", "Workloads (--workload)", stress_workload },
	{ "disturbers", "disturber", "Disturbers (--disturb)", stress_disturber },
	{ "indexes", "index", "Indexes (--index)", stress_index },
	{ "faults", "fault", "Faults (--inject)", stress_fault },
};

/* For scripts and completions. */
static void list_lines(const struct output *o)
{
	const struct stress_choice *c;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
		for (size_t i = 0; (c = lists[k].table(i)); i++)
			fprintf(o->file, "%s %s\n", lists[k].kind, c->name);
}

static void list_text(const struct output *o)
{
	const struct stress_choice *c;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		fprintf(o->file, "%s%s\n", k ? "\n" : "", lists[k].title);
		for (size_t i = 0; (c = lists[k].table(i)); i++)
			fprintf(o->file, "  %-15s %s\n", c->name, c->summary);
	}
}

static void list_json(const struct output *o)
{
	struct jsonw j = { .file = o->file, .first = true };
	const struct stress_choice *c;

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "stress");
	jsonw_string(&j, "version", RSEQCTL_VERSION);
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		jsonw_open(&j, lists[k].key, '[');
		for (size_t i = 0; (c = lists[k].table(i)); i++) {
			jsonw_open(&j, NULL, '{');
			jsonw_string(&j, "name", c->name);
			jsonw_string(&j, "summary", c->summary);
			jsonw_bool(&j, "default", c->by_default);
			jsonw_close(&j, '}');
		}
		jsonw_close(&j, ']');
	}
	jsonw_close(&j, '}');
}

/* --- the run --- */

struct session {
	const struct options *options;
	struct stress_options plan;
	struct stress_facts facts;
	struct host_facts host;
	struct arena arena;
	struct progress progress;
	struct counter counter;
	struct abort_counter aborts;
};

static enum status refuse(struct session *s, const char *what, const char *format, ...) _printf_(3, 4);
static enum status refuse(struct session *s, const char *what, const char *format, ...)
{
	_cleanup_strbuf_ struct strbuf why = { 0 };
	va_list ap;

	va_start(ap, format);
	strbuf_vprintf(&why, format, ap);
	va_end(ap);
	progress_erase(&s->progress);
	fprintf(stderr, "rseqctl stress: %s\n", strbuf_str(&why));
	s->facts.failure = arena_alloc(&s->arena, sizeof(*s->facts.failure));
	if (s->facts.failure) {
		*s->facts.failure = (struct stress_failure){ "stress", what, arena_strdup(&s->arena, strbuf_str(&why)) };
		s->facts.n_failures = 1;
	}
	return STATUS_IMPOSSIBLE;
}

static enum status choose_cpus(struct session *s)
{
	const cpu_set_t *wanted = &s->options->cpus;
	cpu_set_t may;

	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return refuse(s, "cpus", "cannot ask which CPUs may be used: %s", strerror(errno));
	s->plan.cpus = may;
	if (!s->options->cpus_named)
		return STATUS_OK;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, wanted) && !CPU_ISSET(cpu, &may))
			return refuse(s, "cpus", "--cpus: there is no CPU %d, or this process may not run on it", cpu);
	s->plan.cpus = *wanted;
	return STATUS_OK;
}

static enum status choose_disturbers(struct session *s)
{
	const struct stress_choice *d;
	uint32_t named = s->options->disturb;

	for (size_t i = 0; (d = stress_disturber(i)); i++) {
		const char *why = "";

		if (named ? !(named & 1u << i) : !d->by_default)
			continue;
		if (stress_disturber_possible(i, &s->plan, &why) == 0)
			s->plan.disturb |= 1u << i;
		else if (named)
			return refuse(s, "disturb", "--disturb %s is not possible here: %s", d->name, why);
		else if (s->options->common.verbosity >= 0)
			fprintf(stderr, "rseqctl stress: without %s: %s\n", d->name, why);
	}
	return STATUS_OK;
}

static enum status choose_indexes(struct session *s)
{
	uint32_t mm_cid = 1u << find_choice(stress_index, "mm_cid");

	if (s->options->keys & mm_cid && !registration_has_mm_cid())
		return refuse(s, "index", "--index mm_cid: this kernel keeps no mm_cid (Linux 6.3 on)");
	s->plan.keys = s->options->keys;
	return STATUS_OK;
}

/* Only comes back when it could not be. */
static enum status start_again(struct session *s)
{
	const char *why = "";
	int r = again_without_libc("rseqctl stress", &why);

	return refuse(s, "owner", "--owner self: %s: %s", why, strerror(-r));
}

static enum status choose_owner(struct session *s)
{
	const void *libc_area = registration_libc_area();
	enum owner_wish wish = s->options->owner;
	int r = registration_available();

	if (r == -ENOSYS)
		return refuse(s, "rseq", "this kernel has no rseq, or a filter says so (ENOSYS)");
	if (r < 0)
		return refuse(s, "rseq", "rseq is denied here: %s; by a seccomp filter, as of a container?", strerror(-r));
	if (!critical_is_supported())
		return refuse(s, "rseq", "there are no critical sections for this architecture");
	if (wish == OWNER_BY_LIBC && !libc_area)
		return refuse(s, "owner", "--owner libc: libc did not register rseq here; --owner self does without it");
	if (wish == OWNER_BY_SELF && libc_area)
		return start_again(s);
	s->plan.own_registration = !libc_area;
	s->plan.length = s->options->length ? (uint32_t)s->options->length : registration_usual_length();
	return STATUS_OK;
}

static uint32_t all_workloads(void)
{
	const struct stress_choice *w;
	uint32_t bits = 0;

	for (size_t i = 0; (w = stress_workload(i)); i++)
		bits |= w->by_default ? 1u << i : 0;
	return bits;
}

static void read_environment(struct session *s)
{
	struct environment_facts *e = &s->facts.environment;

	host_read_class(&s->host, &s->arena);
	environment_read(&s->plan, &s->arena, e);
	/* The two modes are there on such kernels alone, and the length chooses. */
	if (s->host.rseq_class == CLASS_SPLIT && e->has & ENVIRONMENT_LENGTH)
		e->mode = e->length > RSEQ_FIRST_LENGTH ? MODE_OPTIMIZED : MODE_LEGACY;
}

static enum status prepare(struct session *s)
{
	const struct options *o = s->options;
	uint32_t seed = 0;
	enum status status;

	s->aborts = counter_of(&s->counter);
	s->plan.counter = &s->aborts;
	s->plan.fault = o->fault;
	s->plan.min_aborts = o->min_aborts;
	s->plan.operations = o->operations;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = 1;
	s->plan.seed = o->seed_named ? o->seed : seed;
	host_read(&s->host);
	s->facts.host = &s->host;
	status = choose_owner(s);
	status = status ? status : choose_cpus(s);
	status = status ? status : choose_indexes(s);
	if (status)
		return status;
	s->plan.threads = o->threads ? (uint32_t)o->threads : THREADS_PER_CPU * (uint32_t)CPU_COUNT(&s->plan.cpus);
	status = choose_disturbers(s);
	read_environment(s);
	return status;
}

static void show_progress(void *data, const char *workload, uint64_t done, uint64_t all)
{
	struct session *s = data;
	char what[64];

	snprintf(what, sizeof(what), "%s of %s", s->plan.operations ? "operations" : "milliseconds", workload);
	progress_show(&s->progress, done, all, what);
}

static enum status run_one(struct session *s, size_t workload)
{
	struct stress_result result, *slot;
	const char *why = "";
	int r = stress_run(&s->plan, workload, show_progress, s, &s->arena, &result, &why);

	progress_erase(&s->progress);
	if (r < 0 && r != -EINTR) {
		/* Those before it may have passed; that is not all that was asked for. */
		s->facts.verdict = verdict_worst(s->facts.verdict, VERDICT_INCONCLUSIVE);
		return refuse(s, stress_workload(workload)->name, "%s: %s", stress_workload(workload)->name, why);
	}
	slot = ARRAY_ADD(s->facts.results, s->facts.n_results);
	if (!slot)
		return STATUS_INTERNAL;
	*slot = result;
	s->facts.verdict = verdict_worst(s->facts.verdict, result.verdict);
	return r == -EINTR ? STATUS_IMPOSSIBLE : STATUS_OK;
}

static enum status run_workloads(struct session *s)
{
	uint32_t chosen = s->options->workloads ? s->options->workloads : all_workloads();
	enum status status = STATUS_OK;
	const struct stress_choice *w;

	s->plan.duration_ns = s->options->duration_ns / (uint64_t)__builtin_popcount(chosen);
	for (size_t i = 0; (w = stress_workload(i)) && status == STATUS_OK; i++)
		if (chosen & 1u << i) {
			status = run_one(s, i);
			if (s->facts.verdict == VERDICT_FAIL && s->plan.fault >= 0)
				break;
		}
	return status;
}

static enum status compare(struct session *s)
{
	struct stress_options plan = s->plan;
	const char *why;
	int r;

	plan.duration_ns = s->options->duration_ns;
	r = stress_compare(&plan, &s->arena, &s->facts.compare, &s->facts.n_compare, &why);
	return r < 0 ? refuse(s, "compare", "--compare: %s: %s", why, strerror(-r)) : STATUS_OK;
}

static enum status conclude(struct session *s, enum status status)
{
	if (s->facts.verdict == VERDICT_FAIL)
		return STATUS_FINDINGS;
	if (status)
		return status;
	if (s->options->compare && !s->facts.n_results)
		return STATUS_OK;
	return s->facts.verdict == VERDICT_PASS ? STATUS_OK : STATUS_IMPOSSIBLE;
}

static enum status stress(struct session *s, const struct output *output)
{
	enum status status = prepare(s);

	progress_init(&s->progress, output);
	if (status == STATUS_OK && s->options->compare)
		status = compare(s);
	if (status == STATUS_OK && (!s->options->compare || s->options->workloads))
		status = run_workloads(s);
	s->facts.seed = s->plan.seed;
	s->facts.threads = s->plan.threads;
	s->facts.duration_ns = s->options->duration_ns;
	s->facts.min_aborts = s->plan.min_aborts;
	s->facts.cpus = s->options->cpus_named;
	s->facts.inject = s->options->fault < 0 ? NULL : stress_fault((size_t)s->options->fault)->name;
	if (stress_report(output, &s->facts, RSEQCTL_VERSION) < 0)
		return STATUS_INTERNAL;
	return conclude(s, status);
}

static enum status write_output(const struct options *o)
{
	struct session s = { .options = o, .counter = COUNTER_NONE };
	struct output output;
	enum status status = common_open(&o->common, &output);

	if (status)
		return status;
	if (!o->list)
		status = stress(&s, &output);
	else if (output.format == FORMAT_JSON)
		list_json(&output);
	else if (output.verbosity < 0)
		list_lines(&output);
	else
		list_text(&output);
	status = common_close(&output, status);
	counter_done(&s.counter);
	free(s.facts.results);
	arena_done(&s.arena);
	return status;
}

static enum status run_stress(int argc, char **argv, const struct common_options *common)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Run critical sections while they are interrupted in every way, and check that the kernel keeps "
		       "its promise.",
		.children = children,
	};
	struct options options = {
		.common = *common,
		.duration_ns = DEFAULT_SECONDS * NS_PER_S,
		.min_aborts = DEFAULT_MIN_ABORTS,
		.fault = -1,
	};

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	/* Whoever ignores it hands that down, and then no child could be waited for. */
	signal(SIGCHLD, SIG_DFL);
	if (options.exec_check)
		return stress_check_exec(!strcmp(options.exec_check, "self")) ? STATUS_FINDINGS : STATUS_OK;
	return write_output(&options);
}

const struct cmd cmd_stress = {
	"stress",
	"",
	"whether this kernel keeps the rseq promise",
	run_stress,
	1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_TAP | 1u << FORMAT_JUNIT,
};
