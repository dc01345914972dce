/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of rseq()'s answers. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/answer.h"

static void test_one_of(void **state)
{
	(void)state;
	assert_true(answer_is_one_of("EINVAL", "EINVAL"));
	assert_true(answer_is_one_of("0", "EINVAL or 0"));
	assert_true(answer_is_one_of("EFAULT", "EFAULT or SIGSEGV"));
	assert_true(answer_is_one_of("SIGSEGV", "EFAULT or SIGSEGV"));
	assert_false(answer_is_one_of("EPERM", "EFAULT or SIGSEGV"));
	assert_false(answer_is_one_of("0", "EINVAL"));
	/* Not by a part of a word. */
	assert_false(answer_is_one_of("EFAUL", "EFAULT"));
	assert_false(answer_is_one_of("SEGV", "SIGSEGV"));
	assert_false(answer_is_one_of("signal 1", "signal 11"));
}

static void test_names(void **state)
{
	char word[ANSWER_WORD_MAX];

	(void)state;
	assert_string_equal(answer_name(0, word), "0");
	assert_string_equal(answer_name(-EINVAL, word), "EINVAL");
	assert_string_equal(answer_name(-ENOSYS, word), "ENOSYS");
	assert_string_equal(answer_name(-250, word), "errno 250");
	assert_string_equal(answer_name(ANSWER_SIGNAL + SIGSEGV, word), "SIGSEGV");
	assert_string_equal(answer_name(ANSWER_SIGNAL + SIGABRT, word), "signal 6");
	assert_string_equal(answer_name(ANSWER_NONE, word), "no process");
}

static int die(void *data)
{
	return raise(*(int *)data);
}

static int refuse(void *data)
{
	return -*(int *)data;
}

static void test_in_child(void **state)
{
	int sig = SIGUSR2, outside = SIGKILL, error = EBUSY, none = 0;

	(void)state;
	assert_int_equal(answer_in_child(die, &sig), ANSWER_SIGNAL + SIGUSR2);
	/* That comes from outside, as from a kernel that wants memory, and answers nothing. */
	assert_int_equal(answer_in_child(die, &outside), ANSWER_NONE);
	assert_int_equal(answer_in_child(refuse, &error), -EBUSY);
	assert_int_equal(answer_in_child(refuse, &none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_of),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_in_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
