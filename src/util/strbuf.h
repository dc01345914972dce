/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growing run of bytes. Always ends with a NUL that is not counted, so it can be used as a
 * string. A failed allocation is remembered in `failed` and makes every later append do nothing:
 * check once, at the end.
 */
#ifndef UTIL_STRBUF_H
#define UTIL_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct strbuf {
	char *data; /* NULL while empty */
	size_t len, cap;
	bool failed;
};

void strbuf_done(struct strbuf *b);
void strbuf_clear(struct strbuf *b);
void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_printf(struct strbuf *b, const char *format, ...) _printf_(2, 3);
void strbuf_vprintf(struct strbuf *b, const char *format, va_list ap) _printf_(2, 0);

/* Room for len bytes at the end, zeroed and counted at once. NULL when there is no memory. */
void *strbuf_extend(struct strbuf *b, size_t len) _must_check_;

/* The text so far, "" while empty. Borrowed until the next change. */
const char *strbuf_str(const struct strbuf *b);

#define _cleanup_strbuf_ _cleanup_(strbuf_done)

#endif
