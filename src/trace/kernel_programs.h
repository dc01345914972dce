/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF programs of a trace: which are wanted, loading them, and attaching them. */
#ifndef TRACE_KERNEL_PROGRAMS_H
#define TRACE_KERNEL_PROGRAMS_H

#include "trace/kernel.h"
#include "trace/kernel_symbols.h"

struct trace_bpf;

struct kernel_programs {
	struct trace_bpf *skel; /* NULL before loading; it stays for as long as the process, also when that failed */
	struct trace_config config;
	struct trace_loaded loaded;
	struct kernel_symbols symbols;
	int n_cpus; /* that per-CPU maps have room for */
	uint64_t missed_single; /* system calls that were missed before the second programs stood by */
};

/* By p->config, which the caller fills. 0, or -errno and p->loaded says why. */
int kernel_programs_load(struct kernel_programs *p) _must_check_;

/* The same, once there is somebody to take the records. Fills the notes of p->loaded, too. */
int kernel_programs_attach(struct kernel_programs *p) _must_check_;

/* Fills p->loaded for an -errno of what the kernel refused. */
void kernel_programs_refuse(struct kernel_programs *p, int err);

#endif
