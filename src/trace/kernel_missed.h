/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that no program was run for, since one was running on that CPU already. */
#ifndef TRACE_KERNEL_MISSED_H
#define TRACE_KERNEL_MISSED_H

#include "trace/kernel_programs.h"

/*
 * Two programs at each system call cost more: only where one was seen to miss something, a second one is
 * attached, from then on. See bpf/trace.bpf.c.
 */
void kernel_missed_stand_by(struct kernel_programs *p);

/* Adds them to missed and missed_aborts. */
void kernel_missed_count(const struct kernel_programs *p, struct trace_totals *ret);

#endif
