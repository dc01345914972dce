/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/status.h"

#include <string.h>

/* Field numbers of proc_pid_stat(5), counted from the state, which is field 3. */
enum { FIELD_FLAGS = 9 - 3, FIELD_START = 22 - 3 };

bool status_parse_stat(struct span text, struct proc_stat *ret)
{
	const char *open = memchr(text.p, '(', text.len), *close;
	struct proc_stat stat = { 0 };
	struct span rest, word;

	/* The name may hold parentheses and blanks: it ends at the last one. */
	close = open ? memrchr(open, ')', text.len - (size_t)(open - text.p)) : NULL;
	if (!close)
		return false;
	stat.comm_len = (size_t)(close - open - 1);
	if (stat.comm_len >= sizeof(stat.comm))
		return false;
	memcpy(stat.comm, open + 1, stat.comm_len);
	rest = (struct span){ close + 1, text.len - (size_t)(close + 1 - text.p) };
	for (int i = 0; parse_word(&rest, &word); i++) {
		if (i == 0)
			stat.state = word.p[0];
		if (i == FIELD_FLAGS && !parse_u64(word, 10, &stat.flags))
			return false;
		if (i == FIELD_START) {
			if (!parse_u64(word, 10, &stat.start_ticks))
				return false;
			*ret = stat;
			return true;
		}
	}
	return false;
}

bool status_find(struct span text, const char *key, struct span *ret_value)
{
	size_t len = strlen(key);
	struct span line;

	while (parse_line(&text, &line)) {
		if (!parse_has_prefix(line, key) || line.len <= len || line.p[len] != ':')
			continue;
		line.p += len + 1;
		line.len -= len + 1;
		while (line.len && (line.p[0] == '\t' || line.p[0] == ' ')) {
			line.p++;
			line.len--;
		}
		*ret_value = line;
		return true;
	}
	return false;
}

bool status_find_u64(struct span text, const char *key, uint64_t *ret)
{
	struct span value;

	return status_find(text, key, &value) && parse_u64(value, 10, ret);
}

static uint64_t word_at(const char *p, unsigned int size)
{
	uint64_t wide;
	uint32_t narrow;

	if (size == 8) {
		memcpy(&wide, p, 8);
		return wide;
	}
	memcpy(&narrow, p, 4);
	return narrow;
}

bool status_find_auxv(struct span auxv, unsigned int word_size, uint64_t type, uint64_t *ret)
{
	for (size_t i = 0; auxv.len - i >= 2 * (size_t)word_size; i += 2 * (size_t)word_size) {
		uint64_t t = word_at(auxv.p + i, word_size);

		if (t == 0)
			return false;
		if (t == type) {
			*ret = word_at(auxv.p + i + word_size, word_size);
			return true;
		}
	}
	return false;
}

bool status_find_env(struct span environ, const char *name, struct span *ret_value)
{
	size_t len = strlen(name);

	while (environ.len) {
		const char *end = memchr(environ.p, '\0', environ.len);
		size_t n = end ? (size_t)(end - environ.p) : environ.len;
		struct span entry = { environ.p, n };

		if (parse_has_prefix(entry, name) && n > len && entry.p[len] == '=') {
			*ret_value = (struct span){ entry.p + len + 1, n - len - 1 };
			return true;
		}
		n += end ? 1 : 0;
		environ.p += n;
		environ.len -= n;
	}
	return false;
}

bool status_env_is_intact(struct span environ)
{
	while (environ.len) {
		const char *end = memchr(environ.p, '\0', environ.len);
		size_t n = end ? (size_t)(end - environ.p) : 0;

		if (!n || !memchr(environ.p, '=', n))
			return false;
		environ.p += n + 1;
		environ.len -= n + 1;
	}
	return true;
}

int32_t status_inner_id(struct span status)
{
	struct span numbers, word;
	uint64_t n = 0;

	if (!status_find(status, "NSpid", &numbers))
		return 0;
	while (parse_word(&numbers, &word))
		if (!parse_u64(word, 10, &n) || n > INT32_MAX)
			return 0;
	return (int32_t)n;
}
