/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/kernel.h"

#include <errno.h>
#include <string.h>

#include "trace/kernel_missed.h"
#include "trace/kernel_programs.h"
#include "trace/kernel_totals.h"
#include "trace/skeleton.h"
#include "util/array.h"

/* One reply to a poll holds no more, but for the record that reaches it. */
enum { POLL_REPLY_MAX = 1 << 20 };

struct kernel {
	struct kernel_programs programs;
	struct ring_buffer *ring;
	struct strbuf *reply; /* while polling */
};

static int take_record(void *ctx, void *data, size_t size)
{
	struct kernel *k = ctx;
	struct trace_frame frame = { .size = (uint32_t)size };
	char *p = strbuf_extend(k->reply, sizeof(frame) + (size + 7) / 8 * 8);
	const struct trace_header *h = data;

	if (!p)
		return -ENOMEM;
	memcpy(p, &frame, sizeof(frame));
	memcpy(p + sizeof(frame), data, size);
	if (h->type == TRACE_FAULT && size == sizeof(struct trace_fault)) {
		struct trace_fault *f = (struct trace_fault *)(p + sizeof(frame));

		if (f->n_kernel > 0)
			f->sender = kernel_symbols_sender(&k->programs.symbols, f->kernel,
							  (size_t)f->n_kernel / sizeof(f->kernel[0]));
	}
	/* It is delivered; those behind it wait for the next call. */
	return k->reply->len > POLL_REPLY_MAX ? -E2BIG : 0;
}

static int load(struct kernel *k)
{
	struct kernel_programs *p = &k->programs;
	int r = kernel_programs_load(p);

	if (r < 0)
		return r;
	k->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.ring), take_record, k, NULL);
	if (!k->ring) {
		kernel_programs_refuse(p, -errno);
		return p->loaded.err;
	}
	return kernel_programs_attach(p);
}

static int handle_load(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;

	(void)ret_fd;
	if (request->len != sizeof(k->programs.config) || k->programs.skel)
		return -EINVAL;
	memcpy(&k->programs.config, request->data, sizeof(k->programs.config));
	k->programs.config.cgroup[sizeof(k->programs.config.cgroup) - 1] = '\0';
	if (load(k) < 0 && !k->programs.loaded.err)
		kernel_programs_refuse(&k->programs, -EIO);
	strbuf_add(reply, &k->programs.loaded, sizeof(k->programs.loaded));
	return 0;
}

static int handle_target(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	struct trace_target t;
	uint8_t one = 1;
	struct bpf_map *map;

	(void)reply;
	(void)ret_fd;
	if (request->len != sizeof(t) || !k->programs.skel)
		return -EINVAL;
	memcpy(&t, request->data, sizeof(t));
	map = t.is_thread ? k->programs.skel->maps.target_tids : k->programs.skel->maps.target_pids;
	return bpf_map_update_elem(bpf_map__fd(map), &t.id, &one, BPF_ANY) < 0 ? -errno : 0;
}

static int handle_poll(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	int32_t ms;

	(void)ret_fd;
	if (request->len != sizeof(ms) || !k->ring)
		return -EINVAL;
	memcpy(&ms, request->data, sizeof(ms));
	k->reply = reply;
	kernel_missed_stand_by(&k->programs);
	/* First what was submitted without a wake-up, which poll() knows nothing of. */
	if (ring_buffer__consume(k->ring) == 0)
		(void)!ring_buffer__poll(k->ring, ms > TRACE_POLL_MS_MAX ? TRACE_POLL_MS_MAX : ms);
	return 0;
}

static int handle_totals(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	struct trace_totals totals = { 0 };
	int r;

	(void)request;
	(void)ret_fd;
	if (!k->programs.skel)
		return -EINVAL;
	strbuf_add(reply, &totals, sizeof(totals));
	r = kernel_totals_counts(&k->programs, &totals.counts);
	kernel_missed_count(&k->programs, &totals);
	totals.n_sections = kernel_totals_sections(&k->programs, reply);
	if (!reply->failed)
		memcpy(reply->data, &totals, sizeof(totals));
	return r;
}

static int handle_stacks(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;

	(void)request;
	(void)ret_fd;
	if (!k->programs.skel)
		return -EINVAL;
	kernel_totals_stacks(&k->programs, reply);
	return 0;
}

static int handle_frames(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;
	uint32_t id;

	(void)ret_fd;
	if (!k->programs.skel || request->len != sizeof(id))
		return -EINVAL;
	memcpy(&id, request->data, sizeof(id));
	return kernel_totals_frames(&k->programs, id, reply);
}

static int handle_detach(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct kernel *k = ctx;

	(void)request;
	(void)reply;
	(void)ret_fd;
	if (!k->programs.skel)
		return -EINVAL;
	trace_bpf__detach(k->programs.skel);
	return 0;
}

static int setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	static struct kernel kernel;

	(void)arg;
	(void)len;
	(void)status;
	*ret_ctx = &kernel;
	return 0;
}

static const struct service_op ops[] = {
	/* The kernel waits for every CPU when it attaches, which on a loaded machine was seen to take 20 s. */
	{ TRACE_OP_LOAD, 120000, handle_load },	    { TRACE_OP_TARGET, 10000, handle_target },
	{ TRACE_OP_POLL, 10000, handle_poll },	    { TRACE_OP_TOTALS, 30000, handle_totals },
	{ TRACE_OP_STACKS, 30000, handle_stacks },  { TRACE_OP_FRAMES, 10000, handle_frames },
	{ TRACE_OP_DETACH, 30000, handle_detach },
};

const struct service_kind trace_kernel_kind = {
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.setup = setup,
	.setup_limit_ms = 10000,
	.talks = true,
};
