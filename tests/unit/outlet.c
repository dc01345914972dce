/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing to a pipe whose reader reads, stands still, or is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "util/outlet.h"

enum { LINE = 100, LINES = 20000 };

static bool is_set(void *ctx)
{
	return *(bool *)ctx;
}

static FILE *open_pipe(int pair[2], bool *over, struct outlet **outlet)
{
	FILE *file, *stream;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	file = fdopen(pair[1], "w");
	assert_non_null(file);
	stream = outlet_open(file, 200, is_set, over, outlet);
	assert_non_null(stream);
	return stream;
}

static void write_lines(FILE *stream, size_t n)
{
	char line[LINE];

	memset(line, 'x', sizeof(line));
	line[LINE - 1] = '\n';
	for (size_t i = 0; i < n && !ferror(stream); i++)
		fwrite(line, 1, sizeof(line), stream);
	fflush(stream);
}

static void *read_all(void *ctx)
{
	static char buffer[1000];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(*(int *)ctx, buffer, sizeof(buffer))) > 0)
		sum += (size_t)n;
	return (void *)sum;
}

static void slow_reader(void **state)
{
	bool over = false;
	struct outlet *outlet;
	pthread_t reader;
	int pair[2];
	void *sum;
	FILE *stream = open_pipe(pair, &over, &outlet);

	(void)state;
	assert_int_equal(pthread_create(&reader, NULL, read_all, &pair[0]), 0);
	write_lines(stream, LINES);
	assert_false(outlet_is_closed(outlet));
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(pthread_join(reader, &sum), 0);
	assert_int_equal((size_t)sum, LINE * LINES);
	close(pair[0]);
}

/* Once it is over, writing ends, soon, and says so; and never waits again. */
static void no_reader(void **state)
{
	bool over = true;
	struct outlet *outlet;
	int pair[2];
	FILE *stream = open_pipe(pair, &over, &outlet);

	(void)state;
	alarm(120);
	write_lines(stream, LINES);
	assert_true(ferror(stream));
	for (int i = 0; i < 1000; i++) {
		fputc('x', stream);
		assert_int_not_equal(fflush(stream), 0);
	}
	errno = 0;
	assert_int_not_equal(fclose(stream), 0);
	assert_int_equal(errno, ETIME);
	alarm(0);
	close(pair[0]);
}

static void closed(void **state)
{
	bool over = false;
	struct outlet *outlet;
	int pair[2];
	FILE *stream = open_pipe(pair, &over, &outlet);

	(void)state;
	assert_false(outlet_is_closed(outlet));
	close(pair[0]);
	assert_true(outlet_is_closed(outlet));
	write_lines(stream, 1);
	errno = 0;
	assert_int_not_equal(fclose(stream), 0);
	assert_int_equal(errno, EPIPE);
}

static void regular_file(void **state)
{
	bool over = true;
	struct outlet *outlet;
	FILE *file = tmpfile(), *stream;
	int fd;

	(void)state;
	assert_non_null(file);
	fd = dup(fileno(file));
	stream = outlet_open(file, 200, is_set, &over, &outlet);
	write_lines(stream, LINES);
	assert_false(outlet_is_closed(outlet));
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), LINE * LINES);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(no_reader),
		cmocka_unit_test(closed),
		cmocka_unit_test(regular_file),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("outlet", tests, NULL, NULL);
}
