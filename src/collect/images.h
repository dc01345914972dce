/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the mapped files say, each distinct file scanned once, in a helper process without
 * privileges that can crash or hang without taking us along.
 */
#ifndef COLLECT_IMAGES_H
#define COLLECT_IMAGES_H

#include "image/image.h"
#include "proc/service.h"

struct images;

struct images *images_new(void);
void images_free(struct images *images);

/*
 * The image of the open file. Borrowed until images_free. NULL when it could not be decoded;
 * *ret_why then says why, static or borrowed likewise.
 */
const struct image *images_get(struct images *images, int fd, const char **ret_why);

#endif
