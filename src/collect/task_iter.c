/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/task_iter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "inspect.lskel.h"
#include "inspect.skel.h"
#pragma GCC diagnostic pop
#include "rseqctl/task_record.h"
#include "util/io.h"

/* 96 bytes for each of four million threads, which is PID_MAX_LIMIT */
#define RECORDS_MAX (400u << 20)

/* The loaded iterator, whichever way it was loaded. */
struct task_iter {
	int link;
	int32_t *only_tgid;
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

/*
 * The light skeleton lets the kernel relocate against its own types (5.17 on), where libbpf reads
 * and searches megabytes of them: 3 ms against 20.
 */
static bool load_light(struct task_iter *iter)
{
	struct inspect_light *skel = inspect_light__open();

	if (!skel)
		return false;
	if (inspect_light__load(skel) < 0 || inspect_light__attach(skel) < 0) {
		inspect_light__destroy(skel);
		return false;
	}
	*iter = (struct task_iter){ skel->links.task_records_fd, &skel->bss->only_tgid };
	return true;
}

static int refuse(struct service_status *status, const char *doing, int err)
{
	snprintf(status->what, sizeof(status->what), "%s %s", strerrorname_np(-err), doing);
	return err;
}

static int load(struct task_iter *iter, struct service_status *status)
{
	struct inspect_bpf *skel = inspect_bpf__open();
	int r;

	if (!skel)
		return refuse(status, "opening the BPF program", -errno);
	r = inspect_bpf__load(skel);
	/* What libbpf returns then is about something else. */
	if (r < 0 && access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return refuse(status, "reading the kernel's types (BTF) from /sys/kernel/btf/vmlinux", -errno);
	if (r < 0)
		return refuse(status, "loading the BPF program, which needs the kernel's types (BTF)", r);
	r = inspect_bpf__attach(skel);
	if (r < 0)
		return refuse(status, "attaching the BPF task iterator", r);
	*iter = (struct task_iter){ bpf_link__fd(skel->links.task_records), &skel->bss->only_tgid };
	return 0;
}

/* Runs in the helper, which keeps what it loaded until it ends. */
static int setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	static struct task_iter iter;
	bool talk = len == 1 && *(const char *)arg;

	*ret_ctx = &iter;
	if (!talk)
		libbpf_set_print(print_nothing);
	/* Who wants to hear about loading gets the way that tells. */
	if (!talk && load_light(&iter))
		return 0;
	return load(&iter, status);
}

static int handle_read(void *ctx, const struct service_request *request, struct strbuf *reply,
		       int *ret_fd)
{
	const struct task_iter *iter = ctx;
	_cleanup_close_ int fd = -1;

	(void)ret_fd;
	if (request->len != sizeof(*iter->only_tgid))
		return -EINVAL;
	memcpy(iter->only_tgid, request->data, request->len);
	fd = bpf_iter_create(iter->link);
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
