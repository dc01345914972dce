/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/decode.h"

#include <errno.h>
#include <string.h>

enum { DECODE_FUNCTIONS = READER_OP_FIRST_FREE };

/* --- in the decoder --- */

static int decode(int file, const void *request, size_t len, void *ret, const char **ret_what)
{
	struct function *functions = ret;
	size_t n = len / sizeof(uint64_t);

	for (size_t i = 0; i < n; i++)
		memcpy(&functions[i].offset, (const uint64_t *)request + i, sizeof(uint64_t));
	return functions_find(file, functions, n, ret_what);
}

/* --- in the reader --- */

static int handle(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	size_t len = request->len - offsetof(struct decode_request, offsets), n = len / sizeof(uint64_t);
	static struct decode_request asked;
	_cleanup_close_ int fd = -1;

	(void)ret_fd;
	if (request->len < offsetof(struct decode_request, offsets) || len % sizeof(uint64_t) || n > FUNCTIONS_MAX)
		return -EINVAL;
	memcpy(&asked, request->data, request->len);
	asked.file.path[sizeof(asked.file.path) - 1] = '\0';
	fd = reader_child_open(ctx, &asked.file);
	if (fd < 0)
		return fd;
	return decoder_run(decode, fd, asked.offsets, len, n * sizeof(struct function), reply);
}

const struct service_op decode_op = { DECODE_FUNCTIONS, DECODER_LIMIT_MS, handle };

/* --- the caller --- */

/* A decoder may have been taken over by the file it decoded. */
static void bound(struct function *f, uint64_t offset)
{
	f->name[sizeof(f->name) - 1] = '\0';
	f->offset = offset;
	if (f->low > offset || f->high <= offset) {
		f->low = offset;
		f->high = offset + 1;
	}
}

/* The words for a code that comes with none. */
static const char *why_broken(int32_t err)
{
	switch (err) {
	case -ENOEXEC:
		return "its file is no ELF file";
	case -ENOMEM:
		return "there was no memory to decode its file";
	}
	return "its file is broken";
}

static int take_reply(const struct strbuf *reply, struct function *functions, size_t n, bool *ret_is_file,
		      const char **ret_why)
{
	struct decoder_status status;

	*ret_is_file = true;
	*ret_why = "its decoder went wrong";
	if (reply->len != sizeof(status) + n * sizeof(*functions))
		return -EPIPE;
	memcpy(&status, reply->data, sizeof(status));
	*ret_why = why_broken(status.err);
	if (status.err < 0)
		return status.err;
	for (size_t i = 0; i < n; i++) {
		uint64_t offset = functions[i].offset;

		memcpy(&functions[i], reply->data + sizeof(status) + i * sizeof(*functions), sizeof(*functions));
		bound(&functions[i], offset);
	}
	return 0;
}

int decode_read(struct service *reader, const struct mapped_file *file, struct function *functions, size_t n,
		bool *ret_is_file, const char **ret_why)
{
	struct decode_request asked;
	struct service_request request = { DECODE_FUNCTIONS, &asked,
					   offsetof(struct decode_request, offsets) + n * sizeof(uint64_t) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int r;

	*ret_is_file = false;
	*ret_why = "too many addresses at once";
	if (n > FUNCTIONS_MAX)
		return -E2BIG;
	asked.file = *file;
	for (size_t i = 0; i < n; i++)
		asked.offsets[i] = functions[i].offset;
	r = service_call(reader, &request, &reply, NULL);
	if (r == 0)
		return take_reply(&reply, functions, n, ret_is_file, ret_why);
	/* The reader lives: it was the decoder that died, or was killed at its limit. */
	*ret_is_file = reader->fd >= 0 && (r == -EPIPE || r == -ETIMEDOUT);
	*ret_why = *ret_is_file ? "decoding its file took too long, or went wrong" : strerrorname_np(-r);
	return r;
}
