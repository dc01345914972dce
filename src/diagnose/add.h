/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new finding of a rule. */
#ifndef DIAGNOSE_ADD_H
#define DIAGNOSE_ADD_H

#include "diagnose/diagnose.h"

/*
 * About the process, if there is one, a thread of it (tid, else 0) and an object (a path, else NULL). Inferred where the
 * owner is. The detail is the rule's to fill. NULL: no memory.
 */
struct finding *diagnose_add(const struct rule *rule, const struct diagnosis *d, enum severity severity,
			     int32_t tid, const char *object);

#endif
