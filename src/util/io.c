/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/io.h"

#include <errno.h>
#include <sys/socket.h>

int io_send_all(int socket, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(socket, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int io_read_file(int fd, size_t limit, struct strbuf *out)
{
	char chunk[32768];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return out->failed ? -ENOMEM : 0;
		if (out->len + (size_t)n > limit)
			return -EFBIG;
		strbuf_add(out, chunk, (size_t)n);
	}
}
