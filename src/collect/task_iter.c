/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/task_iter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "inspect.skel.h"
#include "rseqctl/task_record.h"
#include "util/io.h"

/* 88 bytes for each of four million threads, which is PID_MAX_LIMIT */
#define RECORDS_MAX (400u << 20)

static int print_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

static int refuse(struct service_status *status, const char *doing, int err)
{
	snprintf(status->what, sizeof(status->what), "%s %s", strerrorname_np(-err), doing);
	return err;
}

static int setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	struct inspect_bpf *skel;
	int r;

	if (len != 1 || !*(const char *)arg)
		libbpf_set_print(print_nothing);
	skel = inspect_bpf__open();
	if (!skel)
		return refuse(status, "opening the BPF program", -errno);
	r = inspect_bpf__load(skel);
	if (r < 0)
		return refuse(status, "loading the BPF program", r);
	r = inspect_bpf__attach(skel);
	if (r < 0)
		return refuse(status, "attaching the BPF task iterator", r);
	*ret_ctx = skel;
	return 0;
}

static int handle_read(void *ctx, const struct service_request *request, struct strbuf *reply,
		       int *ret_fd)
{
	struct inspect_bpf *skel = ctx;
	_cleanup_close_ int fd = -1;

	(void)ret_fd;
	if (request->len != sizeof(skel->bss->only_tgid))
		return -EINVAL;
	memcpy(&skel->bss->only_tgid, request->data, request->len);
	fd = bpf_iter_create(bpf_link__fd(skel->links.task_records));
	if (fd < 0)
		return -errno;
	return io_read_file(fd, RECORDS_MAX, reply);
}

static const struct service_op ops[] = { { TASK_ITER_READ, 10000, handle_read } };

const struct service_kind task_iter_kind = {
	.ops = ops,
	.n_ops = 1,
	.setup = setup,
	.setup_limit_ms = 10000,
};
