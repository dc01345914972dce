/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The asking side of a reader; what runs in the helper is reader_child.c. */
#include "proc/reader.h"

#include <errno.h>
#include <string.h>

#include "proc/reader_wire.h"

int reader_file(struct service *s, const char *name, struct strbuf *out)
{
	struct service_request request = { READER_OP_FILE, name, strlen(name) };

	return service_call(s, &request, out, NULL);
}

int reader_maps(struct service *s, int32_t pid, struct strbuf *out)
{
	struct service_request request = { READER_OP_MAPS, &pid, sizeof(pid) };

	return service_call(s, &request, out, NULL);
}

int reader_exe(struct service *s, struct strbuf *out)
{
	struct service_request request = { READER_OP_EXE, NULL, 0 };

	return service_call(s, &request, out, NULL);
}

static int batch(struct service *s, const struct memory_range *ranges, size_t n, struct strbuf *out,
		 int32_t *ret_errs)
{
	struct service_request request = { READER_OP_MEMORY, ranges, n * sizeof(*ranges) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	size_t total = 0;
	int r = service_call(s, &request, &reply, NULL);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		total += ranges[i].len;
	if (reply.len != n * sizeof(*ret_errs) + total)
		return -EPIPE;
	memcpy(ret_errs, reply.data, n * sizeof(*ret_errs));
	strbuf_add(out, reply.data + n * sizeof(*ret_errs), total);
	return out->failed ? -ENOMEM : 0;
}

int reader_memory_batch(struct service *s, const struct memory_range *ranges, size_t n,
			struct strbuf *out, int32_t *ret_errs)
{
	for (size_t i = 0; i < n; i++)
		if (ranges[i].len > READER_RANGE_MAX)
			return -E2BIG;
	while (n) {
		size_t now = n < READER_BATCH_MAX ? n : READER_BATCH_MAX;
		int r = batch(s, ranges, now, out, ret_errs);

		if (r < 0)
			return r;
		ranges += now;
		ret_errs += now;
		n -= now;
	}
	return 0;
}

int reader_memory(struct service *s, uint64_t addr, void *ret, size_t len)
{
	struct memory_range range = { addr, len };
	_cleanup_strbuf_ struct strbuf out = { 0 };
	int32_t err = 0;
	int r = reader_memory_batch(s, &range, 1, &out, &err);

	if (r == 0)
		r = err;
	if (r == 0)
		memcpy(ret, strbuf_str(&out), len);
	return r;
}

int reader_identify(struct service *s, const struct mapped_file *file, struct file_key *ret)
{
	struct service_request request = { READER_OP_IDENTIFY, file, sizeof(*file) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int r = service_call(s, &request, &reply, NULL);

	if (r < 0)
		return r;
	if (reply.len != sizeof(*ret))
		return -EPIPE;
	memcpy(ret, reply.data, sizeof(*ret));
	return 0;
}

int reader_alive(struct service *s)
{
	struct service_request request = { READER_OP_ALIVE, NULL, 0 };
	_cleanup_strbuf_ struct strbuf reply = { 0 };

	return service_call(s, &request, &reply, NULL);
}
