/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine that a figure was measured on. */
#ifndef STRESS_ENVIRONMENT_H
#define STRESS_ENVIRONMENT_H

#include "stress/stress.h"

/* Strings are the arena's. What cannot be read is noted as unknown. */
void environment_read(const struct stress_options *options, struct arena *arena, struct environment_facts *ret);

#endif
