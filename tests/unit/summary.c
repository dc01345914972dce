/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting processes by owner and by finding, and leaving findings out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/summary.h"

static void find(struct findings *f, int32_t pid, const char *id, enum severity severity)
{
	struct finding *one = findings_add(f);

	assert_non_null(one);
	one->subject.pid = pid;
	one->id = id;
	one->severity = severity;
	finding_evidence(f, one, "of process %d", pid);
}

static void add(struct summary *s, const struct findings *f, size_t first, struct owner owner,
		const char *version)
{
	struct process_facts p = { .owner = owner, .libc = { .name = "glibc", .version = version } };

	summary_add(s, &p, f, first);
}

static uint32_t owned_by(const struct summary *s, const char *owner)
{
	for (size_t i = 0; i < s->n_owners; i++)
		if (!strcmp(s->owners[i].owner, owner))
			return s->owners[i].processes;
	return 0;
}

static void owners(void **state)
{
	struct findings none = { 0 };
	struct summary s = { 0 };

	(void)state;
	add(&s, &none, 0, (struct owner){ .kind = OWNER_LIBC, .name = "glibc" }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_LIBC, .name = "glibc" }, "2.41");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_LIBC, .name = "glibc" }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_LIBC, .name = "glibc" }, NULL);
	/* libc's version has nothing to say about others */
	add(&s, &none, 0, (struct owner){ .kind = OWNER_OBJECT, .name = "tcmalloc", .object = "/a" }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_OBJECT, .name = "tcmalloc", .object = "/b" }, "2.41");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_OBJECT, .object = "/opt/x.so" }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_OBJECT }, "2.36");
	/* each raw owner has a mapping of its own */
	add(&s, &none, 0, (struct owner){ .kind = OWNER_RAW, .object = "[heap]" }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_RAW, .object = "anonymous mapping 1 - 2" }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_NONE }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_MIXED }, "2.36");
	add(&s, &none, 0, (struct owner){ .kind = OWNER_UNKNOWN }, "2.36");
	assert_int_equal(s.processes, 13);
	assert_int_equal(owned_by(&s, "glibc 2.36"), 2);
	assert_int_equal(owned_by(&s, "glibc 2.41"), 1);
	assert_int_equal(owned_by(&s, "glibc"), 1);
	assert_int_equal(owned_by(&s, "tcmalloc"), 2);
	assert_int_equal(owned_by(&s, "/opt/x.so"), 1);
	assert_int_equal(owned_by(&s, "object"), 1);
	assert_int_equal(owned_by(&s, "raw"), 2);
	assert_int_equal(owned_by(&s, "none"), 1);
	assert_int_equal(owned_by(&s, "mixed"), 1);
	assert_int_equal(owned_by(&s, "unknown"), 1);
	assert_int_equal(s.n_owners, 10);
	summary_sort(&s);
	assert_string_equal(s.owners[0].owner, "glibc 2.36");
	assert_string_equal(s.owners[1].owner, "raw");
	assert_string_equal(s.owners[2].owner, "tcmalloc");
	assert_int_equal(s.owners[3].processes, 1);
	summary_done(&s);
}

static void findings_of_processes(void **state)
{
	const struct owner owner = { .kind = OWNER_NONE };
	struct findings f = { 0 };
	struct summary s = { 0 };
	size_t first = 0;

	(void)state;
	/* the same finding about two threads is one process; another severity is another line */
	find(&f, 1, "thread-unregistered", SEVERITY_INFO);
	find(&f, 1, "thread-unregistered", SEVERITY_INFO);
	find(&f, 1, "thread-unregistered", SEVERITY_WARNING);
	add(&s, &f, first, owner, NULL);
	first = f.n;
	find(&f, 2, "thread-unregistered", SEVERITY_INFO);
	add(&s, &f, first, owner, NULL);
	first = f.n;
	find(&f, 3, "area-invalid", SEVERITY_ERROR);
	add(&s, &f, first, owner, NULL);
	add(&s, &f, f.n, owner, NULL);
	summary_sort(&s);
	assert_int_equal(s.n_findings, 3);
	assert_string_equal(s.findings[0].id, "area-invalid");
	assert_int_equal(s.findings[0].processes, 1);
	assert_int_equal(s.findings[1].severity, SEVERITY_WARNING);
	assert_int_equal(s.findings[1].processes, 1);
	assert_int_equal(s.findings[2].severity, SEVERITY_INFO);
	assert_int_equal(s.findings[2].processes, 2);
	for (int severity = SEVERITY_NONE; severity <= SEVERITY_ERROR; severity++)
		assert_int_equal(s.worst[severity], 1);
	summary_done(&s);
	findings_done(&f);
}

static void left_out(void **state)
{
	const char *const ids[] = { "b", "d" };
	struct findings f = { 0 };

	(void)state;
	assert_int_equal(findings_remove(&f, 0, ids, 2), 0);
	find(&f, 1, "b", SEVERITY_ERROR);
	find(&f, 1, "a", SEVERITY_INFO);
	find(&f, 2, "b", SEVERITY_ERROR);
	find(&f, 2, "c", SEVERITY_INFO);
	find(&f, 2, "d", SEVERITY_WARNING);
	assert_int_equal(findings_remove(&f, 0, ids, 0), 0);
	/* from there on: what comes before stays */
	assert_int_equal(findings_remove(&f, 2, ids, 2), 2);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.items[2].id, "c");
	assert_string_equal(f.items[2].evidence[0], "of process 2");
	assert_int_equal(findings_worst(&f, 2), SEVERITY_INFO);
	/* and there is room for more */
	find(&f, 3, "b", SEVERITY_ERROR);
	find(&f, 3, "e", SEVERITY_ERROR);
	assert_int_equal(findings_remove(&f, 0, ids, 1), 2);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.items[0].id, "a");
	assert_string_equal(f.items[2].id, "e");
	findings_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners),
		cmocka_unit_test(findings_of_processes),
		cmocka_unit_test(left_out),
	};

	return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
