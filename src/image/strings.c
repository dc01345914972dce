/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/strings.h"

#include <string.h>

#include "model/known.h"
#include "util/array.h"

/* The table is read in windows that overlap by the longest name. */
#define WINDOW (1u << 20)
#define OVERLAP IMAGE_NAME_MAX

/* One of these stands in every name that is worth a scan; the rest is found by hash only. */
static const char *const stems[] = { "rseq",	"tcmalloc",     "TcmallocSlab", "_thread_db_",
				     "stack_use", "nptl_version", "__copy_tls" };

static void add(struct name_offsets *names, uint64_t offset, int known)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->items[i].offset == offset)
			return;
	if (names->n < ARRAY_SIZE(names->items) && offset <= UINT32_MAX) {
		names->items[names->n].offset = (uint32_t)offset;
		names->items[names->n++].known = known;
	}
}

/* The names that hold the stem whose first place in them is at hit. */
static void match(const char *window, size_t len, size_t hit, const char *stem, uint64_t base,
		  struct name_offsets *names)
{
	for (size_t k = 0; k < known_symbols_n; k++) {
		const char *name = known_symbols[k].name, *in = strstr(name, stem);
		size_t before, size = strlen(name) + 1;

		if (!in)
			continue;
		before = (size_t)(in - name);
		if (before <= hit && size <= len - (hit - before) &&
		    !memcmp(window + hit - before, name, size))
			add(names, base + hit - before, (int)k);
	}
}

static void search_window(const char *window, size_t len, uint64_t base, struct name_offsets *names)
{
	for (size_t s = 0; s < ARRAY_SIZE(stems); s++) {
		size_t stem_len = strlen(stems[s]), at = 0;
		const char *p;

		while ((p = memmem(window + at, len - at, stems[s], stem_len))) {
			match(window, len, (size_t)(p - window), stems[s], base, names);
			at = (size_t)(p - window) + 1;
		}
	}
}

void name_offsets_search(const struct elf_file *file, uint64_t offset, uint64_t size,
			 struct name_offsets *ret)
{
	size_t room = size < WINDOW ? (size_t)size : WINDOW;
	_cleanup_free_ char *window = malloc(room + 1);

	for (uint64_t done = 0; window && done < size; done += WINDOW - OVERLAP) {
		size_t len = size - done < WINDOW ? (size_t)(size - done) : WINDOW;

		if (!elf_file_read(file, offset + done, window, len))
			return;
		search_window(window, len, done, ret);
		if (len < WINDOW)
			return;
	}
}

int name_offsets_find(const struct name_offsets *names, uint32_t offset)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->items[i].offset == offset)
			return names->items[i].known;
	return -1;
}
