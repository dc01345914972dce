/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings that are kept once each, up to a limit, and freed all at once. */
#ifndef UTIL_INTERN_H
#define UTIL_INTERN_H

#include "util/arena.h"

struct intern {
	struct arena arena;
	void *root;
	size_t bytes, limit; /* what they take; the caller sets the limit */
};

/* The one copy, borrowed until intern_done. NULL at the limit, or when there is no memory. */
const char *intern(struct intern *strings, const char *s);
void intern_done(struct intern *strings);

#endif
