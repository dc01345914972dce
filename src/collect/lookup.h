/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which definition a name means, as the dynamic linker looks it up: glibc's do_lookup_x and
 * check_match (elf/dl-lookup.c). Not seen: RTLD_DEEPBIND, which turns the order round for one object.
 */
#ifndef COLLECT_LOOKUP_H
#define COLLECT_LOOKUP_H

#include "collect/target.h"

/* Finds who needs whom: needs, startup, root and exports of every object. Once, after the scan. */
void lookup_prepare(struct target *t);

/*
 * Where a look-up ends that begins in that object, for the symbol's name and version; the index of an
 * object, or SIZE_MAX where none has it.
 */
size_t lookup_find(struct target *t, size_t from, const struct image_symbol *symbol);

/* Whether this definition is used: a look-up from its own object finds it, or it is local to it. */
bool lookup_is_used(struct target *t, size_t object, const struct image_symbol *symbol);

/* Why a look-up finds this object's definitions before those of others. Static. */
const char *lookup_reason(const struct target *t, size_t object);

#endif
