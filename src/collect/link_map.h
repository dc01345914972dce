/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loaded objects of a process, from the dynamic linker's list in its memory. */
#ifndef COLLECT_LINK_MAP_H
#define COLLECT_LINK_MAP_H

#include "collect/target.h"

/*
 * Fills t->objects: the executable first, then in link order, namespace by namespace. What cannot
 * be read is noted as unknown; the executable alone stays where there is no list.
 */
void link_map_read(struct target *t);

/*
 * For a dynamic linker that was started by hand and loaded the program itself: its own _r_debug, once
 * it has been scanned. True when that gave another list of objects, which are to be scanned.
 */
bool link_map_follow(struct target *t);

#endif
