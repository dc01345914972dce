/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which definition a name means: as the dynamic linker looks it up (glibc's do_lookup_x and
 * check_match, elf/dl-lookup.c), and, better, as it wrote it down when it relocated a reference.
 */
#ifndef COLLECT_LOOKUP_H
#define COLLECT_LOOKUP_H

#include "collect/target.h"

/* Finds who needs whom: needs, startup, root and exports of every object. Once, after the scan. */
void lookup_prepare(struct target *t);

/* Reads what was written down. Once, after the TLS modules are known. */
void lookup_read_bound(struct target *t);

/*
 * Where a look-up ends that begins in that object, for the symbol's name and version; the index of an
 * object, or SIZE_MAX where none has it. Not seen: RTLD_DEEPBIND.
 */
size_t lookup_find(struct target *t, size_t from, const struct image_symbol *symbol);

/* Whose definition that object's references to the symbol got: an index, or BOUND_NONE. */
uint32_t lookup_bound(struct target *t, size_t object, const struct image_symbol *symbol);

/* Whether this definition is used: references got it, or it is local to its object. */
bool lookup_is_used(struct target *t, size_t object, const struct image_symbol *symbol);

/* Why a look-up finds this object's definitions before those of others. Static. */
const char *lookup_reason(const struct target *t, size_t object);

#endif
