/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/images.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "model/known.h"
#include "util/array.h"

/* A file is decoded with this much, and given up beyond: a real one needs some MiB. */
#define MEMORY_MAX (1ul << 30)
#define SECONDS_MAX 5

enum { SCAN = 1 };

struct scan_reply {
	int32_t err;
	char what[60];
	struct image image;
};

struct entry {
	struct stat st;
	char why[80];
	struct image *image; /* NULL: why */
};

struct images {
	struct service scanner;
	struct entry *entries;
	size_t n;
};

/* --- the helper --- */

static int setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	struct rlimit seconds = { SECONDS_MAX, SECONDS_MAX };

	(void)arg;
	(void)len;
	(void)ret_ctx;
	(void)status;
	setrlimit(RLIMIT_CPU, &seconds);
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory takes terabytes of addresses */
	setrlimit(RLIMIT_AS, &(struct rlimit){ MEMORY_MAX, MEMORY_MAX });
#endif
	return 0;
}

static int handle_scan(void *ctx, const struct service_request *request, struct strbuf *reply,
		       int *ret_fd)
{
	struct scan_reply *r = strbuf_extend(reply, sizeof(*r));
	const char *what = "";

	(void)ctx;
	(void)ret_fd;
	if (!r)
		return -ENOMEM;
	r->err = image_scan(request->fd, &r->image, &what);
	if (r->err < 0)
		strncpy(r->what, what, sizeof(r->what) - 1);
	return 0;
}

static const struct service_op ops[] = { { SCAN, SECONDS_MAX * 1000, handle_scan } };
static const struct service_kind scanner_kind = {
	.ops = ops,
	.n_ops = 1,
	.setup = setup,
	.setup_limit_ms = 1000,
};

/* --- the cache --- */

struct images *images_new(void)
{
	struct images *images = calloc(1, sizeof(*images));

	if (images)
		images->scanner = SERVICE_NONE;
	return images;
}

void images_free(struct images *images)
{
	if (!images)
		return;
	service_stop(&images->scanner);
	for (size_t i = 0; i < images->n; i++)
		free(images->entries[i].image);
	free(images->entries);
	free(images);
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int ask(struct images *images, int fd, struct strbuf *reply)
{
	struct service_request request = { SCAN, NULL, 0, fd };
	struct service_status status;
	int r;

	if (images->scanner.fd < 0) {
		r = service_start(&scanner_kind, NULL, 0, &images->scanner, &status);
		if (r < 0)
			return r;
	}
	r = service_call(&images->scanner, &request, reply, NULL);
	if (r == 0 && reply->len != sizeof(struct scan_reply))
		r = -EPIPE;
	return r;
}

/* The record must be safe to use, whatever became of the helper: every count and string bounded. */
static bool sane(struct image *image)
{
	image->soname[sizeof(image->soname) - 1] = '\0';
	image->banner[sizeof(image->banner) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(image->needed); i++)
		image->needed[i][IMAGE_NAME_MAX - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(image->symbols); i++)
		image->symbols[i].version[sizeof(image->symbols[i].version) - 1] = '\0';
	if (image->n_symbols > IMAGE_SYMBOLS_MAX || image->n_needed > IMAGE_NEEDED_MAX ||
	    image->n_segments > IMAGE_SEGMENTS_MAX ||
	    image->build_id_len > sizeof(image->build_id))
		return false;
	for (uint32_t i = 0; i < image->n_symbols; i++)
		if (image->symbols[i].known >= known_symbols_n)
			return false;
	return true;
}

static void fill(struct entry *e, int err, const struct strbuf *reply)
{
	struct scan_reply *r = (struct scan_reply *)reply->data;

	if (err == -ETIMEDOUT)
		snprintf(e->why, sizeof(e->why), "reading it took too long");
	else if (err < 0)
		snprintf(e->why, sizeof(e->why), "its decoder ended (%s)", strerrorname_np(-err));
	else if (r->err < 0)
		snprintf(e->why, sizeof(e->why), "%.*s", (int)sizeof(r->what) - 1, r->what);
	else if (!sane(&r->image))
		snprintf(e->why, sizeof(e->why), "its decoder went wrong");
	else if (!(e->image = malloc(sizeof(*e->image))))
		snprintf(e->why, sizeof(e->why), "no memory");
	else
		*e->image = r->image;
}

const struct image *images_get(struct images *images, int fd, const char **ret_why)
{
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	struct entry *e;
	struct stat st;

	*ret_why = "";
	if (fstat(fd, &st) < 0) {
		*ret_why = "it cannot be examined";
		return NULL;
	}
	for (size_t i = 0; i < images->n; i++)
		if (same(&images->entries[i].st, &st)) {
			*ret_why = images->entries[i].why;
			return images->entries[i].image;
		}
	e = ARRAY_ADD(images->entries, images->n);
	if (!e) {
		*ret_why = "no memory";
		return NULL;
	}
	e->st = st;
	fill(e, ask(images, fd, &reply), &reply);
	*ret_why = e->why;
	return e->image;
}
