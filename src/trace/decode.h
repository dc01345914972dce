/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operation of readers: the functions at places of a mapped file. */
#ifndef TRACE_DECODE_H
#define TRACE_DECODE_H

#include "image/functions.h"
#include "proc/decoder.h"
#include "proc/reader.h"

extern const struct service_op decode_op;

/* A struct decode_request, cut after its last offset -> a decoder_status and a struct function each. */
struct decode_request {
	struct mapped_file file;
	uint64_t offsets[FUNCTIONS_MAX];
};

/*
 * Asks a reader; fills functions, whose offset the caller sets, and bounds what a decoder answered
 * that had gone wrong. 0, or -errno and *ret_why: of the reader, or with *ret_is_file of the file,
 * which will be no better the next time.
 */
int decode_read(struct service *reader, const struct mapped_file *file, struct function *functions, size_t n,
		bool *ret_is_file, const char **ret_why) _must_check_;

#endif
