/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding one file of a target: in a process of its own that has nothing but the open file and a
 * pipe, no privileges, and limits of time and memory. It can crash or hang without taking anything
 * along.
 */
#ifndef PROC_DECODER_H
#define PROC_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include "util/strbuf.h"

enum { DECODER_SECONDS_MAX = 5, DECODER_LIMIT_MS = DECODER_SECONDS_MAX * 1000 + 1000 };

/*
 * Runs in the decoder: fills ret, which begins zeroed, from what file says. 0, or -errno and
 * *ret_what, static. The request is what decoder_run got.
 */
typedef int decoder_fn(int file, const void *request, size_t len, void *ret, const char **ret_what);

/* What a reply begins with; whoever takes it in must not rely on its string's end. */
struct decoder_status {
	int32_t err;
	char what[60];
};

/*
 * Appends to reply a decoder_status and the size bytes that fn filled; file is borrowed. 0 or
 * -errno: -EPIPE when the decoder died or was killed at its limit, -ETIMEDOUT when it does not even
 * die.
 */
int decoder_run(decoder_fn *fn, int file, const void *request, size_t len, size_t size,
		struct strbuf *reply) _must_check_;

#endif
