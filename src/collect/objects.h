/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loaded objects define. */
#ifndef COLLECT_OBJECTS_H
#define COLLECT_OBJECTS_H

#include "collect/target.h"

/* Opens and scans the file of every object that was not yet. */
void objects_scan(struct target *t);

/* Fills facts->objects: which definition wins, and the values of those that are no TLS. */
void objects_describe(struct target *t);

/* By whose symbols a user of rseq is known, or NULL; area, when not NULL, chooses among several. */
const char *objects_name(const struct image *image, const struct image_symbol *area);

/* The path of the object's file as the kernel knows it. */
const char *objects_path(const struct target *t, const struct object *o);

#endif
