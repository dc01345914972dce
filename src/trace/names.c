/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/names.h"

#include <string.h>

#include "util/array.h"

/* 10 MiB of ranges; a traced system has some thousand. */
#define FILES_MAX 1024
#define RANGES_MAX (1u << 18)
enum { DESCRIPTORS_MAX = 1 << 14 };

/* NULL: it has no name. */
struct descriptor_name {
	uint64_t offset, length;
	const char *symbol;
};

struct names_file {
	struct file_key key;
	struct name_range *ranges; /* by offset; they do not overlap */
	size_t n;
	struct descriptor_name *descriptors; /* as they were asked for */
	size_t n_descriptors;
	const char *why; /* NULL unless nothing can be learned */
	uint64_t used;	 /* for choosing which one to give up */
};

static void empty(struct names *names, struct names_file *file)
{
	names->ranges -= file->n;
	free(file->ranges);
	file->ranges = NULL;
	file->n = 0;
	names->descriptors -= file->n_descriptors;
	free(file->descriptors);
	file->descriptors = NULL;
	file->n_descriptors = 0;
}

void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		empty(names, &names->files[i]);
	free(names->files);
	*names = (struct names){ 0 };
}

/* Whether it was found through map_files makes no other file of it. */
static bool same(const struct file_key *a, const struct file_key *b)
{
	return a->dev == b->dev && a->inode == b->inode && a->size == b->size &&
	       a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns;
}

static struct names_file *find_file(struct names *names, const struct file_key *key)
{
	for (size_t i = 0; i < names->n; i++)
		if (same(&names->files[i].key, key)) {
			names->files[i].used = ++names->clock;
			return &names->files[i];
		}
	return NULL;
}

static struct names_file *oldest(struct names *names)
{
	struct names_file *found = &names->files[0];

	for (size_t i = 1; i < names->n; i++)
		if (names->files[i].used < found->used)
			found = &names->files[i];
	return found;
}

static struct names_file *make_file(struct names *names, const struct file_key *key)
{
	struct names_file *file = find_file(names, key);

	if (file)
		return file;
	if (names->n < FILES_MAX)
		file = ARRAY_ADD(names->files, names->n);
	else
		empty(names, file = oldest(names));
	if (file)
		*file = (struct names_file){ .key = *key, .used = ++names->clock };
	return file;
}

/* The first range that ends after the offset. */
static size_t position(const struct names_file *file, uint64_t offset)
{
	size_t low = 0, high = file->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (file->ranges[mid].high <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct name_range *names_find(struct names *names, const struct file_key *key, uint64_t offset,
				    const char **ret_why)
{
	const struct names_file *file = find_file(names, key);
	size_t i = file ? position(file, offset) : 0;

	*ret_why = file ? file->why : NULL;
	return file && i < file->n && file->ranges[i].low <= offset ? &file->ranges[i] : NULL;
}

static void add(struct names *names, struct names_file *file, const struct name_range *range)
{
	size_t i = position(file, range->low);

	/* Two places of one function were asked for at once; or a decoder says this today and that tomorrow. */
	if (i < file->n && file->ranges[i].low < range->high)
		return;
	if (names->ranges == RANGES_MAX || !ARRAY_ADD(file->ranges, file->n))
		return;
	names->ranges++;
	memmove(&file->ranges[i + 1], &file->ranges[i], (file->n - 1 - i) * sizeof(*range));
	file->ranges[i] = *range;
}

void names_add(struct names *names, const struct file_key *key, const struct function *functions, size_t n,
	       struct intern *strings)
{
	struct names_file *file = make_file(names, key);

	if (!file)
		return;
	for (size_t i = 0; names->ranges + n > RANGES_MAX && i < names->n; i++)
		empty(names, &names->files[i]);
	for (size_t i = 0; i < n; i++) {
		const struct function *f = &functions[i];
		struct name_range range = {
			.low = f->low,
			.high = f->high,
			.name = f->name[0] ? intern(strings, f->name) : NULL,
		};

		if (f->name[0] && !range.name)
			range.why = "there is no room for more names";
		range.shift = f->vaddr - (range.name ? f->start : 0) - f->offset;
		add(names, file, &range);
	}
}

bool names_find_descriptor(struct names *names, const struct file_key *key, uint64_t offset, uint64_t length,
			   const char **ret_symbol)
{
	const struct names_file *file = find_file(names, key);

	for (size_t i = 0; file && i < file->n_descriptors; i++)
		if (file->descriptors[i].offset == offset && file->descriptors[i].length == length) {
			*ret_symbol = file->descriptors[i].symbol;
			return true;
		}
	return false;
}

void names_add_descriptor(struct names *names, const struct file_key *key, const struct descriptor *d,
			  struct intern *strings)
{
	struct names_file *file = make_file(names, key);
	struct descriptor_name *name;

	for (size_t i = 0; names->descriptors >= DESCRIPTORS_MAX && i < names->n; i++)
		empty(names, &names->files[i]);
	name = file ? ARRAY_ADD(file->descriptors, file->n_descriptors) : NULL;
	if (!name)
		return;
	names->descriptors++;
	*name = (struct descriptor_name){ d->offset, d->length, d->symbol[0] ? intern(strings, d->symbol) : NULL };
}

void names_refuse(struct names *names, const struct file_key *key, const char *why)
{
	struct names_file *file = make_file(names, key);

	if (file)
		file->why = why;
}
