/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/decode.h"

#include <errno.h>
#include <string.h>

enum { DECODE_FUNCTIONS = READER_OP_FIRST_FREE, DECODE_DESCRIPTOR };

/* --- in the decoder --- */

static int decode_functions(int file, const void *request, size_t len, void *ret, const char **ret_what)
{
	struct function *functions = ret;
	size_t n = len / sizeof(uint64_t);

	for (size_t i = 0; i < n; i++)
		memcpy(&functions[i].offset, (const uint64_t *)request + i, sizeof(uint64_t));
	return functions_find(file, functions, n, ret_what);
}

static int decode_one_descriptor(int file, const void *request, size_t len, void *ret, const char **ret_what)
{
	struct descriptor *d = ret;

	(void)len;
	memcpy(&d->offset, request, sizeof(uint64_t));
	memcpy(&d->length, (const uint64_t *)request + 1, sizeof(uint64_t));
	return descriptors_find(file, d, ret_what);
}

/* --- in the reader --- */

/* n is how many words the request has behind the file. */
static int run(struct reader_child *child, const struct service_request *request, decoder_fn *fn, size_t n, size_t size,
	       struct strbuf *reply)
{
	static struct decode_request asked;
	_cleanup_close_ int fd = -1;

	if (n > FUNCTIONS_MAX || request->len != offsetof(struct decode_request, words) + n * sizeof(uint64_t))
		return -EINVAL;
	memcpy(&asked, request->data, request->len);
	asked.file.path[sizeof(asked.file.path) - 1] = '\0';
	fd = reader_child_open(child, &asked.file);
	if (fd < 0)
		return fd;
	return decoder_run(fn, fd, asked.words, n * sizeof(uint64_t), size, reply);
}

static int handle_functions(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	size_t len = request->len - offsetof(struct decode_request, words), n = len / sizeof(uint64_t);

	(void)ret_fd;
	if (request->len < offsetof(struct decode_request, words))
		return -EINVAL;
	return run(ctx, request, decode_functions, n, n * sizeof(struct function), reply);
}

static int handle_descriptor(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	(void)ret_fd;
	return run(ctx, request, decode_one_descriptor, 2, sizeof(struct descriptor), reply);
}

const struct service_op decode_ops[DECODE_OPS] = {
	{ DECODE_FUNCTIONS, DECODER_LIMIT_MS, handle_functions },
	{ DECODE_DESCRIPTOR, DECODER_LIMIT_MS, handle_descriptor },
};

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

/* Takes in a reply of the decoder: size bytes of content. */
static int take_reply(const struct strbuf *reply, void *ret, size_t size, bool *ret_is_file, const char **ret_why)
{
	struct decoder_status status;

	*ret_is_file = true;
	*ret_why = "its decoder went wrong";
	if (reply->len != sizeof(status) + size)
		return -EPIPE;
	memcpy(&status, reply->data, sizeof(status));
	*ret_why = why_broken(status.err);
	if (status.err < 0)
		return status.err;
	memcpy(ret, reply->data + sizeof(status), size);
	return 0;
}

/* n words of asked are filled in. */
static int ask(struct service *reader, uint32_t op, const struct decode_request *asked, size_t n, void *ret,
	       size_t size, bool *ret_is_file, const char **ret_why)
{
	struct service_request request = { op, asked, offsetof(struct decode_request, words) + n * sizeof(uint64_t) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int r = service_call(reader, &request, &reply, NULL);

	if (r == 0)
		return take_reply(&reply, ret, size, ret_is_file, ret_why);
	/* The reader lives: it was the decoder that died, or was killed at its limit. */
	*ret_is_file = reader->fd >= 0 && (r == -EPIPE || r == -ETIMEDOUT);
	*ret_why = *ret_is_file ? "decoding its file took too long, or went wrong" : strerrorname_np(-r);
	return r;
}

int decode_read(struct service *reader, const struct mapped_file *file, struct function *functions, size_t n,
		bool *ret_is_file, const char **ret_why)
{
	struct decode_request asked;
	int r;

	*ret_is_file = false;
	*ret_why = "too many addresses at once";
	if (n > FUNCTIONS_MAX)
		return -E2BIG;
	asked.file = *file;
	for (size_t i = 0; i < n; i++)
		asked.words[i] = functions[i].offset;
	r = ask(reader, DECODE_FUNCTIONS, &asked, n, functions, n * sizeof(*functions), ret_is_file, ret_why);
	for (size_t i = 0; r == 0 && i < n; i++)
		bound(&functions[i], asked.words[i]);
	return r;
}

int decode_descriptor(struct service *reader, const struct mapped_file *file, struct descriptor *d, bool *ret_is_file,
		      const char **ret_why)
{
	struct decode_request asked;
	int r;

	*ret_is_file = false;
	asked.file = *file;
	asked.words[0] = d->offset;
	asked.words[1] = d->length;
	r = ask(reader, DECODE_DESCRIPTOR, &asked, 2, d, sizeof(*d), ret_is_file, ret_why);
	d->offset = asked.words[0];
	d->length = asked.words[1];
	d->symbol[sizeof(d->symbol) - 1] = '\0';
	return r;
}
