/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel/rseq.c: SYSCALL_DEFINE4(rseq), in the order of its checks. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/abi.h"
#include "rseqctl/trace_record.h"
#include "trace/judge.h"

enum { FLAG_UNREGISTER = 1, FLAG_SLICE_EXT = 2 };

/* Reason, and the errno that goes with it. */
struct expected {
	const char *reason;
	int err;
};

static void say(struct verdict *v, const char *format, ...) _printf_(2, 3);

static void say(struct verdict *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->detail, sizeof(v->detail), format, ap);
	va_end(ap);
}

static struct expected differs(const struct trace_call *c, struct verdict *v)
{
	if (c->now_area != c->area) {
		say(v, "this thread is registered with area 0x%" PRIx64 " (%u bytes)", c->now_area, c->now_length);
		return (struct expected){ "other-area", EINVAL };
	}
	if (c->now_length != c->length) {
		say(v, "this area is registered with length %u, not %u", c->now_length, c->length);
		return (struct expected){ "other-length", EINVAL };
	}
	if (c->now_signature != c->signature) {
		say(v, "this area is registered with signature 0x%x, not 0x%x", c->now_signature, c->signature);
		return (struct expected){ "other-signature", EPERM };
	}
	return (struct expected){ NULL, 0 };
}

static struct expected unwritable(const struct trace_call *c, struct verdict *v)
{
	/* Of 32-bit programs the last pages, IA32_PAGE_OFFSET. */
	bool kernel = c->compat ? c->area >= 0xffffe000 : (int64_t)c->area < 0;

	say(v, kernel ? "0x%" PRIx64 " is an address of the kernel's" : "the kernel cannot write to 0x%" PRIx64, c->area);
	return (struct expected){ kernel ? "kernel-address" : "unmapped", EFAULT };
}

static struct expected unregistration(const struct trace_call *c, struct verdict *v)
{
	struct expected e;

	if (c->flags & ~(uint32_t)FLAG_UNREGISTER) {
		say(v, "flags 0x%x: nothing goes together with unregistering", c->flags);
		return (struct expected){ "flags", EINVAL };
	}
	if (!c->now_area) {
		say(v, "this thread is not registered");
		return (struct expected){ "not-registered", EINVAL };
	}
	e = differs(c, v);
	return e.reason ? e : unwritable(c, v);
}

/* What an area of more than the first length is aligned to; up to 6.2 there is none. */
static uint64_t alignment(const struct judge_kernel *k, uint32_t length)
{
	return length > RSEQ_FIRST_LENGTH && k->align ? k->align : RSEQ_FIRST_LENGTH;
}

static struct expected shape(const struct trace_call *c, const struct judge_kernel *k, struct verdict *v)
{
	uint64_t align = alignment(k, c->length);

	if (c->length < RSEQ_FIRST_LENGTH || (c->length > RSEQ_FIRST_LENGTH && c->length < k->feature_size)) {
		say(v, "length %u: this kernel takes %d and more", c->length,
		    c->length < RSEQ_FIRST_LENGTH ? RSEQ_FIRST_LENGTH : (int)k->feature_size);
		return (struct expected){ "length", EINVAL };
	}
	if (c->length > RSEQ_FIRST_LENGTH && !k->feature_size) {
		say(v, "length %u: this kernel takes %d only", c->length, RSEQ_FIRST_LENGTH);
		return (struct expected){ "length", EINVAL };
	}
	if (c->area % align) {
		say(v, "area 0x%" PRIx64 " is not aligned to %" PRIu64 " bytes", c->area, align);
		return (struct expected){ "alignment", EINVAL };
	}
	return unwritable(c, v);
}

static struct expected registration(const struct trace_call *c, const struct judge_kernel *k, struct verdict *v)
{
	/* 7.0 on, which is also what made the feature size larger than the first length */
	uint32_t known = k->feature_size > RSEQ_FIRST_LENGTH ? FLAG_SLICE_EXT : 0;
	struct expected e;

	if (c->flags & ~known) {
		say(v, "flags 0x%x: this kernel knows none of these", c->flags & ~known);
		return (struct expected){ "flags", EINVAL };
	}
	if (!c->now_area)
		return shape(c, k, v);
	e = differs(c, v);
	if (e.reason)
		return e;
	say(v, "this thread is registered with the same area, length and signature already");
	return (struct expected){ "already-registered", EBUSY };
}

static void unexplained(const struct trace_call *c, struct verdict *v)
{
	const char *name = strerrorname_np(-c->result);

	name = name ? name : "an errno";

	if (!c->entered) {
		v->reason = "seccomp";
		say(v, "a seccomp filter answered %s, and the call was not made", c->result ? name : "0");
	} else if (c->result == -ENOSYS) {
		v->reason = "no-rseq";
		say(v, "this kernel is built without CONFIG_RSEQ");
	} else {
		v->reason = "unknown";
		say(v, "the kernel's rules, as they are known, do not explain %s", c->result ? name : "this answer");
	}
}

/* The way to ask whether rseq is there, which always fails. */
static bool is_query(const struct trace_call *c)
{
	return !c->area && !c->length && c->result == -EINVAL;
}

void judge_call(const struct trace_call *call, const struct judge_kernel *kernel, struct verdict *ret)
{
	struct expected e = call->flags & FLAG_UNREGISTER ? unregistration(call, ret) :
							    registration(call, kernel, ret);

	ret->reason = e.reason;
	if (!call->entered || e.err != -call->result)
		unexplained(call, ret);
	else if (is_query(call) && !(call->flags & FLAG_UNREGISTER)) {
		ret->reason = "query";
		say(ret, "no area and no length: a question whether rseq is there");
	}
}
