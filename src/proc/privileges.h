/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up what only the helper processes need. */
#ifndef PROC_PRIVILEGES_H
#define PROC_PRIVILEGES_H

#include "util/cleanup.h"

/*
 * Empties every capability set of the calling process and forbids gaining any by exec. What was
 * opened before stays open. 0 or -errno.
 */
int privileges_drop(void) _must_check_;

#endif
