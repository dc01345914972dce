/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules about the objects that use rseq: their counters, symbols, and where they live. */
#ifndef DIAGNOSE_USERS_H
#define DIAGNOSE_USERS_H

#include "diagnose/diagnose.h"

void rule_unregistered_under_user(const struct rule *rule, const struct diagnosis *d);
void rule_refcount_mismatch(const struct rule *rule, const struct diagnosis *d);
void rule_handled_mismatch(const struct rule *rule, const struct diagnosis *d);
void rule_owner_unloadable(const struct rule *rule, const struct diagnosis *d);
void rule_namespace_owner(const struct rule *rule, const struct diagnosis *d);
void rule_interposed_size(const struct rule *rule, const struct diagnosis *d);
void rule_version_mismatch(const struct rule *rule, const struct diagnosis *d);
void rule_unused_registration(const struct rule *rule, const struct diagnosis *d);

#endif
