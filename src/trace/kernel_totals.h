/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the BPF programs counted so far, of all CPUs together. */
#ifndef TRACE_KERNEL_TOTALS_H
#define TRACE_KERNEL_TOTALS_H

#include "trace/kernel_programs.h"

/* Adds to *ret. 0 or -errno. */
int kernel_totals_counts(const struct kernel_programs *p, struct trace_counts *ret) _must_check_;

/* Appends a struct trace_section_total for each section; how many. */
uint32_t kernel_totals_sections(const struct kernel_programs *p, struct strbuf *reply);

/* Appends a struct trace_stack_total for each stack of each section. */
void kernel_totals_stacks(const struct kernel_programs *p, struct strbuf *reply);

/* Appends the addresses of a stack, innermost first. 0 or -errno: -ENOENT there is none of that number. */
int kernel_totals_frames(const struct kernel_programs *p, uint32_t id, struct strbuf *reply) _must_check_;

#endif
