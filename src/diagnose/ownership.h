/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules about who owns and who lost. */
#ifndef DIAGNOSE_OWNERSHIP_H
#define DIAGNOSE_OWNERSHIP_H

#include "diagnose/diagnose.h"

void rule_lost_registration(const struct rule *rule, const struct diagnosis *d);
void rule_not_started(const struct rule *rule, const struct diagnosis *d);
void rule_libc_disabled(const struct rule *rule, const struct diagnosis *d);
void rule_libc_failed(const struct rule *rule, const struct diagnosis *d);
void rule_thread_unregistered(const struct rule *rule, const struct diagnosis *d);
void rule_mixed_owner(const struct rule *rule, const struct diagnosis *d);
void rule_id_fields_modified(const struct rule *rule, const struct diagnosis *d);

#endif
