/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who called rseq(): not the instruction in libc's syscall(), but who called that. */
#ifndef TRACE_CALLER_H
#define TRACE_CALLER_H

#include "model/event.h"
#include "rseqctl/trace_record.h"
#include "trace/symbolize.h"

void caller_find(struct symbolizer *s, const struct trace_call *call, struct code_place *ret);

#endif
