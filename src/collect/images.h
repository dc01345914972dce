/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the mapped files say, each distinct file scanned once however many processes map it. */
#ifndef COLLECT_IMAGES_H
#define COLLECT_IMAGES_H

#include "image/image.h"
#include "proc/reader.h"

struct images;

struct images *images_new(void);
void images_free(struct images *images);

/* How often an image was wanted, and how many files were decoded for that. */
struct images_counts {
	size_t wanted, decoded;
};
struct images_counts images_count(const struct images *images);

/*
 * The image of the file that this reader's process has mapped there. Borrowed until images_free.
 * NULL when there is none; *ret_why then says why, static or borrowed likewise. *budget_ms is what
 * may be spent on scanning; what is spent is taken from it.
 */
const struct image *images_get(struct images *images, struct service *reader,
			       const struct mapped_file *file, const struct file_key *key,
			       int64_t *budget_ms, const char **ret_why);

#endif
