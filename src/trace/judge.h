/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the kernel refused a call, or killed a thread: the rules of the kernel are gone through in its
 * own order, with what was true at that moment. What they do not explain is not explained.
 */
#ifndef TRACE_JUDGE_H
#define TRACE_JUDGE_H

#include <stdbool.h>

#include "rseqctl/trace_record.h"
#include "util/cleanup.h"

/* What this kernel's rules depend on. */
struct judge_kernel {
	uint32_t layout; /* enum task_layout */
	bool debug;	 /* it checks more than it must */
	uint64_t feature_size, align; /* AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN; 0: it does not say (up to 6.2) */
};

struct verdict {
	const char *reason; /* a word of rseqctl-trace(1), static; NULL: none was found */
	char detail[200];   /* in words, with numbers */
};

/*
 * Of a call that failed, or that said it succeeded and changed nothing. The reason is never NULL:
 * "unknown" where the rules would have had it otherwise and no filter is there to blame.
 */
void judge_call(const struct trace_call *call, const struct judge_kernel *kernel, struct verdict *ret);

/* Of a SIGSEGV by the kernel: reason NULL means that no rule of rseq was broken, so it was not rseq. */
void judge_fault(const struct trace_fault *fault, const struct judge_kernel *kernel, struct verdict *ret);

#endif
