/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OUTLET_BUFFER = 1 << 16, OUTLET_SLICE_MS = 100 };

struct outlet {
	FILE *file;
	int fd;
	size_t chunk; /* that does not block once poll says that there is room */
	int patience_ms;
	bool (*is_over)(void *ctx);
	void *ctx;
	int64_t give_up_ms; /* 0: not yet */
	int error;
	char buffer[OUTLET_BUFFER];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until there is room, or an error that write will tell. */
static int wait_for_room(struct outlet *o)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	while (poll(&p, 1, OUTLET_SLICE_MS) <= 0) {
		if (!o->is_over(o->ctx))
			continue;
		if (!o->give_up_ms)
			o->give_up_ms = now_ms() + o->patience_ms;
		if (now_ms() >= o->give_up_ms)
			return ETIME;
	}
	return 0;
}

static int write_all(struct outlet *o, const char *data, size_t size)
{
	while (size) {
		size_t n = size < o->chunk ? size : o->chunk;
		int error = wait_for_room(o);
		ssize_t written;

		if (error)
			return error;
		written = write(o->fd, data, n);
		if (written < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
		if (written > 0) {
			data += written;
			size -= (size_t)written;
		}
	}
	return 0;
}

static ssize_t outlet_write(void *cookie, const char *data, size_t size)
{
	struct outlet *o = cookie;

	if (!o->error)
		o->error = write_all(o, data, size);
	errno = o->error;
	return o->error ? 0 : (ssize_t)size;
}

static int outlet_close(void *cookie)
{
	struct outlet *o = cookie;
	int r = fclose(o->file), error = o->error;

	free(o);
	/* What was told when it was written is forgotten by the stream. */
	if (error)
		errno = error;
	return error ? -1 : r;
}

FILE *outlet_open(FILE *file, int patience_ms, bool (*is_over)(void *ctx), void *ctx,
		  struct outlet **ret_outlet)
{
	static const cookie_io_functions_t functions = { .write = outlet_write, .close = outlet_close };
	struct outlet *o = calloc(1, sizeof(*o));
	struct stat st;
	FILE *stream = o ? fopencookie(o, "w", functions) : NULL;

	if (!stream) {
		free(o);
		return NULL;
	}
	o->file = file;
	o->fd = fileno(file);
	o->chunk = PIPE_BUF;
	o->patience_ms = patience_ms;
	o->is_over = is_over;
	o->ctx = ctx;
	if (fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode))
		o->chunk = SIZE_MAX;
	setvbuf(stream, o->buffer, _IOFBF, sizeof(o->buffer));
	*ret_outlet = o;
	return stream;
}

bool outlet_is_closed(const struct outlet *o)
{
	struct pollfd p = { .fd = o->fd };

	return o->error || (poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL)));
}
