/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few functions of the kernel that matter here, by address. */
#ifndef TRACE_KERNEL_SYMBOLS_H
#define TRACE_KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rseqctl/trace_record.h"

enum { KERNEL_RANGES_MAX = 128 };

struct kernel_ranges {
	size_t n;
	struct {
		uint64_t start, end;
	} items[KERNEL_RANGES_MAX];
};

struct kernel_symbols {
	uint64_t ipi_rseq; /* what membarrier runs on each CPU; 0 unknown */
	bool debug_rseq;   /* built with CONFIG_DEBUG_RSEQ, up to 6.18 */
	struct kernel_ranges senders;	 /* functions that send a signal to the current thread */
	struct kernel_ranges exceptions; /* functions that do so for another reason than rseq */
};

/*
 * Out of the text of /proc/kallsyms, which is in order of address. Without the right to see them
 * all addresses there are 0, and nothing is found.
 */
void kernel_symbols_read(FILE *file, struct kernel_symbols *ret);

/* Who called the function that sent the signal, by return addresses, innermost first. */
enum trace_sender kernel_symbols_sender(const struct kernel_symbols *symbols, const uint64_t *stack, size_t n);

#endif
