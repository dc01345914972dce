/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine that asks questions in processes of their own. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/probe.h"

/* Long enough for every machine: nothing here waits for it. */
#define LIMIT_NS UINT64_C(60000000000)

static void ask(void (*run)(struct probe_run *r), uint64_t limit_ns, struct check_result *ret)
{
	const struct probe p = { .id = "id", .title = "title", .run = run };
	const struct probe_options options = { .limit_ns = limit_ns, .first = true };
	static struct arena arena;

	assert_int_equal(probe_run(&p, &options, &arena, ret), 0);
	assert_string_equal(ret->id, "id");
}

static void run_pass(struct probe_run *r)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	/* It has children of its own, whose end it sees. */
	if (waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3)
		probe_pass(r, "as it should be");
}

static void run_because(struct probe_run *r)
{
	probe_because(r, "other");
	probe_fail(r, "why");
}

static void run_because_pass(struct probe_run *r)
{
	probe_because(r, "other");
	probe_pass(r, NULL);
}

static void run_hang(struct probe_run *r)
{
	(void)r;
	for (;;)
		pause();
}

static void test_children_that_nobody_waits_for(void **state)
{
	struct sigaction seen;
	struct check_result r;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	ask(run_pass, LIMIT_NS, &r);
	assert_int_equal(r.verdict, VERDICT_PASS);
	assert_string_equal(r.detail, "as it should be");
	assert_true(r.duration_ns < LIMIT_NS);
	/* The caller's is as it was. */
	sigaction(SIGCHLD, NULL, &seen);
	assert_ptr_equal(seen.sa_handler, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	ask(run_pass, LIMIT_NS, &r);
	assert_int_equal(r.verdict, VERDICT_PASS);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_because(void **state)
{
	struct check_result r;

	(void)state;
	ask(run_because, LIMIT_NS, &r);
	assert_int_equal(r.verdict, VERDICT_FAIL);
	assert_string_equal(r.because, "other");
	ask(run_because_pass, LIMIT_NS, &r);
	assert_int_equal(r.verdict, VERDICT_PASS);
	assert_null(r.because);
}

static void test_limit(void **state)
{
	struct check_result r;

	(void)state;
	ask(run_hang, 20000000, &r);
	assert_int_equal(r.verdict, VERDICT_FAIL);
	assert_string_equal(r.detail, "it did not end within 0.0 s");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children_that_nobody_waits_for),
		cmocka_unit_test(test_because),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
