/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_stress_wish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "critical/registration.h"
#include "stress/cpus.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum {
	KEY_COMPARE = 0x200, KEY_CPUS, KEY_DISTURB, KEY_DURATION, KEY_EXEC_CHECK, KEY_INDEX, KEY_INJECT, KEY_LENGTH, KEY_LIST,
	KEY_MIN_ABORTS, KEY_OPS, KEY_OWNER, KEY_SEED, KEY_THREADS, KEY_WORKLOAD,
};

enum { DEFAULT_SECONDS = 10, DEFAULT_MIN_ABORTS = 100 };

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
	{ "list", KEY_LIST, NULL, 0, "List workloads, disturbers and faults (with -q a line for each: kind and name)", 0 },
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

int cmd_stress_find(cmd_stress_table *table, const char *name)
{
	const struct stress_choice *c;

	for (size_t i = 0; (c = table(i)); i++)
		if (!strcmp(c->name, name))
			return (int)i;
	return -1;
}

static int need_choice(cmd_stress_table *table, const char *kind, const char *name, struct argp_state *state)
{
	const char *names[32];
	const struct stress_choice *c;
	int found = cmd_stress_find(table, name);
	size_t n = 0;

	if (found >= 0)
		return found;
	while (n < ARRAY_SIZE(names) && (c = table(n)))
		names[n++] = c->name;
	common_no_such(state, kind, name, common_nearest(name, names, n));
	return 0;
}

static uint32_t parse_choices(cmd_stress_table *table, const char *kind, const char *arg, struct argp_state *state)
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
static void set_duration(struct stress_wish *o, const char *arg, struct argp_state *state)
{
	o->duration_named = true;
	if (!parse_str_seconds(arg, &o->duration_ns) || !o->duration_ns || o->duration_ns % (NS_PER_S / 1000) ||
	    o->duration_ns > 1000000 * NS_PER_S)
		argp_error(state, "--duration is a number of seconds from 0.001 to 1000000, with three decimals at most, not '%s'",
			   arg);
}

static void set_cpus(struct stress_wish *o, const char *arg, struct argp_state *state)
{
	o->cpus_named = arg;
	if (!cpus_parse(arg, &o->cpus))
		argp_error(state, "--cpus is a list of CPUs below %d, as 0,2-3, not '%s'", CPU_SETSIZE, arg);
}

static void set_owner(struct stress_wish *o, const char *arg, struct argp_state *state)
{
	if (!strcmp(arg, "libc"))
		o->owner = OWNER_BY_LIBC;
	else if (!strcmp(arg, "self"))
		o->owner = OWNER_BY_SELF;
	else
		argp_error(state, "--owner is libc or self, not '%s'", arg);
}

/* A fault shows only where it breaks something. */
static void check_fault(struct stress_wish *o, struct argp_state *state)
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

static void check_together(struct stress_wish *o, struct argp_state *state)
{
	uint32_t none = 1u << cmd_stress_find(stress_disturber, "none");

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
	struct stress_wish *o = state->input;

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

void cmd_stress_parse(int argc, char **argv, const struct common_options *common, struct stress_wish *ret)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Run critical sections while they are interrupted in every way, and check that the kernel keeps "
		       "its promise.",
		.children = children,
	};

	*ret = (struct stress_wish){
		.common = *common,
		.duration_ns = DEFAULT_SECONDS * NS_PER_S,
		.min_aborts = DEFAULT_MIN_ABORTS,
		.fault = -1,
	};
	argp_parse(&argp, argc, argv, 0, NULL, ret);
}
