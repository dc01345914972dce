/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User stacks by their number in the kernel's map, with names, kept for when their process is gone. */
#ifndef TRACE_STACKS_H
#define TRACE_STACKS_H

#include "model/trace_tally.h"
#include "proc/service.h"
#include "rseqctl/trace_count.h"
#include "trace/symbolize.h"

struct stacks;

struct stacks *stacks_new(struct service *kernel, struct symbolizer *symbolizer);
void stacks_free(struct stacks *s);

/*
 * The frames of one stack of one process, innermost first; NULL and 0 when they cannot be had. first
 * is the interrupted instruction, which the kernel (6.19 on) no longer has. Borrowed until stacks_free.
 */
const struct code_place *stacks_get(struct stacks *s, const struct trace_stack_key *key, uint64_t first,
				    size_t *ret_n);

#endif
