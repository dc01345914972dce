/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which areas can be registered, by length and alignment, against what the kernel tells every program of that. */
#include <inttypes.h>
#include <string.h>
#include <sys/auxv.h>

#include "probe/answer.h"
#include "probe/probes.h"
#include "probe/thread.h"
#include "util/array.h"

enum { ROOM = 4096 };

struct rule {
	uint32_t size, align; /* of the auxiliary vector; 0: a kernel that knows one length */
};

static bool is_good(const struct rule *rule, uint32_t length, uint32_t offset)
{
	if (length == RSEQ_ORIGINAL_LENGTH)
		return offset % RSEQ_ORIGINAL_LENGTH == 0;
	return rule->size && length > RSEQ_ORIGINAL_LENGTH && length >= rule->size && offset % rule->align == 0;
}

/* "0" only when the kernel keeps that area afterwards, with that length. */
static const char *ask(struct probe_run *r, void *place, uint32_t length, char word[ANSWER_WORD_MAX])
{
	struct rseq_area *area = place;
	int e;

	probe_area_spoil(area);
	e = answer_rseq(area, length, 0, critical_signature());
	if (e)
		return answer_name(e, word);
	if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
		registration_unregister(area, length);
	if (!probe_area_is_kept(area, length)) {
		registration_unregister(area, length);
		return "0, and not kept";
	}
	e = registration_unregister(area, length);
	if (e)
		return "0, and cannot be undone";
	return "0";
}

static void compare(struct probe_run *r, const struct rule *rule, uint32_t length, uint32_t offset)
{
	static char room[2 * ROOM] __attribute__((aligned(ROOM)));
	const char *expected = is_good(rule, length, offset) ? "0" : "EINVAL", *seen;
	char word[ANSWER_WORD_MAX];

	seen = ask(r, room + offset, length, word);
	probe_row(r, !strcmp(seen, expected), expected, seen, "%" PRIu32 " bytes at a multiple of %" PRIu32, length,
		  offset ? offset : ROOM);
}

static void run_lengths(struct probe_run *r)
{
	static const uint32_t offsets[] = { 8, 16, 32, 64, 128 };
	struct rule rule = { (uint32_t)getauxval(AUXV_RSEQ_FEATURE_SIZE), (uint32_t)getauxval(AUXV_RSEQ_ALIGN) };
	uint32_t lengths[] = { 0, 20, 28, 31, RSEQ_ORIGINAL_LENGTH, 33, rule.size, 40, 64, ROOM };
	uint32_t longer = rule.size > 33 ? rule.size : 33;

	if (rule.size > ROOM || (rule.size && (!rule.align || ROOM % rule.align))) {
		probe_fail(r, "the kernel says %" PRIu32 " bytes, aligned to %" PRIu32, rule.size, rule.align);
		return;
	}
	if (!probe_thread_free(r))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		if (i == 0 || lengths[i] > lengths[i - 1])
			compare(r, &rule, lengths[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		compare(r, &rule, RSEQ_ORIGINAL_LENGTH, offsets[i]);
		compare(r, &rule, longer, offsets[i]);
	}
	if (rule.size)
		probe_pass(r, "%" PRIu32 " bytes are known here, aligned to %" PRIu32, rule.size, rule.align);
	else
		probe_pass(r, "32 bytes alone (more from Linux 6.3 on)");
}

const struct probe probe_lengths = { .id = "lengths", .title = "area sizes accepted and refused", .run = run_lengths };
