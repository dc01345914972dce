/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of stress, verdicts, and the formats of test results. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "critical/critical.h"
#include "critical/registration.h"
#include "report/junit.h"
#include "report/stress_report.h"
#include "report/tap.h"
#include "stress/cpus.h"
#include "stress/stress.h"

static void worst_verdict(void **state)
{
	(void)state;
	assert_int_equal(verdict_worst(VERDICT_UNKNOWN, VERDICT_NOT_APPLICABLE), VERDICT_NOT_APPLICABLE);
	assert_int_equal(verdict_worst(VERDICT_PASS, VERDICT_NOT_APPLICABLE), VERDICT_PASS);
	assert_int_equal(verdict_worst(VERDICT_PASS, VERDICT_INCONCLUSIVE), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_worst(VERDICT_FAIL, VERDICT_INCONCLUSIVE), VERDICT_FAIL);
	assert_int_equal(verdict_worst(VERDICT_NOT_APPLICABLE, VERDICT_FAIL), VERDICT_FAIL);
}

static void check_table(const struct stress_choice *table(size_t i), size_t at_least)
{
	const struct stress_choice *a, *b;
	size_t n = 0;

	for (; (a = table(n)); n++) {
		assert_non_null(a->summary);
		for (size_t k = 0; k < n && (b = table(k)); k++)
			assert_string_not_equal(a->name, b->name);
	}
	assert_true(n >= at_least && n <= 32); /* there is a bit for each */
}

static void tables(void **state)
{
	(void)state;
	check_table(stress_workload, 10);
	check_table(stress_disturber, 7);
	check_table(stress_fault, 10);
	for (size_t f = 0; stress_fault(f); f++) {
		bool applies = false;

		for (size_t w = 0; stress_workload(w); w++)
			applies |= stress_fault_applies(f, w);
		assert_true(applies);
	}
}

static void cpu_lists(void **state)
{
	static const char *const bad[] = { "", "x", "1,", ",1", "1-", "3-1", "1024", "0-4096", "1 2", "-1", "18446744073709551616" };
	cpu_set_t set;

	(void)state;
	assert_true(cpus_parse("0,2-4,1023", &set));
	assert_int_equal(CPU_COUNT(&set), 5);
	assert_int_equal(cpus_nth(&set, 0), 0);
	assert_int_equal(cpus_nth(&set, 2), 3);
	assert_int_equal(cpus_nth(&set, 4), 1023);
	assert_int_equal(cpus_nth(&set, 5), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(cpus_parse(bad[i], &set));
}

static const struct test_case cases[] = {
	{ .name = "good", .title = "all is well", .verdict = VERDICT_PASS, .duration_ns = 1500000000 },
	{ .name = "bad", .title = "a # and <it>", .verdict = VERDICT_FAIL,
	  .detail = "it's \"broken\"\n\033[31m & <gone> # TODO", .duration_ns = 1000000 },
	{ .name = "few", .title = "enough", .verdict = VERDICT_INCONCLUSIVE, .detail = "3 of 100" },
	{ .name = "none", .title = "there", .verdict = VERDICT_NOT_APPLICABLE, .detail = "not here" },
};

/* What a writer writes; the caller frees it. */
static char *written(void write(const struct output *o))
{
	char *text = NULL;
	size_t size = 0;
	struct output o = { .file = open_memstream(&text, &size) };

	assert_non_null(o.file);
	write(&o);
	fclose(o.file);
	return text;
}

static void write_tap(const struct output *o)
{
	tap_write(o, cases, 4);
}

static void tap(void **state)
{
	char *text = written(write_tap);

	(void)state;
	assert_string_equal(text, "TAP version 13\n"
				  "1..4\n"
				  "ok 1 - good: all is well\n"
				  "not ok 2 - bad: a \\# and <it>\n"
				  "  ---\n"
				  "  verdict: fail\n"
				  "  message: 'it''s \"broken\"\\x0a\\x1b[31m & <gone> # TODO'\n"
				  "  ...\n"
				  "not ok 3 - few: enough\n"
				  "  ---\n"
				  "  verdict: inconclusive\n"
				  "  message: '3 of 100'\n"
				  "  ...\n"
				  "ok 4 - none: there # SKIP not here\n");
	free(text);
}

static void write_junit(const struct output *o)
{
	const struct junit_property property = { "k\"", "<v>" };

	junit_write(o, "suite", &property, 1, cases, 4);
}

static void junit(void **state)
{
	char *text = written(write_junit);

	(void)state;
	assert_string_equal(text,
			    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			    "<testsuite name=\"suite\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"1.501\">\n"
			    "  <properties>\n"
			    "    <property name=\"k&quot;\" value=\"&lt;v&gt;\"/>\n"
			    "  </properties>\n"
			    "  <testcase classname=\"suite\" name=\"good\" time=\"1.500\"/>\n"
			    "  <testcase classname=\"suite\" name=\"bad\" time=\"0.001\">\n"
			    "    <failure message=\"it's &quot;broken&quot;\\x0a\\x1b[31m &amp; &lt;gone&gt; # TODO\"/>\n"
			    "  </testcase>\n"
			    "  <testcase classname=\"suite\" name=\"few\" time=\"0.000\">\n"
			    "    <error message=\"3 of 100\"/>\n"
			    "  </testcase>\n"
			    "  <testcase classname=\"suite\" name=\"none\" time=\"0.000\">\n"
			    "    <skipped message=\"not here\"/>\n"
			    "  </testcase>\n"
			    "</testsuite>\n");
	free(text);
}

/* A broken invariant, an abort count from outside, and what is unknown. */
static void write_report(const struct output *o)
{
	struct host_facts host = { .has = HOST_AUXV, .kernel = "7.2", .arch = "x86_64" };
	struct invariant_facts invariants[] = { { "sum", "none is lost", 0, "one is" }, { "torn", "whole", -1, "no occasion" } };
	const char *disturb[] = { "signal" };
	struct unknown unknown = { "causes", "nobody counts" };
	struct stress_result result = {
		.has = STRESS_NS_PER_OP | STRESS_KERNEL_ABORTS | STRESS_ABORTS, .workload = "counter", .disturb = disturb,
		.n_disturb = 1, .verdict = VERDICT_FAIL, .gate = VERDICT_PASS, .operations = 5, .aborts = 7,
		.picoseconds = 489, .kernel = { .total = 7 }, .invariants = invariants, .n_invariants = 2,
		.unknown = &unknown, .n_unknown = 1,
	};
	struct stress_facts facts = {
		.host = &host, .seed = 9, .threads = 8, .results = &result, .n_results = 1, .verdict = VERDICT_FAIL,
		.environment = { .owner = "libc" },
	};

	assert_int_equal(stress_report(o, &facts, "0"), 0);
}

static void write_report_json(const struct output *o)
{
	struct output json = *o;

	json.format = FORMAT_JSON;
	write_report(&json);
}

static void report(void **state)
{
	char *text = written(write_report), *json = written(write_report_json);

	(void)state;
	assert_non_null(strstr(text, "broken: counter: none is lost: one is\n"));
	assert_non_null(strstr(text, "again: rseqctl stress --workload counter --threads 8 --seed 9 --disturb signal --owner libc\n"));
	assert_non_null(strstr(text, "unknown: causes: nobody counts\n"));
	assert_non_null(strstr(json, "\"ns_per_op\": 0.489"));
	assert_non_null(strstr(json, "\"kernel_aborts\": 7"));
	assert_non_null(strstr(json, "\"causes\": null"));
	assert_non_null(strstr(json, "\"inject\": null"));
	assert_non_null(strstr(json, "\"verdict\": \"fail\""));
	free(text);
	free(json);
}

/* A counter of aborts from outside: when it is asked, and what becomes of its answer. */
struct fake {
	pid_t pid;
	int error, asked;
};

static int fake_start(void *data, pid_t pid, const char **ret_why)
{
	struct fake *f = data;

	assert_true(pid > 0 && pid != getpid());
	assert_int_equal(kill(pid, 0), 0);
	f->pid = pid;
	*ret_why = "may not";
	return f->error;
}

static int fake_stop(void *data, struct abort_counts *ret, const char **ret_why)
{
	struct fake *f = data;

	/* Nobody is left whose aborts could still come. */
	assert_int_equal(kill(f->pid, 0), -1);
	f->asked++;
	*ret = (struct abort_counts){ .has = ABORT_TOTAL, .total = 42 };
	*ret_why = "no causes";
	return 0;
}

static void run_counted(struct fake *f, struct arena *arena, struct stress_result *ret)
{
	struct abort_counter counter = { fake_start, fake_stop, f };
	struct stress_options options = {
		.threads = 2, .operations = 100, .seed = 1, .fault = -1, .disturb = 1u << 4, .counter = &counter,
		.own_registration = !registration_libc_area(), .length = 32,
	};
	const char *why = "";
	int r;

	if (!critical_is_supported() || registration_available() < 0)
		skip();
	assert_int_equal(sched_getaffinity(0, sizeof(options.cpus), &options.cpus), 0);
	r = stress_run(&options, 0, NULL, NULL, arena, ret, &why);
	if (r < 0)
		fail_msg("%s", why);
	assert_int_equal(ret->operations, 100);
}

static void counted_from_outside(void **state)
{
	struct arena arena = { 0 };
	struct stress_result result;
	struct fake good = { 0 }, bad = { .error = -EPERM };

	(void)state;
	run_counted(&good, &arena, &result);
	assert_int_equal(good.asked, 1);
	assert_true(result.has & STRESS_KERNEL_ABORTS);
	assert_int_equal(result.kernel.total, 42);
	assert_int_equal(result.n_unknown, 1);
	assert_string_equal(result.unknown[0].what, "causes");
	assert_string_equal(result.unknown[0].why, "no causes");

	run_counted(&bad, &arena, &result);
	assert_int_equal(bad.asked, 0);
	assert_false(result.has & STRESS_KERNEL_ABORTS);
	assert_int_equal(result.n_unknown, 2);
	assert_string_equal(result.unknown[0].what, "kernel_aborts");
	assert_string_equal(result.unknown[0].why, "may not");
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worst_verdict), cmocka_unit_test(tables), cmocka_unit_test(cpu_lists), cmocka_unit_test(tap),
		cmocka_unit_test(junit), cmocka_unit_test(report), cmocka_unit_test(counted_from_outside),
	};

	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
