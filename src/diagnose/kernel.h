/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules about the kernel: on its own, and for what is in a process. */
#ifndef DIAGNOSE_KERNEL_H
#define DIAGNOSE_KERNEL_H

#include "diagnose/diagnose.h"

void rule_kernel_misses_aborts(const struct rule *rule, const struct diagnosis *d);
void rule_kernel_breaks_tcmalloc(const struct rule *rule, const struct diagnosis *d);
void rule_kernel_no_rseq(const struct rule *rule, const struct diagnosis *d);
void rule_seccomp_blocks_rseq(const struct rule *rule, const struct diagnosis *d);

/* Whether somebody keeps a pointer over cpu_id_start of an area that is registered. */
bool kernel_matters_for(const struct process_facts *p);

/* Whether this kernel rewrites cpu_id_start of 32 bytes: as it was seen, else by a class that leaves no doubt. enum verdict. */
uint32_t kernel_rewrites(const struct diagnosis *d);

/* Whether it aborts sections of areas of 32 bytes, in the same way. enum verdict. */
uint32_t kernel_aborts(const struct diagnosis *d);

#endif
