/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/parse.h"

#include <string.h>

static void skip(struct span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

bool parse_line(struct span *text, struct span *ret_line)
{
	const char *end;

	if (!text->len)
		return false;
	end = memchr(text->p, '\n', text->len);
	ret_line->p = text->p;
	ret_line->len = end ? (size_t)(end - text->p) : text->len;
	skip(text, ret_line->len + (end ? 1 : 0));
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

bool parse_word(struct span *text, struct span *ret_word)
{
	while (text->len && blank(text->p[0]))
		skip(text, 1);
	if (!text->len)
		return false;
	ret_word->p = text->p;
	while (text->len && !blank(text->p[0]))
		skip(text, 1);
	ret_word->len = (size_t)(text->p - ret_word->p);
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

bool parse_take_u64(struct span *s, int base, uint64_t *ret)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; n < s->len && digit(s->p[n]) < base; n++)
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit(s->p[n]), &value))
			return false;
	if (!n)
		return false;
	skip(s, n);
	*ret = value;
	return true;
}

bool parse_u64(struct span s, int base, uint64_t *ret)
{
	uint64_t value;

	if (!parse_take_u64(&s, base, &value) || s.len)
		return false;
	*ret = value;
	return true;
}

bool parse_str_u64(const char *s, int base, uint64_t *ret)
{
	return parse_u64((struct span){ s, strlen(s) }, base, ret);
}

bool parse_str_seconds(const char *s, uint64_t *ret_ns)
{
	struct span rest = { s, strlen(s) };
	uint64_t seconds = 0, fraction = 0;

	if ((*s != '.' && !parse_take_u64(&rest, 10, &seconds)) || seconds > 1000000000)
		return false;
	if (rest.len && rest.p[0] == '.') {
		size_t digits;

		skip(&rest, 1);
		digits = rest.len;
		if (digits > 9 || !parse_take_u64(&rest, 10, &fraction))
			return false;
		for (; digits < 9; digits++)
			fraction *= 10;
	}
	if (rest.len)
		return false;
	*ret_ns = seconds * 1000000000 + fraction;
	return true;
}

bool parse_has_prefix(struct span s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && !memcmp(s.p, prefix, len);
}

bool parse_equals(struct span s, const char *text)
{
	return s.len == strlen(text) && parse_has_prefix(s, text);
}
