/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations of readers: the functions, and the descriptor of a section, at places of a mapped file. */
#ifndef TRACE_DECODE_H
#define TRACE_DECODE_H

#include "image/descriptors.h"
#include "image/functions.h"
#include "proc/decoder.h"
#include "proc/reader.h"

enum { DECODE_OPS = 2 };
extern const struct service_op decode_ops[DECODE_OPS];

/*
 * A struct decode_request, cut after its last word -> a decoder_status and the answer. Offsets in the file are
 * asked for, a struct function each is answered; offset and length of a section, and a struct descriptor.
 */
struct decode_request {
	struct mapped_file file;
	uint64_t words[FUNCTIONS_MAX];
};

/*
 * Asks a reader; fills functions, whose offset the caller sets, and bounds what a decoder answered
 * that had gone wrong. 0, or -errno and *ret_why: of the reader, or with *ret_is_file of the file,
 * which will be no better the next time.
 */
int decode_read(struct service *reader, const struct mapped_file *file, struct function *functions, size_t n,
		bool *ret_is_file, const char **ret_why) _must_check_;

/* The same for the descriptor of one section: its symbol is filled in. */
int decode_descriptor(struct service *reader, const struct mapped_file *file, struct descriptor *d, bool *ret_is_file,
		      const char **ret_why) _must_check_;

#endif
