/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Up to 6.18 (kernel/rseq.c) a descriptor is checked whole whenever there is one; from 6.19 on
 * (include/linux/rseq_entry.h) only what is needed, and the rest where debugging is on.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rseqctl/rseq_abi.h"
#include "rseqctl/trace_record.h"
#include "trace/judge.h"

struct evidence {
	const struct trace_fault *f;
	struct rseq_area area;
	struct rseq_descriptor d;
	bool classic;  /* up to 6.18 */
	bool thorough; /* every rule is checked, also outside of the section */
	bool debug;
	bool inside; /* the instruction is in the section */
};

static bool found(struct verdict *v, const char *reason, const char *format, ...) _printf_(3, 4);

static bool found(struct verdict *v, const char *reason, const char *format, ...)
{
	va_list ap;

	v->reason = reason;
	va_start(ap, format);
	vsnprintf(v->detail, sizeof(v->detail), format, ap);
	va_end(ap);
	return true;
}

static bool descriptor_is_lost(const struct evidence *e, struct verdict *v)
{
	uint64_t at = e->area.rseq_cs;

	if (at >= e->f->task_size)
		return found(v, "descriptor-kernel", "rseq_cs is 0x%" PRIx64 ", an address of the kernel's", at);
	/* Without the word of the mapping a page may just be swapped out. */
	if (e->f->descriptor_error && e->f->descriptor_vma != TRACE_VMA_WRITABLE &&
	    e->f->descriptor_vma != TRACE_VMA_READ_ONLY)
		return found(v, "descriptor-unmapped", "rseq_cs is 0x%" PRIx64 ", where nothing is mapped", at);
	return false;
}

static bool range_is_wrong(const struct evidence *e, struct verdict *v)
{
	uint64_t end = e->d.start_ip + e->d.post_commit_offset;

	if (!e->thorough)
		return false;
	if (e->d.start_ip >= e->f->task_size || end >= e->f->task_size || end < e->d.start_ip)
		return found(v, "start-overflow", "the section 0x%" PRIx64 "+0x%" PRIx64 " does not lie in user space",
			     e->d.start_ip, e->d.post_commit_offset);
	return false;
}

static bool abort_is_wrong(const struct evidence *e, struct verdict *v)
{
	if ((e->classic || e->inside || e->debug) && e->d.abort_ip >= e->f->task_size)
		return found(v, "abort-kernel", "the abort handler 0x%" PRIx64 " is not in user space", e->d.abort_ip);
	if (e->thorough && e->d.abort_ip - e->d.start_ip < e->d.post_commit_offset)
		return found(v, "abort-inside", "the abort handler 0x%" PRIx64 " lies in the section 0x%" PRIx64 "+0x%" PRIx64,
			     e->d.abort_ip, e->d.start_ip, e->d.post_commit_offset);
	return false;
}

static bool signature_is_wrong(const struct evidence *e, struct verdict *v)
{
	if (!e->classic && !e->inside)
		return false;
	if (e->f->abort_error)
		return found(v, "signature", "the four bytes before the abort handler 0x%" PRIx64 " cannot be read",
			     e->d.abort_ip);
	if (e->f->abort_signature != e->f->signature)
		return found(v, "signature", "before the abort handler 0x%" PRIx64 " stands 0x%x, registered is 0x%x",
			     e->d.abort_ip, e->f->abort_signature, e->f->signature);
	return false;
}

/*
 * Deprecated in 6.1 (c17a6ff93213); before, only NO_RESTART_ON_SIGNAL alone kills. From 6.19 on ignored, but
 * for the descriptor's in debugging.
 */
static bool flags_are_wrong(const struct evidence *e, struct verdict *v)
{
	if (e->classic && e->inside && e->area.flags)
		return found(v, "area-flags", "flags of the area are 0x%x, and must be 0", e->area.flags);
	if ((e->classic ? e->inside : e->debug) && e->d.flags)
		return found(v, "flags", "flags of the descriptor are 0x%x, and must be 0", e->d.flags);
	return false;
}

static bool descriptor_is_wrong(const struct evidence *e, struct verdict *v)
{
	if (!e->area.rseq_cs)
		return false;
	if (descriptor_is_lost(e, v))
		return true;
	if (e->f->descriptor_error)
		return false;
	if (e->thorough && e->d.version)
		return found(v, "version", "the descriptor 0x%" PRIx64 " has version %u, the kernel knows 0",
			     e->area.rseq_cs, e->d.version);
	return range_is_wrong(e, v) || abort_is_wrong(e, v) || signature_is_wrong(e, v) || flags_are_wrong(e, v);
}

static bool area_is_lost(const struct evidence *e, struct verdict *v)
{
	const struct trace_fault *f = e->f;

	if (f->area_vma == TRACE_VMA_NONE || (f->area_vma == TRACE_VMA_UNKNOWN && f->area_error))
		return found(v, "area-unmapped", "the area 0x%" PRIx64 " is not mapped any more", f->area);
	if (f->area_vma == TRACE_VMA_READ_ONLY)
		return found(v, f->area_error ? "area-unmapped" : "area-read-only",
			     "the kernel cannot write to the area 0x%" PRIx64 " any more", f->area);
	return false;
}

static bool differs(struct verdict *v, const char *field, uint32_t now, uint32_t written)
{
	if (now == written)
		return false;
	return found(v, "read-only-field", "%s holds 0x%x, the kernel wrote 0x%x", field, now, written);
}

/* 82f572449cfe: the kernel insists on what it wrote, in optimized mode; elsewhere only in debugging. */
static bool field_is_modified(const struct evidence *e, struct verdict *v)
{
	const struct trace_fault *f = e->f;
	bool enforced = f->has_ids && !f->area_error && (e->debug || f->has_rseq == 2);

	if (!enforced)
		return false;
	return differs(v, "cpu_id_start", e->area.cpu_id_start, f->cpu_id) ||
	       differs(v, "cpu_id", e->area.cpu_id, f->cpu_id) ||
	       differs(v, "mm_cid", e->area.mm_cid, f->mm_cid) ||
	       (e->f->has_rseq && differs(v, "node_id", e->area.node_id, f->node_id));
}

static bool syscall_in_section(const struct evidence *e, struct verdict *v)
{
	if (!e->debug || !e->area.rseq_cs || !e->f->in_syscall || e->f->ip - e->d.start_ip > e->d.post_commit_offset)
		return false;
	return found(v, "syscall-in-section", "system call %u was made in the section 0x%" PRIx64 "+0x%" PRIx64,
		     e->f->in_syscall - 1, e->d.start_ip, e->d.post_commit_offset);
}

/*
 * A general protection fault is SIGSEGV with the same code. It is known by who sent the signal, or,
 * where the kernel's stack cannot be read by name, by the number of the last exception.
 */
static bool is_exception(const struct trace_fault *f)
{
	enum { TRAP_GENERAL_PROTECTION = 13 };

	if (f->sender == TRACE_SENDER_UNKNOWN)
		return f->trap == TRAP_GENERAL_PROTECTION;
	return f->sender == TRACE_SENDER_EXCEPTION;
}

void judge_fault(const struct trace_fault *fault, const struct judge_kernel *kernel, struct verdict *ret)
{
	struct evidence e = { .f = fault, .debug = kernel->debug };

	*ret = (struct verdict){ 0 };
	memcpy(&e.area, fault->area_content, sizeof(e.area));
	memcpy(&e.d, fault->descriptor, sizeof(e.d));
	e.classic = kernel->layout == TASK_LAYOUT_ORIGINAL || kernel->layout == TASK_LAYOUT_EXTENSIBLE;
	e.thorough = e.classic || kernel->debug;
	e.inside = fault->ip - e.d.start_ip < e.d.post_commit_offset;
	if (is_exception(fault))
		return;
	if (area_is_lost(&e, ret) || descriptor_is_wrong(&e, ret) || field_is_modified(&e, ret))
		return;
	(void)!syscall_in_section(&e, ret);
}
