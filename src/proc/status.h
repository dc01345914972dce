/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small texts of /proc/PID: stat, status, auxv, environ. Decoders of buffers; nothing is read here. */
#ifndef PROC_STATUS_H
#define PROC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/parse.h"

struct proc_stat {
	char comm[64];
	size_t comm_len; /* may hold any byte but NUL */
	char state;
	uint64_t flags;	      /* PF_* */
	uint64_t start_ticks; /* CLOCK_BOOTTIME, in clock ticks */
};

/* /proc/PID/stat; false when it is none. */
bool status_parse_stat(struct span text, struct proc_stat *ret);

/* The value of "Key:\tvalue" in /proc/PID/status; false when there is no such line. */
bool status_find(struct span text, const char *key, struct span *ret_value);
bool status_find_u64(struct span text, const char *key, uint64_t *ret);

/* "NSpid: 4711 12 1": its number in its own PID namespace, the last one; 0 unknown. */
int32_t status_inner_id(struct span status);

/* An entry of the auxiliary vector of a process with words of word_size bytes, 4 or 8. */
bool status_find_auxv(struct span auxv, unsigned int word_size, uint64_t type, uint64_t *ret);

/* A variable of /proc/PID/environ; the first one of that name, as getenv(3) finds it. */
bool status_find_env(struct span environ, const char *name, struct span *ret_value);

/*
 * Whether it can be what the program was started with: nothing but NAME=VALUE, each with its NUL. The
 * file shows the program's own memory, where titles for ps(1) are written too.
 */
bool status_env_is_intact(struct span environ);

#endif
