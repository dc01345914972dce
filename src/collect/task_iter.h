/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service that asks the kernel for its record of every thread, by a BPF task iterator. */
#ifndef COLLECT_TASK_ITER_H
#define COLLECT_TASK_ITER_H

#include "proc/service.h"

/* Its only request: the argument is an int32_t process id, 0 for all; the reply is task_records. */
enum { TASK_ITER_READ = 1 };

/* The argument of its setup is one byte: whether libbpf may talk. */
extern const struct service_kind task_iter_kind;

#endif
