/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cmd.h"
#include "collect/host.h"
#include "model/host.h"
#include "probe/exec.h"
#include "probe/probe.h"

struct options {
	struct common_options common;
	const char *only;
	uint32_t fault;
	bool exec_check;
};

enum { KEY_ONLY = 0x100, KEY_INJECT, KEY_EXEC_CHECK };

static const struct argp_option option_table[] = {
	{ "only", KEY_ONLY, "LIST", 0, "Only these", 0 },
	{ EXEC_OPTION, KEY_EXEC_CHECK, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "inject", KEY_INJECT, "FAULT", 0, "Break something on purpose", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->common;
		return 0;
	case KEY_ONLY:
		o->only = arg;
		return 0;
	case KEY_EXEC_CHECK:
		o->exec_check = true;
		return 0;
	case KEY_INJECT:
		o->fault = !strcmp(arg, "no-section") ? PROBE_FAULT_NO_SECTION : PROBE_FAULT_UNREGISTERED;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static enum status run_check(int argc, char **argv, const struct common_options *common)
{
	static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
	static const struct argp argp = { .options = option_table, .parser = parse, .doc = "Ask the machine.", .children = children };
	struct options o = { .common = *common };
	struct probe_options plan = { .limit_ns = 5000000000u };
	struct arena arena = { 0 };
	struct host_facts host = { 0 };
	enum status status = STATUS_OK;
	const struct probe *p;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (o.exec_check)
		return (enum status)exec_status();
	host_read_class(&host, &arena);
	plan.rseq_class = host.rseq_class;
	plan.fault = o.fault;
	for (size_t i = 0; (p = probe_at(i)); i++) {
		struct check_result r;

		if (o.only && !check_id_matches(p->id, o.only, strlen(o.only)))
			continue;
		probe_run(p, &plan, &arena, &r);
		printf("%-8s %-24s %s\n", verdict_names[r.verdict], r.id, r.detail ? r.detail : "");
		for (size_t k = 0; k < r.n_rows; k++)
			printf("    %-4s %-50s %s, %s\n", r.rows[k].ok ? "ok" : "BAD", r.rows[k].what, r.rows[k].expected,
			       r.rows[k].seen);
		if (r.verdict == VERDICT_FAIL)
			status = STATUS_FINDINGS;
	}
	arena_done(&arena);
	return status;
}

const struct cmd cmd_check = { "check", "", "whether kernel, libc and this account are fit for rseq", run_check, 0 };
