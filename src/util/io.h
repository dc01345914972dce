/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole reads and writes on file descriptors, EINTR included. */
#ifndef UTIL_IO_H
#define UTIL_IO_H

#include <stddef.h>

#include "util/strbuf.h"

/* All of it, or -errno; -EPIPE when the other side is gone. Raises no SIGPIPE on a socket. */
int io_send_all(int socket, const void *data, size_t len) _must_check_;

/* Reads until the end of the file into out, at most limit bytes; -EFBIG beyond that. */
int io_read_file(int fd, size_t limit, struct strbuf *out) _must_check_;

#endif
