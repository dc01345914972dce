/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of a process as glibc lists them: ids and thread pointers without asking the kernel. */
#ifndef COLLECT_MEMORY_RECORDS_H
#define COLLECT_MEMORY_RECORDS_H

#include "collect/target.h"

/* Fills t->records; NULL, or why it could not, static. Registrations stay unknown. */
const char *memory_records_read(struct target *t);

#endif
