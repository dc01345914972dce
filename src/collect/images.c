/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/images.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "collect/scan.h"
#include "model/known.h"
#include "util/array.h"

struct entry {
	struct file_key key;
	char why[80];
	struct image *image; /* NULL: why */
};

struct images {
	struct entry *entries;
	size_t n;
	struct images_counts counts;
};

struct images *images_new(void)
{
	return calloc(1, sizeof(struct images));
}

void images_free(struct images *images)
{
	if (!images)
		return;
	for (size_t i = 0; i < images->n; i++)
		free(images->entries[i].image);
	free(images->entries);
	free(images);
}

struct images_counts images_count(const struct images *images)
{
	return images->counts;
}

static bool same(const struct file_key *a, const struct file_key *b)
{
	return a->dev == b->dev && a->inode == b->inode && a->size == b->size &&
	       a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns;
}

/* The record must be safe to use, whatever became of the decoder: every count and string bounded. */
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
	    image->build_id_len > sizeof(image->build_id) || (image->tls && !image->tls_align))
		return false;
	for (uint32_t i = 0; i < image->n_symbols; i++)
		if (image->symbols[i].known >= known_symbols_n)
			return false;
	return true;
}

static void fill(struct entry *e, int err, const struct strbuf *reply)
{
	struct scan_reply *r = (struct scan_reply *)reply->data;

	if (err == 0 && reply->len != sizeof(*r))
		err = -EPIPE;
	if (err == -ETIMEDOUT)
		snprintf(e->why, sizeof(e->why), "reading it took too long");
	else if (err < 0)
		snprintf(e->why, sizeof(e->why), "its decoder ended (%s)", strerrorname_np(-err));
	else if (r->status.err < 0)
		snprintf(e->why, sizeof(e->why), "%.*s", (int)sizeof(r->status.what) - 1, r->status.what);
	else if (!sane(&r->image))
		snprintf(e->why, sizeof(e->why), "its decoder went wrong");
	else if (!(e->image = malloc(sizeof(*e->image))))
		snprintf(e->why, sizeof(e->why), "no memory");
	else
		*e->image = r->image;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const struct image *images_get(struct images *images, struct service *reader,
			       const struct mapped_file *file, const struct file_key *key,
			       int64_t *budget_ms, const char **ret_why)
{
	struct service_request request = { SCAN_FILE, file, sizeof(*file) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int64_t start = now_ms();
	struct entry *e;

	images->counts.wanted++;
	for (size_t i = 0; i < images->n; i++)
		if (same(&images->entries[i].key, key)) {
			*ret_why = images->entries[i].why;
			return images->entries[i].image;
		}
	*ret_why = "the time for this process's files is used up";
	if (*budget_ms <= 0)
		return NULL;
	e = ARRAY_ADD(images->entries, images->n);
	*ret_why = "no memory";
	if (!e)
		return NULL;
	e->key = *key;
	images->counts.decoded++;
	fill(e, service_call(reader, &request, &reply, NULL), &reply);
	*budget_ms -= now_ms() - start;
	*ret_why = e->why;
	return e->image;
}
