/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of the table, each in the file of what it is about. */
#ifndef PROBE_PROBES_H
#define PROBE_PROBES_H

#include "probe/probe.h"

/* call.c */
extern const struct probe probe_syscall;

/* errno.c, lengths.c */
extern const struct probe probe_errno, probe_lengths;

/* libc.c */
extern const struct probe probe_libc;

/* life.c */
extern const struct probe probe_threads, probe_fork_rules, probe_exec, probe_clone;

/* ids.c */
extern const struct probe probe_cpu_id, probe_node_id;

/* mmcid.c */
extern const struct probe probe_mm_cid;

/* kill.c */
extern const struct probe probe_read_only, probe_bad_signature;
/* cpu_id_start.c */
extern const struct probe probe_cpu_id_start;

/* aborts.c */
extern const struct probe probe_abort_preempt, probe_abort_preempt_long, probe_abort_migrate, probe_abort_migrate_long,
	probe_abort_signal, probe_abort_signal_long, probe_abort_membarrier, probe_abort_membarrier_long;

/* unwritable.c; in no table: for the kernel's class (model/behaviour.h) */
extern const struct probe probe_unwritable;

#endif
