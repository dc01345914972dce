/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From threads to the process, on made-up threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collect/conclude.h"

struct world {
	struct process_facts facts;
	struct target target;
};

/* Threads 100, 101, 103 in one anonymous mapping, at these distances from its start. */
static void make(struct world *w, const uint64_t *areas)
{
	static const int32_t tids[] = { 100, 101, 103 };

	*w = (struct world){ .target = { .facts = &w->facts, .from_kernel = true } };
	w->facts.threads = calloc(3, sizeof(*w->facts.threads));
	assert_non_null(w->facts.threads);
	w->facts.n_threads = 3;
	for (int i = 0; i < 3; i++)
		w->facts.threads[i] = (struct thread_facts){
			.has = THREAD_AREA | THREAD_REGISTRATION,
			.tid = tids[i],
			.registered = 1,
			.area = 0x10000 + areas[i],
			.owner = { .kind = OWNER_RAW, .place = PLACE_ANONYMOUS, .object = "anonymous mapping" },
		};
}

static void table(void **state)
{
	const uint64_t indexed[] = { 0, 64, 192 }, not_indexed[] = { 0, 64, 96 }, backwards[] = { 192, 128, 0 };
	struct world w;

	(void)state;
	make(&w, indexed);
	conclude_process(&w.target);
	assert_int_equal(w.facts.owner.kind, OWNER_RAW);
	assert_string_equal(w.facts.owner.detail, "a table indexed by thread id, 64 bytes each");
	process_facts_done(&w.facts);
	make(&w, not_indexed);
	conclude_process(&w.target);
	assert_null(w.facts.owner.detail);
	process_facts_done(&w.facts);
	make(&w, backwards);
	conclude_process(&w.target);
	assert_null(w.facts.owner.detail);
	process_facts_done(&w.facts);
}

static void owners(void **state)
{
	const uint64_t areas[] = { 0, 1, 2 };
	struct world w;

	(void)state;
	/* workers and exiting threads have no say */
	make(&w, areas);
	w.facts.threads[0].owner = (struct owner){ .kind = OWNER_LIBC, .name = "glibc" };
	w.facts.threads[0].worker = 1;
	w.facts.threads[1].owner = (struct owner){ .kind = OWNER_NONE };
	w.facts.threads[1].registered = 0;
	w.facts.threads[2].exiting = 1;
	conclude_process(&w.target);
	assert_int_equal(w.facts.owner.kind, OWNER_NONE);
	assert_int_equal(w.facts.threads_total, 3);
	assert_int_equal(w.facts.threads_unregistered, 1);
	process_facts_done(&w.facts);
	/* the same object's name does not make two paths one owner */
	make(&w, areas);
	for (int i = 0; i < 3; i++)
		w.facts.threads[i].owner = (struct owner){ .kind = OWNER_OBJECT, .object = i ? "/a.so" : "/b.so" };
	conclude_process(&w.target);
	assert_int_equal(w.facts.owner.kind, OWNER_MIXED);
	process_facts_done(&w.facts);
	/* one thread that is not known makes the rest no certainty of none */
	make(&w, areas);
	for (int i = 0; i < 3; i++)
		w.facts.threads[i].owner = (struct owner){ .kind = i ? OWNER_NONE : OWNER_UNKNOWN };
	conclude_process(&w.target);
	assert_int_equal(w.facts.owner.kind, OWNER_UNKNOWN);
	process_facts_done(&w.facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table), cmocka_unit_test(owners) };

	return cmocka_run_group_tests_name("conclude", tests, NULL, NULL);
}
