/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

static bool continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The length of the well-formed UTF-8 character at s (RFC 3629: no overlong forms, no surrogates), or 0. */
static size_t character(const unsigned char *s, size_t len, uint32_t *ret_code)
{
	uint32_t code;
	size_t n;

	if (s[0] < 0x80) {
		*ret_code = s[0];
		return 1;
	}
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	code = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if (!continuation(s[i]))
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
	    (n == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	*ret_code = code;
	return n;
}

/* Controls, and the characters that change the direction or the lines of the text around them. */
static bool unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
	       (c & 0xfffe) == 0xfffe; /* no characters; XML has no place for them */
}

/* Nearly all text is nothing else, and there can be a lot of it. */
static size_t plain(const unsigned char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7f)
		n++;
	return n;
}

static void append(struct strbuf *out, const char *s, size_t len, bool terminal)
{
	const unsigned char *p = (const unsigned char *)s;

	while (len) {
		uint32_t code = 0;
		size_t run = plain(p, len), n, bytes;

		strbuf_add(out, p, run);
		p += run;
		len -= run;
		if (!len)
			break;
		n = character(p, len, &code);
		bytes = n ? n : 1;
		if (n && !(terminal && unsafe(code)))
			strbuf_add(out, p, n);
		else
			for (size_t i = 0; i < bytes; i++)
				strbuf_printf(out, "\\x%02x", p[i]);
		p += bytes;
		len -= bytes;
	}
}

void text_escape(struct strbuf *out, const char *s, size_t len)
{
	append(out, s, len, true);
}

void text_utf8(struct strbuf *out, const char *s, size_t len)
{
	append(out, s, len, false);
}

size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += !continuation((unsigned char)*s);
	return n;
}
