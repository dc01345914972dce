/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and lines out of text that may be anything. No locale, no sign, no overflow. */
#ifndef UTIL_PARSE_H
#define UTIL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of text: not NUL-terminated. */
struct span {
	const char *p;
	size_t len;
};

/* The next line without its newline, taken off the front of *text. False at the end. */
bool parse_line(struct span *text, struct span *ret_line);

/* The next run of bytes that are no blanks, taken off the front. False when none is left. */
bool parse_word(struct span *text, struct span *ret_word);

/* All of it as an unsigned number; false for anything else, and on overflow. */
bool parse_u64(struct span s, int base, uint64_t *ret);
bool parse_str_u64(const char *s, int base, uint64_t *ret);

/* Seconds, at most 10^9, with up to nine digits behind the point, as nanoseconds. */
bool parse_str_seconds(const char *s, uint64_t *ret_ns);

/* Takes an unsigned number off the front; false when there is none. */
bool parse_take_u64(struct span *s, int base, uint64_t *ret);

bool parse_has_prefix(struct span s, const char *prefix);
bool parse_equals(struct span s, const char *text);

#endif
