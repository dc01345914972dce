/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's record of a process's threads by PTRACE_GET_RSEQ_CONFIGURATION: each thread is
 * stopped by itself, for as short as possible. Runs in a reader, whose death frees every thread.
 */
#ifndef COLLECT_TASK_PTRACE_H
#define COLLECT_TASK_PTRACE_H

#include "proc/service.h"

/*
 * The argument is an int32_t thread id for each thread to look at, none for all; the reply is a
 * struct ptrace_reply and its task_records.
 */
enum { TASK_PTRACE_READ = 16, TASK_PTRACE_LIMIT_MS = 60000, TASK_PTRACE_TIDS_MAX = 4096 };

struct ptrace_reply {
	uint64_t max_stop_ns;
	uint32_t n_records;
	uint32_t pad;
};

int task_ptrace_handle(void *ctx, const struct service_request *request, struct strbuf *reply,
		       int *ret_fd);

#endif
