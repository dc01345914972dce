/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/maps.h"

#include <errno.h>
#include <string.h>

#include "util/array.h"

static bool take_char(struct span *s, char c)
{
	if (!s->len || s->p[0] != c)
		return false;
	s->p++;
	s->len--;
	return true;
}

static bool take_range(struct span *line, struct mapping *m)
{
	return parse_take_u64(line, 16, &m->start) && take_char(line, '-') &&
	       parse_take_u64(line, 16, &m->end) && m->end > m->start;
}

static bool take_device(struct span word, struct mapping *m)
{
	uint64_t major, minor;

	if (!parse_take_u64(&word, 16, &major) || !take_char(&word, ':') ||
	    !parse_u64(word, 16, &minor))
		return false;
	m->dev_major = (uint32_t)major;
	m->dev_minor = (uint32_t)minor;
	return true;
}

static struct span trim_left(struct span s)
{
	while (s.len && s.p[0] == ' ') {
		s.p++;
		s.len--;
	}
	return s;
}

/* The kernel marks an unlinked file by this suffix; a name that really ends so cannot be told apart. */
static struct span strip_deleted(struct span path, bool *ret_deleted)
{
	static const char suffix[] = " (deleted)";
	size_t n = sizeof(suffix) - 1;

	*ret_deleted = path.len > n && !memcmp(path.p + path.len - n, suffix, n);
	if (*ret_deleted)
		path.len -= n;
	return path;
}

/* The kernel prints a newline in a path as \012, and nothing else so. */
static const char *unescape(struct arena *arena, struct span path)
{
	char *copy = arena ? arena_alloc(arena, path.len + 1) : NULL;
	size_t n = 0;

	if (!copy)
		return "";
	for (size_t i = 0; i < path.len; i++) {
		if (path.len - i >= 4 && !memcmp(path.p + i, "\\012", 4)) {
			copy[n++] = '\n';
			i += 3;
		} else {
			copy[n++] = path.p[i];
		}
	}
	return copy;
}

static bool parse_mapping(struct span line, struct arena *arena, struct mapping *m)
{
	struct span perms, offset, device, inode, path;

	if (!take_range(&line, m) || !parse_word(&line, &perms) || perms.len != 4 ||
	    !parse_word(&line, &offset) || !parse_u64(offset, 16, &m->offset) ||
	    !parse_word(&line, &device) || !take_device(device, m) || !parse_word(&line, &inode) ||
	    !parse_u64(inode, 10, &m->inode))
		return false;
	m->readable = perms.p[0] == 'r';
	m->writable = perms.p[1] == 'w';
	m->executable = perms.p[2] == 'x';
	path = strip_deleted(trim_left(line), &m->deleted);
	m->path = unescape(arena, path);
	return true;
}

bool maps_next(struct span *text, struct arena *arena, struct mapping *ret)
{
	struct span line;

	while (parse_line(text, &line)) {
		*ret = (struct mapping){ 0 };
		if (parse_mapping(line, arena, ret))
			return true;
	}
	return false;
}

int maps_parse(struct span text, struct arena *arena, struct maps *ret)
{
	struct maps maps = { 0 };
	struct mapping m;

	while (maps_next(&text, arena, &m)) {
		struct mapping *slot = ARRAY_ADD(maps.items, maps.n);

		if (!slot) {
			maps_done(&maps);
			return -ENOMEM;
		}
		*slot = m;
	}
	*ret = maps;
	return 0;
}

void maps_done(struct maps *maps)
{
	free(maps->items);
	*maps = (struct maps){ 0 };
}

bool maps_same_file(const struct mapping *a, const struct mapping *b)
{
	return a->inode && a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor;
}

const struct mapping *maps_find(const struct maps *maps, uint64_t addr)
{
	size_t low = 0, high = maps->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct mapping *m = &maps->items[mid];

		if (addr < m->start)
			high = mid;
		else if (addr >= m->end)
			low = mid + 1;
		else
			return m;
	}
	return NULL;
}
