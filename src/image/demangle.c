/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libiberty ends the process when there is no memory, and takes long for names made to that end: this
 * runs in decoders only, where a hostile file spoils but its own names.
 */
#include "image/demangle.h"

#include <libiberty/demangle.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

void demangle(const char *name, char *ret, size_t size)
{
	_cleanup_free_ char *plain = NULL, *brief = NULL;
	size_t len = strcspn(name + (*name != '\0'), "@") + (*name != '\0');
	_cleanup_free_ char *copy = strndup(name, len);
	const char *best = copy ? copy : "";

	if (!strncmp(best, "_Z", 2) || !strncmp(best, "_R", 2)) {
		plain = cplus_demangle(best, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI);
		/* Parameters tell overloads apart; where they do not fit, the name matters more. */
		if (plain && strlen(plain) >= size)
			brief = cplus_demangle(best, DMGL_AUTO);
	}
	snprintf(ret, size, "%s", brief ? brief : plain ? plain : best);
}
