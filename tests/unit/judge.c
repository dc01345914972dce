/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's rules for calls and faults, on every class of kernel; and who sent a signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rseqctl/rseq_abi.h"
#include "trace/judge.h"
#include "trace/kernel_symbols.h"
#include "util/array.h"

#define SIG 0x53053053

static const struct judge_kernel original = { .layout = TASK_LAYOUT_ORIGINAL };
static const struct judge_kernel extensible = { .layout = TASK_LAYOUT_EXTENSIBLE, .feature_size = 28, .align = 32 };
static const struct judge_kernel rewrite_619 = { .layout = TASK_LAYOUT_REWRITE, .feature_size = 28, .align = 32 };
static const struct judge_kernel split = { .layout = TASK_LAYOUT_SPLIT, .feature_size = 33, .align = 64 };
static const struct judge_kernel debugged = { .layout = TASK_LAYOUT_SPLIT, .feature_size = 33, .align = 64, .debug = true };

/* --- calls --- */

static const struct {
	const struct judge_kernel *kernel;
	uint64_t area;
	uint32_t length, flags, signature;
	uint64_t now_area;
	uint32_t now_length, now_signature;
	int err;
	const char *reason;
} calls[] = {
	{ &extensible, 0x1000, 32, 0, SIG, 0x2000, 32, SIG, EINVAL, "other-area" },
	{ &extensible, 0x1000, 32, 0, SIG, 0x1000, 64, SIG, EINVAL, "other-length" },
	{ &extensible, 0x1000, 32, 0, SIG, 0x1000, 32, 1, EPERM, "other-signature" },
	{ &extensible, 0x1000, 32, 0, SIG, 0x1000, 32, SIG, EBUSY, "already-registered" },
	{ &extensible, 0x1010, 32, 0, SIG, 0, 0, 0, EINVAL, "alignment" },
	{ &extensible, 0x1000, 31, 0, SIG, 0, 0, 0, EINVAL, "length" },
	{ &extensible, 0x1000, 32, 2, SIG, 0, 0, 0, EINVAL, "flags" },
	{ &extensible, 0x1000, 32, 0, SIG, 0, 0, 0, EFAULT, "unmapped" },
	{ &extensible, 0xffff800000000000, 32, 0, SIG, 0, 0, 0, EFAULT, "kernel-address" },
	{ &extensible, 0x1000, 32, 1, SIG, 0, 0, 0, EINVAL, "not-registered" },
	{ &extensible, 0x1000, 32, 1, SIG, 0x2000, 32, SIG, EINVAL, "other-area" },
	{ &extensible, 0x1000, 32, 1, SIG, 0x1000, 33, SIG, EINVAL, "other-length" },
	{ &extensible, 0x1000, 32, 1, SIG, 0x1000, 32, 1, EPERM, "other-signature" },
	{ &extensible, 0x1000, 32, 3, SIG, 0x1000, 32, SIG, EINVAL, "flags" },
	{ &extensible, 0x1000, 32, 1, SIG, 0x1000, 32, SIG, EFAULT, "unmapped" },
	{ &extensible, 0, 0, 0, 0, 0x1000, 32, SIG, EINVAL, "query" },
	{ &extensible, 0, 0, 0, 0, 0, 0, 0, EINVAL, "query" },
	/* What differs between kernels. */
	{ &original, 0x1000, 64, 0, SIG, 0, 0, 0, EINVAL, "length" },
	{ &extensible, 0x1020, 64, 0, SIG, 0, 0, 0, EFAULT, "unmapped" },
	{ &split, 0x1020, 64, 0, SIG, 0, 0, 0, EINVAL, "alignment" },
	{ &split, 0x1020, 32, 0, SIG, 0, 0, 0, EFAULT, "unmapped" },
	{ &split, 0x1000, 32, 2, SIG, 0, 0, 0, EFAULT, "unmapped" },
	{ &split, 0x1000, 32, 4, SIG, 0, 0, 0, EINVAL, "flags" },
	/* Nothing explains these. */
	{ &extensible, 0x1000, 32, 0, SIG, 0, 0, 0, ENOSYS, "no-rseq" },
	{ &extensible, 0x1000, 32, 0, SIG, 0, 0, 0, ENOMEM, "unknown" },
	{ &extensible, 0x1000, 32, 0, SIG, 0, 0, 0, 0, "unknown" },
};

static void call_reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct trace_call c = { .area = calls[i].area,
					.length = calls[i].length,
					.flags = calls[i].flags,
					.signature = calls[i].signature,
					.now_area = calls[i].now_area,
					.now_length = calls[i].now_length,
					.now_signature = calls[i].now_signature,
					.result = -calls[i].err,
					.entered = 1 };
		struct verdict v = { 0 };

		judge_call(&c, calls[i].kernel, &v);
		if (strcmp(v.reason, calls[i].reason) != 0)
			fail_msg("call %zu: %s, not %s", i, v.reason, calls[i].reason);
		assert_string_not_equal(v.detail, "");
	}
}

static void call_filtered(void **state)
{
	static const int answers[] = { EPERM, ENOSYS, EINVAL, EBUSY, 0, 4000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct trace_call c = { .area = 0x1000, .length = 32, .result = -answers[i], .seccomp = 2 };
		struct verdict v = { 0 };

		judge_call(&c, &extensible, &v);
		assert_string_equal(v.reason, "seccomp");
		/* Entered, with a filter that let it pass: the kernel's own answer. */
		c.entered = 1;
		judge_call(&c, &extensible, &v);
		assert_string_not_equal(v.reason, "seccomp");
	}
}

/* --- faults --- */

enum { SECTION = 0x400000, LENGTH = 0x10, INSIDE = 0x400004, OUTSIDE = 0x500000, HANDLER = 0x400100, AREA = 0x1000 };
#define TASK_SIZE 0x7ffffffff000ULL

/* Everything in order: nothing to find. */
static struct trace_fault sound(uint64_t ip)
{
	struct rseq_area area = { .cpu_id_start = 1, .cpu_id = 1, .rseq_cs = 0x3000 };
	struct rseq_descriptor d = { .start_ip = SECTION, .post_commit_offset = LENGTH, .abort_ip = HANDLER };
	struct trace_fault f = { .area = AREA,
				 .length = 32,
				 .signature = SIG,
				 .ip = ip,
				 .rseq_cs = 0x3000,
				 .abort_signature = SIG,
				 .area_vma = TRACE_VMA_WRITABLE,
				 .descriptor_vma = TRACE_VMA_READ_ONLY,
				 .sender = TRACE_SENDER_OTHER,
				 .task_size = TASK_SIZE,
				 .has_ids = 1,
				 .cpu_id = 1,
				 .has_rseq = 1 };

	memcpy(f.area_content, &area, sizeof(area));
	memcpy(f.descriptor, &d, sizeof(d));
	return f;
}

static void set_area(struct trace_fault *f, const struct rseq_area *area)
{
	memcpy(f->area_content, area, sizeof(*area));
	f->rseq_cs = area->rseq_cs;
}

static struct rseq_area area_of(const struct trace_fault *f)
{
	struct rseq_area area;

	memcpy(&area, f->area_content, sizeof(area));
	return area;
}

static void set_descriptor(struct trace_fault *f, uint32_t version, uint32_t flags, uint64_t length, uint64_t abort)
{
	struct rseq_descriptor d = { version, flags, SECTION, length, abort };

	memcpy(f->descriptor, &d, sizeof(d));
}

static void assert_reason(const struct trace_fault *f, const struct judge_kernel *k, const char *reason)
{
	struct verdict v;

	judge_fault(f, k, &v);
	if (reason) {
		assert_non_null(v.reason);
		assert_string_equal(v.reason, reason);
	} else {
		assert_null(v.reason);
	}
}

/* A rule by kernel: up to 6.18, from 6.19 on, and with debugging on; inside of the section, and outside. */
static void assert_rule(const struct trace_fault *inside, const char *reason, bool always, bool outside_too)
{
	struct trace_fault outside = *inside;

	outside.ip = OUTSIDE;
	assert_reason(inside, &extensible, reason);
	assert_reason(&outside, &extensible, outside_too || always ? reason : NULL);
	assert_reason(inside, &debugged, reason);
	assert_reason(inside, &rewrite_619, always ? reason : NULL);
	assert_reason(inside, &split, always ? reason : NULL);
}

static void fault_sound(void **state)
{
	struct trace_fault in = sound(INSIDE), out = sound(OUTSIDE);

	(void)state;
	assert_reason(&in, &extensible, NULL);
	assert_reason(&out, &extensible, NULL);
	assert_reason(&in, &original, NULL);
	assert_reason(&in, &split, NULL);
	assert_reason(&in, &debugged, NULL);
}

static void fault_descriptor(void **state)
{
	struct trace_fault f = sound(INSIDE);

	(void)state;
	set_descriptor(&f, 1, 0, LENGTH, HANDLER);
	assert_rule(&f, "version", false, true);
	set_descriptor(&f, 0, 0, LENGTH, SECTION + 8);
	assert_rule(&f, "abort-inside", false, true);
	set_descriptor(&f, 0, 0, ~0ULL - 255, HANDLER);
	assert_rule(&f, "start-overflow", false, true);
	f = sound(INSIDE);
	f.descriptor_error = -EFAULT;
	f.descriptor_vma = TRACE_VMA_NONE;
	assert_rule(&f, "descriptor-unmapped", true, true);
	/* Mapped, and just not in memory. */
	f.descriptor_vma = TRACE_VMA_WRITABLE;
	assert_reason(&f, &extensible, NULL);
}

static void fault_abort(void **state)
{
	struct trace_fault f = sound(INSIDE), out;

	(void)state;
	f.abort_signature = 0x11111111;
	assert_rule(&f, "signature", true, true);
	out = f;
	out.ip = OUTSIDE;
	assert_reason(&out, &split, NULL);
	f = sound(INSIDE);
	set_descriptor(&f, 0, 0, LENGTH, 0xffff800000000000);
	assert_rule(&f, "abort-kernel", true, true);
}

static void fault_kernel_pointer(void **state)
{
	struct trace_fault f = sound(OUTSIDE);
	struct rseq_area area = area_of(&f);

	(void)state;
	area.rseq_cs = 0xffff888000000000;
	set_area(&f, &area);
	f.descriptor_error = f.abort_error = -EFAULT;
	assert_rule(&f, "descriptor-kernel", true, true);
}

static void fault_flags(void **state)
{
	struct trace_fault f = sound(INSIDE);
	struct rseq_area area = area_of(&f);

	(void)state;
	set_descriptor(&f, 0, 1, LENGTH, HANDLER);
	assert_reason(&f, &extensible, "flags");
	assert_reason(&f, &split, NULL);
	f = sound(INSIDE);
	area.flags = 4;
	set_area(&f, &area);
	assert_reason(&f, &extensible, "area-flags");
	assert_reason(&f, &split, NULL);
	f.ip = OUTSIDE;
	assert_reason(&f, &extensible, NULL);
}

static void fault_area(void **state)
{
	struct trace_fault f = sound(OUTSIDE);

	(void)state;
	f.area_vma = TRACE_VMA_READ_ONLY;
	assert_rule(&f, "area-read-only", true, true);
	f.area_vma = TRACE_VMA_NONE;
	f.area_error = -EFAULT;
	assert_rule(&f, "area-unmapped", true, true);
	/* Up to 5.16 nobody can be asked what is mapped. */
	f.area_vma = TRACE_VMA_UNKNOWN;
	assert_reason(&f, &original, "area-unmapped");
}

static void fault_fields(void **state)
{
	struct trace_fault f = sound(OUTSIDE);
	struct rseq_area area = area_of(&f);

	(void)state;
	area.cpu_id_start = 0x80000001;
	set_area(&f, &area);
	/* What tcmalloc does: fine in legacy mode. */
	assert_reason(&f, &extensible, NULL);
	assert_reason(&f, &rewrite_619, NULL);
	assert_reason(&f, &split, NULL);
	assert_reason(&f, &debugged, "read-only-field");
	f.has_rseq = 2;
	assert_reason(&f, &split, "read-only-field");
}

static void fault_system_call(void **state)
{
	struct trace_fault f = sound(INSIDE);

	(void)state;
	f.in_syscall = 36;
	assert_reason(&f, &debugged, "syscall-in-section");
	assert_reason(&f, &split, NULL);
	f.ip = OUTSIDE;
	assert_reason(&f, &debugged, NULL);
}

static void fault_exception(void **state)
{
	struct trace_fault f = sound(INSIDE);

	(void)state;
	f.abort_signature = 1;
	f.sender = TRACE_SENDER_EXCEPTION;
	assert_reason(&f, &extensible, NULL);
	/* By the last exception only where the stack cannot be read by name: it may be an old one. */
	f.trap = 13;
	f.sender = TRACE_SENDER_UNKNOWN;
	assert_reason(&f, &extensible, NULL);
	f.sender = TRACE_SENDER_OTHER;
	assert_reason(&f, &extensible, "signature");
}

/* --- the kernel's symbols --- */

static struct kernel_symbols symbols_of(const char *text)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	struct kernel_symbols s;

	assert_non_null(f);
	kernel_symbols_read(f, &s);
	fclose(f);
	return s;
}

static void symbols_sender(void **state)
{
	struct kernel_symbols s = symbols_of("ffffffff81000000 T before\n"
					     "ffffffff81001000 T force_sig_info_to_task\n"
					     "ffffffff81002000 T force_sigsegv\n"
					     "ffffffff81003000 t ipi_rseq\n"
					     "ffffffff81004000 T exc_general_protection\n"
					     "ffffffff81005000 T irqentry_exit_to_user_mode\n");
	uint64_t kill[] = { 0xffffffff81000010, 0xffffffff81001010, 0xffffffff81002010, 0xffffffff81005010 };
	uint64_t trap[] = { 0xffffffff81001010, 0xffffffff81002010, 0xffffffff81004010, 0xffffffff81005010 };
	uint64_t way_out[] = { 0xffffffff81001010, 0xffffffff81005010, 0xffffffff81004010 };

	(void)state;
	assert_int_equal(s.ipi_rseq, 0xffffffff81003000);
	assert_int_equal(kernel_symbols_sender(&s, kill, 4), TRACE_SENDER_OTHER);
	assert_int_equal(kernel_symbols_sender(&s, trap, 4), TRACE_SENDER_EXCEPTION);
	/* On the way out of an exception rseq may be what kills. */
	assert_int_equal(kernel_symbols_sender(&s, way_out, 3), TRACE_SENDER_OTHER);
	assert_int_equal(kernel_symbols_sender(&s, kill, 0), TRACE_SENDER_UNKNOWN);
}

static void symbols_hidden_or_broken(void **state)
{
	struct kernel_symbols s = symbols_of("0000000000000000 T force_sigsegv\n0000000000000000 t ipi_rseq\n");
	uint64_t stack[] = { 0x10, 0x20 };

	(void)state;
	assert_int_equal(s.ipi_rseq, 0);
	assert_int_equal(kernel_symbols_sender(&s, stack, 2), TRACE_SENDER_UNKNOWN);
	s = symbols_of("nonsense\n\n ffff\nffffffffffffffffffff T ipi_rseq\nffffffff81003000 d ipi_rseq\n");
	assert_int_equal(s.ipi_rseq, 0);
	assert_int_equal(s.senders.n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_reasons),	   cmocka_unit_test(call_filtered),
		cmocka_unit_test(fault_sound),	   cmocka_unit_test(fault_descriptor),
		cmocka_unit_test(fault_abort),	   cmocka_unit_test(fault_kernel_pointer),
		cmocka_unit_test(fault_flags),	   cmocka_unit_test(fault_area),
		cmocka_unit_test(fault_fields),	   cmocka_unit_test(fault_system_call),
		cmocka_unit_test(fault_exception), cmocka_unit_test(symbols_sender),
		cmocka_unit_test(symbols_hidden_or_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
