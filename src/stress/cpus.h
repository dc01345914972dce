/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of CPUs, as people and the kernel write them. */
#ifndef STRESS_CPUS_H
#define STRESS_CPUS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

/* "0,2-3"; false for anything else, and for numbers that no set has room for. */
bool cpus_parse(const char *text, cpu_set_t *ret);

/* The nth CPU of the set, counted from 0; 0 beyond the last. */
uint32_t cpus_nth(const cpu_set_t *cpus, uint32_t n);

#endif
