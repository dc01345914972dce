/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/stress.h"

#include "model/field.h"
#include "util/array.h"

const char *const verdict_names[] = { "unknown", "pass", "fail", "inconclusive", "not-applicable", "skip", NULL };

enum verdict verdict_worst(enum verdict a, enum verdict b)
{
	static const int rank[] = {
		[VERDICT_UNKNOWN] = 0, [VERDICT_NOT_APPLICABLE] = 1, [VERDICT_SKIP] = 1, [VERDICT_PASS] = 2,
		[VERDICT_INCONCLUSIVE] = 3, [VERDICT_FAIL] = 4,
	};

	return rank[a] > rank[b] ? a : b;
}

#define F(s, k, m, l, b, key_) { .key = (key_), .label = (l), .kind = (k), .offset = offsetof(s, m), .bit = (b) }
#define F_NAME(s, m, l, n, key_) \
	{ .key = (key_), .label = (l), .kind = FIELD_NAME, .offset = offsetof(s, m), .names = (n) }
#define F_RECORD(s, m, t, b, key_) \
	{ .key = (key_), .kind = FIELD_RECORD, .offset = offsetof(s, m), .bit = (b), .type = &(t) }
#define F_LIST(s, k, m, count, t, key_)                                                           \
	{ .key = (key_), .kind = (k), .offset = offsetof(s, m), .offset_n = offsetof(s, count), .type = (t) }
#define TYPE(s, h, f) { .size = sizeof(s), .has = (h), .fields = (f), .n = ARRAY_SIZE(f) }

static const struct field invariant_fields[] = {
	F(struct invariant_facts, FIELD_STRING, name, "INVARIANT", 0, "name"),
	F(struct invariant_facts, FIELD_TRI, ok, "OK", 0, "ok"),
	F(struct invariant_facts, FIELD_STRING, detail, NULL, 0, "detail"),
	F(struct invariant_facts, FIELD_STRING, title, NULL, 0, "title"),
};
const struct record_type invariant_type = TYPE(struct invariant_facts, RECORD_NO_HAS, invariant_fields);

static const struct field cause_fields[] = {
	F(struct abort_counts, FIELD_U64, migrate, NULL, 0, "migrate"),
	F(struct abort_counts, FIELD_U64, preempt, NULL, 0, "preempt"),
	F(struct abort_counts, FIELD_U64, signal, NULL, 0, "signal"),
	F(struct abort_counts, FIELD_U64, membarrier, NULL, 0, "membarrier"),
	F(struct abort_counts, FIELD_U64, other, NULL, 0, "other"),
};
static const struct record_type cause_type = TYPE(struct abort_counts, RECORD_NO_HAS, cause_fields);

static const struct field result_fields[] = {
	F(struct stress_result, FIELD_STRING, workload, "WORKLOAD", 0, "workload"),
	F_LIST(struct stress_result, FIELD_STRINGS, disturb, n_disturb, NULL, "disturb"),
	F_LIST(struct stress_result, FIELD_STRINGS, index, n_index, NULL, "index"),
	F_NAME(struct stress_result, verdict, "VERDICT", verdict_names, "verdict"),
	F(struct stress_result, FIELD_STRING, why, NULL, 0, "why"),
	F(struct stress_result, FIELD_U64, operations, "OPERATIONS", 0, "operations"),
	F(struct stress_result, FIELD_MILLI, picoseconds, "NS/OP", STRESS_NS_PER_OP, "ns_per_op"),
	F(struct stress_result, FIELD_U64, kernel.total, "KERNEL", STRESS_KERNEL_ABORTS, "kernel_aborts"),
	F_RECORD(struct stress_result, kernel, cause_type, STRESS_CAUSES, "causes"),
	F(struct stress_result, FIELD_U64, aborts, "ABORTS", STRESS_ABORTS, "aborts"),
	F_NAME(struct stress_result, gate, "GATE", verdict_names, "gate"),
	F(struct stress_result, FIELD_U64, retries, "RETRIES", 0, "retries"),
	F(struct stress_result, FIELD_U64, duration_ns, NULL, 0, "duration_ns"),
	F_LIST(struct stress_result, FIELD_LIST, invariants, n_invariants, &invariant_type, "invariants"),
	F_LIST(struct stress_result, FIELD_LIST, unknown, n_unknown, &unknown_type, "unknown"),
};
const struct record_type stress_result_type =
	TYPE(struct stress_result, offsetof(struct stress_result, has), result_fields);

static const struct field compare_fields[] = {
	F(struct compare_facts, FIELD_STRING, method, "METHOD", 0, "method"),
	F(struct compare_facts, FIELD_MILLI, picoseconds, "NS/OP", 0, "ns_per_op"),
	F(struct compare_facts, FIELD_MILLI, ratio_milli, "RATIO", 0, "ratio"),
};
const struct record_type compare_type = TYPE(struct compare_facts, RECORD_NO_HAS, compare_fields);

static const struct field environment_fields[] = {
	F(struct environment_facts, FIELD_STRING, libc, "libc", 0, "libc"),
	F(struct environment_facts, FIELD_STRING, cpu_model, "CPU", 0, "cpu_model"),
	F(struct environment_facts, FIELD_U32, cpus, "CPUs", 0, "cpus"),
	F(struct environment_facts, FIELD_U32, cpus_used, "CPUs used", 0, "cpus_used"),
	F(struct environment_facts, FIELD_STRING, owner, "registered by", 0, "owner"),
	F(struct environment_facts, FIELD_U32, length, "registered bytes", ENVIRONMENT_LENGTH, "length"),
	F_NAME(struct environment_facts, mode, "mode", rseq_mode_names, "mode"),
	F(struct environment_facts, FIELD_STRING, governor, "governor", 0, "governor"),
	F(struct environment_facts, FIELD_STRING, mitigations, "mitigations", 0, "mitigations"),
	F_LIST(struct environment_facts, FIELD_LIST, unknown, n_unknown, &unknown_type, "unknown"),
};
const struct record_type environment_type =
	TYPE(struct environment_facts, offsetof(struct environment_facts, has), environment_fields);

static const struct field failure_fields[] = {
	F(struct stress_failure, FIELD_STRING, subject, NULL, 0, "subject"),
	F(struct stress_failure, FIELD_STRING, what, NULL, 0, "what"),
	F(struct stress_failure, FIELD_STRING, why, NULL, 0, "why"),
};
static const struct record_type failure_type = TYPE(struct stress_failure, RECORD_NO_HAS, failure_fields);

static const struct field stress_fields[] = {
	F(struct stress_facts, FIELD_U64, seed, "seed", 0, "seed"),
	F(struct stress_facts, FIELD_U32, threads, "threads", 0, "threads"),
	F(struct stress_facts, FIELD_U64, duration_ns, NULL, 0, "duration_ns"),
	F(struct stress_facts, FIELD_U64, min_aborts, NULL, 0, "min_aborts"),
	F(struct stress_facts, FIELD_STRING, inject, "inject", 0, "inject"),
	F_RECORD(struct stress_facts, environment, environment_type, 0, "environment"),
	F_LIST(struct stress_facts, FIELD_LIST, results, n_results, &stress_result_type, "results"),
	F_LIST(struct stress_facts, FIELD_LIST, compare, n_compare, &compare_type, "compare"),
	F_LIST(struct stress_facts, FIELD_LIST, failure, n_failures, &failure_type, "errors"),
	F_NAME(struct stress_facts, verdict, "verdict", verdict_names, "verdict"),
};
const struct record_type stress_type = TYPE(struct stress_facts, offsetof(struct stress_facts, has), stress_fields);
