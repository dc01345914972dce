/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding one mapped file for the collector, by a decoder. */
#ifndef COLLECT_SCAN_H
#define COLLECT_SCAN_H

#include "image/image.h"
#include "proc/decoder.h"
#include "proc/service.h"

/* An operation of a reader: a struct mapped_file -> a struct scan_reply. */
enum { SCAN_FILE = 17, SCAN_LIMIT_MS = DECODER_LIMIT_MS };

struct scan_reply {
	struct decoder_status status;
	struct image image;
};

int scan_handle(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd);

#endif
