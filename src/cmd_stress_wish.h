/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a stress run was asked for: the command line and its defaults. */
#ifndef CMD_STRESS_WISH_H
#define CMD_STRESS_WISH_H

#include "cmd.h"
#include "stress/stress.h"

enum owner_wish { OWNER_ANY, OWNER_BY_LIBC, OWNER_BY_SELF };

struct stress_wish {
	struct common_options common;
	uint64_t threads, operations, length; /* 0: not named; length: bytes of an own registration */
	uint64_t duration_ns; /* of the whole run */
	uint64_t seed, min_aborts;
	uint32_t workloads, disturb, keys; /* bits of the tables' rows; 0: not named */
	int fault;			   /* row of stress_fault, -1: none */
	bool duration_named, seed_named, list, compare;
	const char *cpus_named; /* NULL: not named */
	enum owner_wish owner;
	const char *exec_check; /* the owner that a program which was started by a workload should see; NULL: it is none */
	cpu_set_t cpus;
};

/* stress_workload and its like. */
typedef const struct stress_choice *cmd_stress_table(size_t i);

/* The row of that name, -1 for none. */
int cmd_stress_find(cmd_stress_table *table, const char *name);

/* Ends the process where the command line is wrong. Strings are those of argv. */
void cmd_stress_parse(int argc, char **argv, const struct common_options *common, struct stress_wish *ret);

#endif
