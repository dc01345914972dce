/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rseq() answers to each call that it must refuse, and to those that it must not. What differs between
 * classes of kernels is judged only where the class is known.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/answer.h"
#include "probe/probes.h"
#include "probe/thread.h"
#include "util/array.h"

enum { LENGTH = RSEQ_ORIGINAL_LENGTH, OTHER_LENGTH = 64, FLAG_SLICE = 2, FLAG_NONE = 4 };

enum before { NEVER, REGISTERED, FORMERLY };
enum place { NOWHERE, AREA, OTHER_AREA, ASKEW, KERNEL, UNMAPPED, READ_ONLY };

static const struct question {
	const char *what;
	enum before before; /* what the thread was when it called */
	enum place place;
	uint32_t length;
	int flags;
	bool other_signature;
	const char *expected, *by_class[CLASS_SPLIT - CLASS_ORIGINAL + 1];
} questions[] = {
	{ "nothing at all", NEVER, NOWHERE, .expected = "EINVAL" },
	{ "register", NEVER, AREA, LENGTH, .expected = "0" },
	{ "register, unknown flag", NEVER, AREA, LENGTH, FLAG_NONE, .expected = "EINVAL" },
	/* 7.0.0 to 7.0.9 cannot be told from 6.19. */
	{ "register, flag 2", NEVER, AREA, LENGTH, FLAG_SLICE, .by_class = { "EINVAL", "EINVAL", "EINVAL or 0", "0" } },
	{ "register, 31 bytes", NEVER, AREA, LENGTH - 1, .expected = "EINVAL" },
	{ "register, aligned to 8", NEVER, ASKEW, LENGTH, .expected = "EINVAL" },
	{ "register, kernel address", NEVER, KERNEL, LENGTH, .expected = "EFAULT" },
	/* Stable kernels learned to look before; the others kill at once. */
	{ "register, unmapped page", NEVER, UNMAPPED, LENGTH,
	  .by_class = { "EFAULT or SIGSEGV", "EFAULT or SIGSEGV", "EFAULT", "EFAULT" } },
	{ "register, read-only page", NEVER, READ_ONLY, LENGTH,
	  .by_class = { "EFAULT or SIGSEGV", "EFAULT or SIGSEGV", "EFAULT", "EFAULT" } },
	{ "register again", REGISTERED, AREA, LENGTH, .expected = "EBUSY" },
	{ "register again, other area", REGISTERED, OTHER_AREA, LENGTH, .expected = "EINVAL" },
	{ "register again, other length", REGISTERED, AREA, OTHER_LENGTH, .expected = "EINVAL" },
	{ "register again, other signature", REGISTERED, AREA, LENGTH, .other_signature = true, .expected = "EPERM" },
	{ "unregister", REGISTERED, AREA, LENGTH, ANSWER_UNREGISTER, .expected = "0" },
	{ "unregister, flag 2", REGISTERED, AREA, LENGTH, ANSWER_UNREGISTER | FLAG_SLICE, .expected = "EINVAL" },
	{ "unregister, other area", REGISTERED, OTHER_AREA, LENGTH, ANSWER_UNREGISTER, .expected = "EINVAL" },
	{ "unregister, other length", REGISTERED, AREA, OTHER_LENGTH, ANSWER_UNREGISTER, .expected = "EINVAL" },
	{ "unregister, other signature", REGISTERED, AREA, LENGTH, ANSWER_UNREGISTER, true, .expected = "EPERM" },
	/* Old ones say EFAULT, but kill whoever is interrupted before: always under strace(1). */
	{ "unregister, read-only area", REGISTERED, READ_ONLY, LENGTH, ANSWER_UNREGISTER,
	  .by_class = { "EFAULT or SIGSEGV", "EFAULT or SIGSEGV", "SIGSEGV", "SIGSEGV" } },
	{ "unregister, never registered", NEVER, AREA, LENGTH, ANSWER_UNREGISTER, .expected = "EINVAL" },
	{ "unregister twice", FORMERLY, AREA, LENGTH, ANSWER_UNREGISTER, .expected = "EINVAL" },
	{ "unregister, register elsewhere", FORMERLY, OTHER_AREA, LENGTH, .other_signature = true, .expected = "0" },
};

static char areas[2][REGISTRATION_LENGTH_MAX] __attribute__((aligned(REGISTRATION_ALIGN)));

static void *page(void)
{
	void *p = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *where(const struct question *q)
{
	switch (q->place) {
	case NOWHERE:
		return NULL;
	case OTHER_AREA:
		return areas[1];
	case ASKEW:
		return areas[0] + 8;
	case KERNEL:
		return (void *)-4096L;
	case UNMAPPED:
	case READ_ONLY:
		return page();
	default:
		return areas[0];
	}
}

static int prepare(struct probe_run *r, const struct question *q, void *area)
{
	void *own = q->place == READ_ONLY ? area : areas[0];
	int e = q->before == NEVER ? 0 : answer_rseq(own, LENGTH, 0, critical_signature());

	if (e == 0 && (q->before == FORMERLY || (q->before && probe_has_fault(r, PROBE_FAULT_UNREGISTERED))))
		e = answer_rseq(own, LENGTH, ANSWER_UNREGISTER, critical_signature());
	if (q->place == READ_ONLY && (!area || mprotect(area, (size_t)sysconf(_SC_PAGESIZE), PROT_READ) < 0))
		e = -ENOMEM;
	if (q->place == UNMAPPED && (!area || munmap(area, (size_t)sysconf(_SC_PAGESIZE)) < 0))
		e = -ENOMEM;
	return e;
}

struct asking {
	struct probe_run *run;
	const struct question *question;
};

static int ask(void *data)
{
	const struct asking *a = data;
	const struct question *q = a->question;
	void *area = where(q);
	int e = prepare(a->run, q, area);

	return e ? e : answer_rseq(area, q->length, q->flags, critical_signature() ^ (q->other_signature ? ~0u : 0));
}

static const char *expected(const struct question *q, uint32_t rseq_class)
{
	if (q->expected)
		return q->expected;
	return rseq_class >= CLASS_ORIGINAL && rseq_class <= CLASS_SPLIT ? q->by_class[rseq_class - CLASS_ORIGINAL] : NULL;
}

/* Whether there was an answer. */
static bool compare(struct probe_run *r, const struct question *q)
{
	struct asking a = { r, q };
	const char *words = expected(q, r->options->rseq_class), *seen;
	int answer = answer_in_child(ask, &a);
	char word[ANSWER_WORD_MAX];

	if (answer == ANSWER_NONE)
		return false;
	seen = answer_name(answer, word);
	probe_row(r, words ? answer_is_one_of(seen, words) : -1, words ? words : "by the kernel's class", seen, "%s", q->what);
	return true;
}

static void run_errno(struct probe_run *r)
{
	size_t asked = 0;

	if (!probe_thread_free(r))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		asked += compare(r, &questions[i]);
	if (asked < ARRAY_SIZE(questions))
		probe_unknown(r, "%zu of %zu calls could not be tried: no process or memory for them",
			      ARRAY_SIZE(questions) - asked, ARRAY_SIZE(questions));
	else
		probe_pass(r, "%zu calls", asked);
}

const struct probe probe_errno = { .id = "errno", .title = "rseq() answers each call as it should", .run = run_errno };
