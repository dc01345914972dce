/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * By symbols first. A stripped static program has none; glibc's table of tunables stays in it, and
 * the name of the one for rseq with it (2.35 on). Nothing of the kind is in a stripped musl program.
 */
#include "image/libc.h"

#include <ctype.h>
#include <string.h>

#include "model/known.h"

enum { WINDOW = 256 << 10 };

/* Takes what it looks for from the window, which begins with at most OVERLAP bytes of the one before. */
typedef bool (*search_fn)(const char *window, size_t len, struct image *image);
enum { OVERLAP = sizeof(((struct image *)0)->banner) };

static bool search_segment(const struct elf_file *file, const struct image_segment *s, struct image *image,
			   search_fn found)
{
	_cleanup_free_ char *window = malloc(WINDOW);

	for (uint64_t done = 0; window && done < s->filesz; done += WINDOW - OVERLAP) {
		uint64_t left = s->filesz - done;
		size_t len = left < WINDOW ? (size_t)left : WINDOW;

		if (!elf_file_read(file, s->offset + done, window, len))
			return false;
		if (found(window, len, image))
			return true;
	}
	return false;
}

/* Code last: it is ten times as long, but aarch64's linker puts constants into one segment with it. */
static void search(const struct elf_file *file, struct image *image, search_fn found)
{
	for (uint32_t code = 0; code <= PF_X; code += PF_X)
		for (uint32_t i = 0; i < image->n_segments; i++)
			if ((image->segments[i].flags & PF_X) == code &&
			    search_segment(file, &image->segments[i], image, found))
				return;
}

/* glibc prints this line when libc.so.6 is executed; it names the distribution's build too. */
static bool find_banner(const char *window, size_t len, struct image *image)
{
	static const char start[] = "GNU C Library (";
	const char *p = memmem(window, len, start, sizeof(start) - 1), *end;
	size_t n;

	if (!p)
		return false;
	n = len - (size_t)(p - window);
	end = memchr(p, '\n', n);
	if (end)
		n = (size_t)(end - p);
	if (n >= sizeof(image->banner))
		n = sizeof(image->banner) - 1;
	memcpy(image->banner, p, n);
	image->banner[n] = '\0';
	return true;
}

static bool find_tunable(const char *window, size_t len, struct image *image)
{
	static const char name[] = "glibc.pthread.rseq";

	if (!memmem(window, len, name, sizeof(name)))
		return false;
	image->libc = IMAGE_GLIBC;
	return true;
}

/* "1.2.3" or "1.2.3-git-20-gabcdef"; 0 when it is none, else its length with the NUL. */
static size_t version_length(const char *p, size_t room)
{
	size_t n = strnlen(p, room), parts = 0, i = 0;

	while (i < n && isdigit((unsigned char)p[i])) {
		while (i < n && isdigit((unsigned char)p[i]))
			i++;
		parts++;
		if (i < n && p[i] == '.')
			i++;
	}
	return n < room && parts == 3 && (i == n || !strncmp(p + i, "-git", 4)) && p[i - 1] != '.' ? n + 1 : 0;
}

/* musl's version is a string of its own, and the only one of that form. */
static bool find_musl_version(const char *window, size_t len, struct image *image)
{
	for (size_t i = 1; i < len; i++) {
		size_t n = window[i - 1] || !isdigit((unsigned char)window[i]) ?
				   0 : version_length(window + i, len - i);

		if (!n || n > sizeof(image->libc_version))
			continue;
		memcpy(image->libc_version, window + i, n);
		return true;
	}
	return false;
}

static bool defines(const struct image *image, enum known_role role)
{
	for (uint32_t i = 0; i < image->n_symbols; i++)
		if (image->symbols[i].defined && known_symbols[image->symbols[i].known].role == role)
			return true;
	return false;
}

/* A program without a dynamic linker; shared objects name none either, but are no programs. */
static bool is_static_program(const struct image *image)
{
	return !image->interpreter && (image->pie || (!image->dynamic && image->type == ET_EXEC));
}

void libc_identify(const struct elf_file *file, struct image *image)
{
	if (defines(image, ROLE_GLIBC) || defines(image, ROLE_GLIBC_VERSION) || defines(image, ROLE_RTLD_GLOBAL))
		image->libc = IMAGE_GLIBC;
	else if (defines(image, ROLE_MUSL) || defines(image, ROLE_MUSL_DEBUG))
		image->libc = IMAGE_MUSL;
	else if (is_static_program(image))
		search(file, image, find_tunable);
	if (image->libc == IMAGE_GLIBC && image_find(image, "gnu_get_libc_version"))
		search(file, image, find_banner);
	if (image->libc == IMAGE_MUSL)
		search(file, image, find_musl_version);
}
