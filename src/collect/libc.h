/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which libc a process has, what it says of rseq, and where it keeps the rest. */
#ifndef COLLECT_LIBC_H
#define COLLECT_LIBC_H

#include "collect/target.h"

/* Fills t->libc, the TLS members of t->objects and facts->libc. After the scan. */
void libc_read(struct target *t);

/* "glibc", "musl", or NULL for a file that holds neither. Static. */
const char *libc_name(const struct image *image);

/* The descriptor of the thread whose thread pointer that is; only where pthread_from_tp is known. */
uint64_t libc_pthread(const struct target *t, uint64_t tp);

#endif
