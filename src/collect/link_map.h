/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loaded objects of a process, from the dynamic linker's lists in its memory. */
#ifndef COLLECT_LINK_MAP_H
#define COLLECT_LINK_MAP_H

#include "collect/target.h"

/*
 * Fills t->objects: the executable first, then in link order, namespace by namespace. Where there is
 * no list, or none that can be read (t->list_error), the executable and its dynamic linker alone.
 */
void link_map_read(struct target *t);

/*
 * Where that gave no list: the dynamic linker's own variable says where it is, once its file has been
 * scanned. For programs that hide DT_DEBUG, or were started by hand as its argument. True when that
 * gave other objects, which are to be scanned.
 */
bool link_map_follow(struct target *t);

/*
 * From glibc's _rtld_global: the link namespaces that r_debug does not list (up to 2.34 it lists one),
 * and the global scope of each, in which names are looked up. True when there are more objects now.
 */
bool link_map_read_namespaces(struct target *t);

/* What is mapped like a loaded object and is in no list. True when there are more objects now. */
bool link_map_add_unlisted(struct target *t);

/* Notes as unknown what could not be read. */
void link_map_explain(struct target *t);

#endif
