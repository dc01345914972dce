/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's class by what it was seen doing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/behaviour.h"

/* What was seen: verdicts, 0 for not asked; what an unwritable area led to; -1: no auxiliary vector was read. */
struct seen {
	int size;
	uint32_t call, cpu_id_start, read_only;
	const char *unwritable;
};

static const struct seen original = { 0, VERDICT_PASS, VERDICT_PASS, VERDICT_SKIP, "EFAULT" },
			 extensible = { 28, VERDICT_PASS, VERDICT_PASS, VERDICT_SKIP, "EFAULT" },
			 rewrite_619 = { 28, VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP, "SIGSEGV" },
			 rewrite_70 = { 33, VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP, "SIGSEGV" },
			 split = { 33, VERDICT_PASS, VERDICT_PASS, VERDICT_PASS, "SIGSEGV" };

static void add(struct kernel_behaviour *b, const char *id, uint32_t verdict, const char *seen)
{
	struct check_row row = { .what = "", .expected = "", .seen = seen ? seen : "", .ok = verdict == VERDICT_PASS };
	struct check_result r = { .id = id, .verdict = verdict, .rows = &row, .n_rows = 1 };

	if (verdict)
		behaviour_add(b, &r);
}

static struct kernel_behaviour behave(const struct seen *s)
{
	struct kernel_behaviour b = { 0 };

	if (s->size >= 0)
		behaviour_add_size(&b, (uint64_t)s->size);
	add(&b, "syscall", s->call, NULL);
	add(&b, "cpu_id_start", s->cpu_id_start, NULL);
	add(&b, "read-only", s->read_only, NULL);
	add(&b, BEHAVIOUR_UNWRITABLE, s->unwritable ? VERDICT_PASS : VERDICT_UNKNOWN, s->unwritable);
	return b;
}

/* why: part of the reason where there is no class */
static void expect(const struct seen *s, enum rseq_class by_types, enum rseq_class class, const char *why)
{
	struct kernel_behaviour b = behave(s);
	struct host_facts host = { .rseq_class = by_types };
	struct arena arena = { 0 };

	behaviour_settle(&b, &host, &arena);
	assert_string_equal(rseq_class_names[host.rseq_class], rseq_class_names[class]);
	assert_int_equal(host.n_unknown, class == CLASS_UNKNOWN);
	if (class == CLASS_UNKNOWN) {
		assert_string_equal(host.unknown[0].what, "rseq_class");
		assert_non_null(strstr(host.unknown[0].why, why));
	}
	arena_done(&arena);
}

static void without_types(void **state)
{
	(void)state;
	expect(&original, CLASS_UNKNOWN, CLASS_ORIGINAL, NULL);
	expect(&extensible, CLASS_UNKNOWN, CLASS_EXTENSIBLE, NULL);
	expect(&rewrite_619, CLASS_UNKNOWN, CLASS_REWRITE, NULL);
	expect(&rewrite_70, CLASS_UNKNOWN, CLASS_REWRITE, NULL);
	expect(&split, CLASS_UNKNOWN, CLASS_SPLIT, NULL);
}

static void with_types(void **state)
{
	(void)state;
	expect(&original, CLASS_ORIGINAL, CLASS_ORIGINAL, NULL);
	expect(&extensible, CLASS_EXTENSIBLE, CLASS_EXTENSIBLE, NULL);
	expect(&rewrite_70, CLASS_REWRITE, CLASS_REWRITE, NULL);
	expect(&split, CLASS_SPLIT, CLASS_SPLIT, NULL);
}

static void too_little(void **state)
{
	struct seen s = { -1, 0, 0, 0, NULL };

	(void)state;
	expect(&s, CLASS_UNKNOWN, CLASS_UNKNOWN, "does not tell enough");
	expect(&s, CLASS_REWRITE, CLASS_REWRITE, NULL); /* nothing against it */
	s = (struct seen){ 33, VERDICT_PASS, VERDICT_UNKNOWN, 0, "?" };
	expect(&s, CLASS_UNKNOWN, CLASS_UNKNOWN, "does not tell enough");
	s = (struct seen){ 28, VERDICT_FAIL, VERDICT_SKIP, VERDICT_SKIP, "?" }; /* denied by a filter */
	expect(&s, CLASS_EXTENSIBLE, CLASS_EXTENSIBLE, NULL);
	expect(&s, CLASS_UNKNOWN, CLASS_UNKNOWN, "does not tell enough");
	s = (struct seen){ 0, VERDICT_FAIL, VERDICT_SKIP, VERDICT_SKIP, "?" }; /* absent, or original and denied */
	expect(&s, CLASS_UNKNOWN, CLASS_UNKNOWN, "does not tell enough");
	expect(&s, CLASS_ABSENT, CLASS_ABSENT, NULL);
}

/* What vendors made of it. */
static void mixtures(void **state)
{
	struct seen s = extensible;

	(void)state;
	s.size = 33; /* the slice extension on the old layout */
	expect(&s, CLASS_EXTENSIBLE, CLASS_UNKNOWN, "class extensible, and it behaves otherwise: it says a size");
	s = rewrite_70;
	s.cpu_id_start = VERDICT_PASS; /* the repair, without the types that came with it */
	expect(&s, CLASS_REWRITE, CLASS_UNKNOWN, "it rewrites cpu_id_start");
	s = split;
	s.cpu_id_start = VERDICT_FAIL;
	expect(&s, CLASS_SPLIT, CLASS_UNKNOWN, "does not rewrite cpu_id_start");
	s = split;
	s.unwritable = "EFAULT";
	expect(&s, CLASS_UNKNOWN, CLASS_UNKNOWN, "like no class");
}

/* A process that was killed has told nothing. */
static void killed(void **state)
{
	struct check_result r = { .id = "cpu_id_start", .verdict = VERDICT_FAIL };
	struct kernel_behaviour b = { 0 };
	struct kernel_promise p = { 0 };

	(void)state;
	behaviour_add(&b, &r);
	promise_add(&p, &r);
	assert_int_equal(b.excluded, 0);
	assert_int_equal(p.cpu_id_start, VERDICT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_types), cmocka_unit_test(with_types), cmocka_unit_test(too_little),
		cmocka_unit_test(mixtures),	 cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests_name("behaviour", tests, NULL, NULL);
}
