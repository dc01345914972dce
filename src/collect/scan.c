/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/scan.h"

#include <errno.h>
#include <string.h>

#include "proc/reader.h"

_Static_assert(sizeof(struct scan_reply) == sizeof(struct decoder_status) + sizeof(struct image),
	       "a decoder writes its status and the image, one after the other");

static int decode(int file, const void *request, size_t len, void *ret, const char **ret_what)
{
	(void)request;
	(void)len;
	return image_scan(file, ret, ret_what);
}

int scan_handle(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct mapped_file file;

	(void)ret_fd;
	if (request->len != sizeof(file))
		return -EINVAL;
	memcpy(&file, request->data, sizeof(file));
	file.path[sizeof(file.path) - 1] = '\0';
	fd = reader_child_open(ctx, &file);
	if (fd < 0)
		return fd;
	return decoder_run(decode, fd, NULL, 0, sizeof(struct image), reply);
}
