/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules about the registered areas themselves: length, place, content, agreement. */
#ifndef DIAGNOSE_AREAS_H
#define DIAGNOSE_AREAS_H

#include "diagnose/diagnose.h"

void rule_area_invalid(const struct rule *rule, const struct diagnosis *d);
void rule_dangling_section(const struct rule *rule, const struct diagnosis *d);
void rule_length_exceeds_area(const struct rule *rule, const struct diagnosis *d);
void rule_length_and_size(const struct rule *rule, const struct diagnosis *d);
void rule_nonstandard_signature(const struct rule *rule, const struct diagnosis *d);
void rule_libc_area_abandoned(const struct rule *rule, const struct diagnosis *d);
void rule_emulated(const struct rule *rule, const struct diagnosis *d);
void rule_shared_area(const struct rule *rule, const struct diagnosis *d);
void rule_mixed_length(const struct rule *rule, const struct diagnosis *d);
void rule_mixed_signature(const struct rule *rule, const struct diagnosis *d);
void rule_mixed_offset(const struct rule *rule, const struct diagnosis *d);

#endif
