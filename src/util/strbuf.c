/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/strbuf.h"

#include <stdint.h>
#include <string.h>

void strbuf_done(struct strbuf *b)
{
	free(b->data);
	*b = (struct strbuf){ 0 };
}

void strbuf_clear(struct strbuf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

static bool reserve(struct strbuf *b, size_t more)
{
	size_t want, cap = b->cap ? b->cap : 64;
	char *data;

	if (b->failed || __builtin_add_overflow(b->len, more, &want) || want > SIZE_MAX / 4)
		goto fail;
	if (want < b->cap)
		return true;
	while (cap <= want)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		goto fail;
	b->data = data;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

void *strbuf_extend(struct strbuf *b, size_t len)
{
	void *start;

	if (!reserve(b, len))
		return NULL;
	start = b->data + b->len;
	memset(start, 0, len);
	b->len += len;
	b->data[b->len] = '\0';
	return start;
}

void strbuf_add(struct strbuf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_vprintf(struct strbuf *b, const char *format, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0 || !reserve(b, (size_t)n))
		return;
	vsnprintf(b->data + b->len, (size_t)n + 1, format, ap);
	b->len += (size_t)n;
}

void strbuf_printf(struct strbuf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	strbuf_vprintf(b, format, ap);
	va_end(ap);
}

const char *strbuf_str(const struct strbuf *b)
{
	return b->data ? b->data : "";
}
