/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/objects.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "proc/reader.h"
#include "util/array.h"

const char *objects_path(const struct target *t, const struct object *o)
{
	if (o->mapping && o->mapping->path[0])
		return o->mapping->path;
	return o == t->objects && t->facts->exe ? t->facts->exe : "?";
}

/* --- files --- */

/* Found by path, because map_files is not permitted: the loaded note must be the file's. */
static bool build_id_matches(struct target *t, const struct object *o, const struct image *image)
{
	uint8_t loaded[sizeof(image->build_id)];

	if (!image->build_id_len)
		return false;
	return reader_memory(t->reader, o->base + image->build_id_vaddr, loaded,
			     image->build_id_len) == 0 &&
	       !memcmp(loaded, image->build_id, image->build_id_len);
}

static const char *why_not_open(int err)
{
	switch (err) {
	case -ESTALE:
		return "another file has its name now, and opening the mapped one takes root";
	case -ENOTSUP:
		return "what has its name now is no regular file";
	case -ETIMEDOUT:
		return "opening it took too long";
	}
	return strerrorname_np(-err);
}

static void scan_object(struct target *t, struct object *o)
{
	struct mapped_file file = { .start = o->mapping->start,
				    .end = o->mapping->end,
				    .inode = o->mapping->inode };
	const struct image *image;
	struct file_key key;
	const char *why;
	int r;

	strncpy(file.path, o->mapping->path, sizeof(file.path) - 1);
	r = reader_identify(t->reader, &file, &key);
	if (r < 0) {
		process_unknown(t->facts, o->mapping->path, "%s", why_not_open(r));
		return;
	}
	image = images_get(t->images, t->reader, &file, &key, &t->scan_budget_ms, &why);
	if (!image)
		process_unknown(t->facts, o->mapping->path, "%s", why);
	else if (!key.exact && image->build_id_len && !build_id_matches(t, o, image))
		process_unknown(t->facts, o->mapping->path,
				"another file has its name and inode: the build id differs");
	else
		o->image = image;
	if (image && image->truncated)
		process_unknown(t->facts, o->mapping->path, "it has more symbols, segments or needed libraries than are kept");
}

/* --- what was loaded with the program --- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool provides(const struct target *t, const struct object *o, const char *needed)
{
	if (o->image && o->image->soname[0] && !strcmp(o->image->soname, base_name(needed)))
		return true;
	return !strcmp(base_name(objects_path(t, o)), base_name(needed));
}

static size_t find_provider(const struct target *t, uint32_t namespace, const char *needed)
{
	for (size_t i = 0; i < t->n_objects; i++)
		if (t->objects[i].namespace == namespace && provides(t, &t->objects[i], needed))
			return i;
	return t->n_objects;
}

static bool follow_needed(struct target *t, size_t object)
{
	const struct image *image = t->objects[object].image;

	t->objects[object].followed = true;
	for (uint32_t i = 0; image && i < image->n_needed; i++) {
		size_t found = find_provider(t, t->objects[object].namespace, image->needed[i]);

		if (found < t->n_objects)
			t->objects[found].needed = true;
	}
	return true;
}

/*
 * Marks what the program needs, directly or not. Objects before the last of these in link order
 * were loaded with the program as well (LD_PRELOAD); what follows came by dlopen.
 */
static void mark_startup(struct target *t)
{
	size_t last = 0;
	bool again = true;

	if (t->n_objects)
		t->objects[0].needed = true;
	while (again) {
		again = false;
		for (size_t i = 0; i < t->n_objects; i++)
			again |= t->objects[i].needed && !t->objects[i].followed && follow_needed(t, i);
	}
	for (size_t i = 0; i < t->n_objects; i++)
		if (t->objects[i].needed)
			last = i;
	for (size_t i = 0; i < t->n_objects; i++)
		t->objects[i].startup = t->objects[i].needed || (!t->objects[i].namespace && i < last);
}

void objects_scan(struct target *t)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		struct object *o = &t->objects[i];

		/* The vDSO is an object without a file, and defines nothing of ours. */
		if (o->mapping && o->mapping->inode)
			scan_object(t, o);
	}
	mark_startup(t);
}

const char *objects_name(const struct image *image, const struct image_symbol *area)
{
	bool tcmalloc = image->google_malloc, librseq = false, slabs_there = false;

	for (uint32_t i = 0; i < image->n_symbols; i++) {
		const struct image_symbol *s = &image->symbols[i];
		enum known_role role = known_symbols[s->known].role;

		if (!s->defined)
			continue;
		tcmalloc |= role == ROLE_SLABS || role == ROLE_TCMALLOC;
		librseq |= role == ROLE_LIBRSEQ_OFFSET || role == ROLE_LIBRSEQ;
		/* tcmalloc: the slab pointer ends where cpu_id_start ends */
		slabs_there |= role == ROLE_SLABS && area && s->value + 4 == area->value;
	}
	if (slabs_there)
		return "tcmalloc";
	return librseq ? "librseq" : tcmalloc ? "tcmalloc" : NULL;
}

/* libc.so.6, its dynamic linker, or a static program with it. */
static bool holds_glibc(const struct image *image)
{
	for (uint32_t i = 0; i < image->n_symbols; i++) {
		enum known_role role = known_symbols[image->symbols[i].known].role;

		if (image->symbols[i].defined && (role == ROLE_GLIBC || role == ROLE_RTLD_GLOBAL))
			return true;
	}
	return false;
}

/* --- libc --- */

/* Descriptors of libthread_db: size in bits, number of elements, offset in bytes. */
static int64_t private_offset(struct target *t, enum known_role role)
{
	const struct object *o;
	const struct image_symbol *s = target_find(t, role, &o);
	uint32_t descriptor[3];

	if (!s || reader_memory(t->reader, target_address(o, s), descriptor, sizeof(descriptor)) < 0)
		return -1;
	return descriptor[2] < (1u << 20) ? (int64_t)descriptor[2] : -1;
}

static int64_t sizeof_pthread(struct target *t)
{
	const struct object *o;
	const struct image_symbol *s = target_find(t, ROLE_SIZEOF_PTHREAD, &o);
	uint32_t size;

	if (!s || reader_memory(t->reader, target_address(o, s), &size, sizeof(size)) < 0)
		return -1;
	return size < (1u << 20) ? (int64_t)size : -1;
}

static void read_layout(struct target *t)
{
	const struct object *o;
	const struct image_symbol *global = target_find(t, ROLE_RTLD_GLOBAL, &o);

	t->libc = (struct libc_layout){
		.link_map_tls_offset = private_offset(t, ROLE_LINK_MAP_TLS_OFFSET),
		.link_map_tls_modid = private_offset(t, ROLE_LINK_MAP_TLS_MODID),
		.pthread_dtvp = private_offset(t, ROLE_PTHREAD_DTVP),
		.pthread_tid = private_offset(t, ROLE_PTHREAD_TID),
		.pthread_list = private_offset(t, ROLE_PTHREAD_LIST),
		.sizeof_pthread = sizeof_pthread(t),
		.stack_used = private_offset(t, ROLE_STACK_USED),
		.stack_user = private_offset(t, ROLE_STACK_USER),
		.rtld_global = global ? target_address(o, global) : 0,
	};
}

/* l_tls_offset and l_tls_modid of every link map, in one go. */
static void read_tls_fields(struct target *t)
{
	size_t n = 2 * t->n_objects;
	_cleanup_free_ struct memory_range *ranges = calloc(n + 1, sizeof(*ranges));
	_cleanup_free_ int32_t *errs = calloc(n + 1, sizeof(*errs));
	_cleanup_strbuf_ struct strbuf out = { 0 };

	if (!ranges || !errs || t->libc.link_map_tls_offset < 0 || t->libc.link_map_tls_modid < 0)
		return;
	for (size_t i = 0; i < t->n_objects; i++) {
		uint64_t lm = t->objects[i].link_map;

		ranges[2 * i] = (struct memory_range){ lm + (uint64_t)t->libc.link_map_tls_offset, 8 };
		ranges[2 * i + 1] = (struct memory_range){ lm + (uint64_t)t->libc.link_map_tls_modid, 8 };
	}
	if (reader_memory_batch(t->reader, ranges, n, &out, errs) < 0)
		return;
	for (size_t i = 0; i < t->n_objects; i++) {
		struct object *o = &t->objects[i];

		o->has_tls_fields = o->link_map && !errs[2 * i] && !errs[2 * i + 1];
		memcpy(&o->tls_offset, out.data + 16 * i, 8);
		memcpy(&o->tls_modid, out.data + 16 * i + 8, 8);
	}
}

/* "GNU C Library (BUILD) stable release version 2.36." */
static void take_banner(struct process_facts *facts, const char *banner)
{
	static const char before[] = "GNU C Library (", version[] = " release version ";
	const char *close = strrchr(banner, ')'), *v = strstr(banner, version);
	size_t n = sizeof(before) - 1;

	if (!strncmp(banner, before, n) && close && close > banner + n)
		facts->libc.build =
			arena_strndup(&facts->arena, banner + n, (size_t)(close - banner) - n);
	if (v) {
		v += sizeof(version) - 1;
		facts->libc.version = arena_strndup(&facts->arena, v, strspn(v, "0123456789.") -
					(v[strspn(v, "0123456789.") - 1] == '.'));
	}
}

/* A program that uses the variable may hold a copy of it, which wins; libc is where glibc is too. */
static const struct object *find_libc(const struct target *t, uint8_t known, const struct object *winner)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		for (uint32_t k = 0; image && holds_glibc(image) && k < image->n_symbols; k++)
			if (image->symbols[k].known == known && image->symbols[k].defined)
				return &t->objects[i];
	}
	return winner;
}

static void read_value(struct target *t, enum known_role role, void *ret, size_t size, uint64_t bit)
{
	const struct object *o;
	const struct image_symbol *s = target_find(t, role, &o);

	if (!s)
		return;
	if (role == ROLE_LIBC_OFFSET)
		t->facts->libc.object = objects_path(t, find_libc(t, s->known, o));
	if (reader_memory(t->reader, target_address(o, s), ret, size) == 0)
		t->facts->libc.has |= bit;
	else
		process_unknown(t->facts, known_symbols[s->known].name, "its value cannot be read");
}

void objects_read_libc(struct target *t)
{
	struct libc_facts *libc = &t->facts->libc;

	read_layout(t);
	read_tls_fields(t);
	libc->linkage = t->dynamic ? "dynamic" : t->n_objects ? "static" : NULL;
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		if (t->objects[i].namespace || !image || !holds_glibc(image))
			continue;
		libc->name = "glibc";
		if (image->banner[0] && !libc->version)
			take_banner(t->facts, image->banner);
	}
	read_value(t, ROLE_LIBC_OFFSET, &libc->rseq_offset, sizeof(libc->rseq_offset), LIBC_OFFSET);
	read_value(t, ROLE_LIBC_SIZE, &libc->rseq_size, sizeof(libc->rseq_size), LIBC_SIZE);
	read_value(t, ROLE_LIBC_FLAGS, &libc->rseq_flags, sizeof(libc->rseq_flags), LIBC_FLAGS);
	if (!(libc->has & LIBC_OFFSET) && libc->name)
		process_unknown(t->facts, "libc.rseq_offset", "this libc exports no rseq symbols");
}

/* --- which definition wins --- */

static bool exports(const struct object *o, uint8_t known)
{
	for (uint32_t k = 0; o->image && k < o->image->n_symbols; k++)
		if (o->image->symbols[k].known == known && o->image->symbols[k].defined &&
		    o->image->symbols[k].exported)
			return true;
	return false;
}

/*
 * The definition that look-ups find: the first in link order of what was loaded with the program. What
 * was opened later keeps to its own, where there is no earlier one: its scope is local as a rule.
 */
bool objects_is_used(const struct target *t, size_t object, const struct image_symbol *symbol)
{
	const struct object *o = &t->objects[object];

	if (!symbol->defined)
		return false;
	if (!symbol->exported || !t->dynamic)
		return true;
	for (size_t i = 0; i < object; i++)
		if (t->objects[i].namespace == o->namespace &&
		    (t->objects[i].startup || o->namespace) && exports(&t->objects[i], symbol->known))
			return false;
	return true;
}

static const char *wins_reason(const struct target *t, size_t object)
{
	const struct object *o = &t->objects[object];

	if (object == 0)
		return "executable";
	if (o->namespace)
		return "link namespace";
	return o->needed ? "dependency order" : o->startup ? "preload" : "local scope";
}

static const char *type_name(uint8_t type)
{
	static const char *const names[] = { "NOTYPE", "OBJECT", "FUNC", "SECTION",
					     "FILE",   "COMMON", "TLS" };

	return type < ARRAY_SIZE(names) ? names[type] : type == STT_GNU_IFUNC ? "IFUNC" : "other";
}

static const char *bind_name(uint8_t bind)
{
	static const char *const names[] = { "LOCAL", "GLOBAL", "WEAK" };

	return bind < ARRAY_SIZE(names) ? names[bind] : bind == STB_GNU_UNIQUE ? "UNIQUE" : "other";
}

static void describe_symbol(struct target *t, size_t object, const struct image_symbol *s,
			    struct symbol_facts *f)
{
	const struct object *o = &t->objects[object];

	f->name = known_symbols[s->known].name;
	f->role = known_symbols[s->known].role;
	f->defined = (int8_t)s->defined;
	f->exported = (int8_t)s->exported;
	f->type = type_name(s->type);
	f->bind = bind_name(s->bind);
	f->version = arena_strdup(&t->facts->arena, s->version);
	f->wins = -1;
	if (s->defined) {
		f->size = s->size;
		f->has |= SYMBOL_SIZE;
	}
	if (s->defined && s->exported && t->dynamic) {
		f->wins = objects_is_used(t, object, s);
		f->wins_reason = f->wins ? wins_reason(t, object) : "defined earlier by another object";
	}
	if (s->defined && s->type == STT_OBJECT && (s->size == 4 || s->size == 8)) {
		f->address = target_address(o, s);
		if (reader_memory(t->reader, f->address, &f->value, s->size) == 0)
			f->has |= SYMBOL_VALUE;
	}
}

static const char *hex(struct arena *arena, const uint8_t *bytes, size_t n)
{
	char text[2 * 64 + 1] = "";

	for (size_t i = 0; i < n && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return arena_strdup(arena, text);
}

static void describe_object(struct target *t, size_t i, struct object_facts *f)
{
	const struct object *o = &t->objects[i];

	f->path = objects_path(t, o);
	f->namespace = o->namespace;
	f->base = o->base;
	f->startup = o->startup;
	f->build_id = "";
	if (!o->image)
		return;
	f->has |= OBJECT_SECTIONS;
	f->sections_total = o->image->sections_total;
	f->name = objects_name(o->image, NULL);
	if (!f->name && holds_glibc(o->image))
		f->name = "glibc";
	f->build_id = hex(&t->facts->arena, o->image->build_id, o->image->build_id_len);
	f->matters = f->sections_total > 0;
	for (uint32_t k = 0; k < o->image->n_symbols; k++) {
		const struct image_symbol *s = &o->image->symbols[k];
		struct symbol_facts *symbol;

		if (known_is_private(known_symbols[s->known].role))
			continue;
		symbol = ARRAY_ADD(f->symbols, f->n_symbols);
		if (symbol)
			describe_symbol(t, i, s, symbol);
		f->matters = 1;
	}
}

void objects_describe(struct target *t)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		struct object_facts *f = ARRAY_ADD(t->facts->objects, t->facts->n_objects);

		if (f)
			describe_object(t, i, f);
	}
}
