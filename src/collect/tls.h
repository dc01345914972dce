/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of thread-local storage in another process. */
#ifndef COLLECT_TLS_H
#define COLLECT_TLS_H

#include "collect/target.h"

struct tls_blocks;

/* Finds the TLS block of every object in every thread whose thread pointer is known. NULL: no memory. */
struct tls_blocks *tls_blocks_new(struct target *t, const uint64_t *tps, size_t n_threads);
void tls_blocks_free(struct tls_blocks *b);

/* Where the object's block begins for that thread; false when it has none (yet), or none is known. */
bool tls_block(const struct tls_blocks *b, size_t thread, size_t object, uint64_t *ret);

#endif
