/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each section does when nothing interrupts it, what an abort leaves behind, and that each fault lets one through. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "critical/critical.h"
#include "critical/registration.h"

/* Some 20 ms, which is long against the timer. */
#define LONG_DELAY 50000000

static _Alignas(REGISTRATION_ALIGN) char own_area[REGISTRATION_ALIGN];

static void nothing(int sig)
{
	(void)sig;
}

static void timer(long microseconds)
{
	struct itimerval every = { { 0, microseconds }, { 0, microseconds } };

	signal(SIGALRM, nothing);
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

/* The area of this thread, whoever registered it; the tests that need one skip without. */
static void need_area(struct critical *c)
{
	void *area = registration_libc_area();

	if (!critical_is_supported() || registration_available() < 0)
		skip();
	if (!area && !registration_length(own_area, 0))
		assert_int_equal(registration_register(own_area, 32), 0);
	critical_init(c, area ? area : own_area, false);
}

/* Until it is done: something else may interrupt at any time. */
#define RETRY(section)                                                                             \
	({                                                                                         \
		enum critical_result r_;                                                           \
		uint32_t index;                                                                    \
		do {                                                                               \
			index = critical_index(&c);                                                \
			r_ = section;                                                              \
		} while (r_ == CRITICAL_ABORTED || r_ == CRITICAL_MOVED);                          \
		r_;                                                                                \
	})

static void numbers_and_lists(void **state)
{
	struct critical c;
	struct critical_node nodes[2] = { 0 }, *head = NULL, *got;
	uint64_t counter = 5, lock = 0, slots[8] = { 0 };

	(void)state;
	need_area(&c);
	assert_int_equal(RETRY(critical_add(&c, index, &counter, 7)), CRITICAL_DONE);
	assert_int_equal(counter, 12);
	assert_int_equal(critical_add(&c, 0xfffffff0, &counter, 7), CRITICAL_MOVED);
	assert_int_equal(counter, 12);

	assert_int_equal(RETRY(critical_pop(&c, index, &head, &got)), CRITICAL_OTHER);
	assert_int_equal(RETRY(critical_push(&c, index, &head, &nodes[0])), CRITICAL_DONE);
	assert_int_equal(RETRY(critical_push(&c, index, &head, &nodes[1])), CRITICAL_DONE);
	assert_int_equal(RETRY(critical_pop(&c, index, &head, &got)), CRITICAL_DONE);
	assert_ptr_equal(got, &nodes[1]);
	assert_ptr_equal(head, &nodes[0]);

	assert_int_equal(RETRY(critical_lock(&c, index, &lock)), CRITICAL_DONE);
	assert_int_equal(RETRY(critical_lock(&c, index, &lock)), CRITICAL_OTHER);
	critical_unlock(&lock);
	assert_int_equal(RETRY(critical_lock(&c, index, &lock)), CRITICAL_DONE);

	critical_init(&c, (void *)((uintptr_t)c.publish - 8), false);
	c.start = c.key = &(uint32_t){ 0 };
	critical_count(&c, slots, 3, 1000);
	assert_int_equal(slots[0], 1000);
}

static void rings(void **state)
{
	struct critical c;
	uint64_t words[2], records[2][CRITICAL_RECORD_WORDS], in[CRITICAL_RECORD_WORDS], out[CRITICAL_RECORD_WORDS], got;
	struct critical_ring ring = { 0, 2, words }, copies = { 0, 2, &records[0][0] };

	(void)state;
	need_area(&c);
	assert_int_equal(RETRY(critical_take(&c, index, &ring, &got)), CRITICAL_OTHER);
	assert_int_equal(RETRY(critical_put(&c, index, &ring, 11)), CRITICAL_DONE);
	assert_int_equal(RETRY(critical_put(&c, index, &ring, 22)), CRITICAL_DONE);
	assert_int_equal(RETRY(critical_put(&c, index, &ring, 33)), CRITICAL_OTHER);
	assert_int_equal(RETRY(critical_take(&c, index, &ring, &got)), CRITICAL_DONE);
	assert_int_equal(got, 22);
	assert_int_equal(ring.used, 1);

	assert_int_equal(RETRY(critical_copy_out(&c, index, &copies, out)), CRITICAL_OTHER);
	for (uint64_t n = 1; n <= 2; n++) {
		for (size_t i = 0; i < CRITICAL_RECORD_WORDS; i++)
			in[i] = n * 100 + i;
		assert_int_equal(RETRY(critical_copy_in(&c, index, &copies, in)), CRITICAL_DONE);
	}
	assert_int_equal(RETRY(critical_copy_in(&c, index, &copies, in)), CRITICAL_OTHER);
	assert_int_equal(RETRY(critical_copy_out(&c, index, &copies, out)), CRITICAL_DONE);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(records[0][7], 107);
}

static void windows(void **state)
{
	struct critical c;
	uint64_t mark = 0, counter = 0, live = 0, poison = 77, *active = &live;

	(void)state;
	need_area(&c);
	assert_int_equal(RETRY(critical_window(&c, index, &mark, 9, &counter, 3)), CRITICAL_DONE);
	assert_int_equal(mark, 9);
	assert_int_equal(RETRY(critical_deref(&c, index, &active, &counter, 4)), CRITICAL_DONE);
	assert_int_equal(counter, 7);
	active = &poison;
	assert_int_equal(RETRY(critical_deref(&c, index, &active, &counter, 4)), CRITICAL_OTHER);
	assert_int_equal(c.seen, 77);
	assert_int_equal(counter, 7);
}

/* With a delay at that step and a timer that goes off meanwhile: what comes back, and whether it was done. */
static void interrupted(enum critical_delay step, uint64_t descriptor, bool publish, enum critical_result expected, uint64_t done)
{
	struct critical c;
	uint64_t counter = 0, elsewhere;
	enum critical_result r;

	need_area(&c);
	c.delay[step] = LONG_DELAY;
	c.descriptor = descriptor;
	if (!publish)
		c.publish = &elsewhere;
	do /* A move is no answer: the thread can go to another CPU just before. */
		r = critical_add(&c, critical_index(&c), &counter, 1);
	while (r == CRITICAL_MOVED);
	assert_int_equal(r, expected);
	assert_int_equal(counter, done);
	assert_int_equal(c.aborts, expected == CRITICAL_ABORTED);
}

/* Between two words of a record that is copied. */
static void copy_interrupted(void)
{
	uint64_t room[CRITICAL_RECORD_WORDS] = { 0 }, record[CRITICAL_RECORD_WORDS] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct critical_ring ring = { 0, 1, room };
	enum critical_result r;
	struct critical c;

	need_area(&c);
	c.delay[DELAY_COPYING] = LONG_DELAY / CRITICAL_RECORD_WORDS;
	do
		r = critical_copy_in(&c, critical_index(&c), &ring, record);
	while (r == CRITICAL_MOVED);
	assert_int_equal(r, CRITICAL_ABORTED);
	assert_int_equal(ring.used, 0);
	assert_int_equal(room[CRITICAL_RECORD_WORDS - 1], 0);
}

static void aborts(void **state)
{
	(void)state;
	timer(1000);
	interrupted(DELAY_BEFORE, CRITICAL_RIGHT, true, CRITICAL_DONE, 1);
	interrupted(DELAY_PUBLISHED, CRITICAL_RIGHT, true, CRITICAL_ABORTED, 0);
	interrupted(DELAY_COMPARED, CRITICAL_RIGHT, true, CRITICAL_ABORTED, 0);
	interrupted(DELAY_LOADED, CRITICAL_RIGHT, true, CRITICAL_ABORTED, 0);
	interrupted(DELAY_STORING, CRITICAL_RIGHT, true, CRITICAL_ABORTED, 0);
	interrupted(DELAY_COMMITTED, CRITICAL_RIGHT, true, CRITICAL_DONE, 1);
	copy_interrupted();
	timer(0);
}

static void faults_let_interrupts_through(void **state)
{
	(void)state;
	timer(1000);
	interrupted(DELAY_STORING, CRITICAL_RIGHT, false, CRITICAL_DONE, 1);
	interrupted(DELAY_LOADED, CRITICAL_LATE_START, true, CRITICAL_DONE, 1);
	interrupted(DELAY_STORING, CRITICAL_LATE_START, true, CRITICAL_ABORTED, 0);
	interrupted(DELAY_STORING, CRITICAL_LATE_COMMIT, true, CRITICAL_DONE, 1);
	interrupted(DELAY_LOADED, CRITICAL_LATE_COMMIT, true, CRITICAL_ABORTED, 0);
	interrupted(DELAY_COMMITTED, CRITICAL_LATE_END, true, CRITICAL_ABORTED, 1);
	timer(0);
}

static void lengths(void **state)
{
	static _Alignas(REGISTRATION_ALIGN) char area[REGISTRATION_LENGTH_MAX];
	uint32_t length, libc_length = 0;
	void *libc_area = registration_libc_area();

	(void)state;
	if (registration_available() < 0)
		skip();
	if (libc_area) {
		libc_length = registration_length(libc_area, 0);
		assert_true(libc_length >= 32);
		assert_int_equal(registration_unregister(libc_area, libc_length), 0);
		assert_int_equal(registration_length(libc_area, 0), 0);
		assert_null(registration_libc_area());
	} else if (registration_length(own_area, 0)) {
		assert_int_equal(registration_unregister(own_area, 32), 0);
	}
	assert_int_equal(registration_register(area, 32), 0);
	assert_int_equal(registration_length(area, 0), 32);
	assert_int_equal(registration_unregister(area, 32), 0);
	length = registration_usual_length();
	assert_int_equal(registration_register(area, length), 0);
	assert_int_equal(registration_length(area, 0), length);
	assert_int_equal(registration_unregister(area, length), 0);
	if (libc_area)
		assert_int_equal(registration_register(libc_area, libc_length), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_lists), cmocka_unit_test(rings), cmocka_unit_test(windows),
		cmocka_unit_test(aborts), cmocka_unit_test(faults_let_interrupts_through), cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("critical", tests, NULL, NULL);
}
