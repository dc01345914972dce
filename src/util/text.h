/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that came from somebody else, made fit to print. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stddef.h>

#include "util/strbuf.h"

/*
 * Appends len bytes as UTF-8 that is safe on a terminal: control characters (C0, DEL, C1),
 * characters that reorder text, and bytes that are no UTF-8 become \xNN per byte.
 */
void text_escape(struct strbuf *out, const char *s, size_t len);

/* Appends len bytes as valid UTF-8: only bytes that are no UTF-8 become \xNN. For JSON, which
 * escapes control characters itself. */
void text_utf8(struct strbuf *out, const char *s, size_t len);

/* Columns that escaped text takes on a terminal: its characters, all taken as one column wide. */
size_t text_width(const char *s);

#endif
