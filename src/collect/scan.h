/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding one mapped file: in a process of its own that has nothing but the open file and a pipe,
 * no privileges, and limits of time and memory. It can crash or hang without taking anything along.
 */
#ifndef COLLECT_SCAN_H
#define COLLECT_SCAN_H

#include "image/image.h"
#include "proc/service.h"

/* An operation of a reader: a struct mapped_file -> a struct scan_reply. */
enum { SCAN_FILE = 17, SCAN_SECONDS_MAX = 5, SCAN_LIMIT_MS = SCAN_SECONDS_MAX * 1000 + 1000 };

struct scan_reply {
	int32_t err; /* of decoding */
	char what[60];
	struct image image;
};

int scan_handle(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd);

#endif
