/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glibc tells debuggers its private layouts: exported by libc.so.6 (libpthread's local symbols up to
 * 2.33). musl's are fixed: struct pthread of its src/internal/pthread_impl.h, since 1.1.
 */
#include "collect/libc.h"

#include <string.h>

#include "collect/objects.h"
#include "model/known.h"
#include "proc/reader.h"

const char *libc_name(const struct image *image)
{
	return image->libc == IMAGE_GLIBC ? "glibc" : image->libc == IMAGE_MUSL ? "musl" : NULL;
}

uint64_t libc_pthread(const struct target *t, uint64_t tp)
{
	return tp - (uint64_t)t->libc.pthread_from_tp;
}

/* --- layouts --- */

/* Descriptors of libthread_db: size in bits, number of elements, offset in bytes. */
static int64_t private_offset(struct target *t, enum known_role role)
{
	const struct object *o;
	const struct image_symbol *s = target_find_private(t, role, &o);
	uint32_t descriptor[3];

	if (!s || reader_memory(t->reader, target_address(o, s), descriptor, sizeof(descriptor)) < 0)
		return -1;
	return descriptor[2] < (1u << 20) ? (int64_t)descriptor[2] : -1;
}

static int64_t sizeof_pthread(struct target *t)
{
	const struct object *o;
	const struct image_symbol *s = target_find_private(t, ROLE_SIZEOF_PTHREAD, &o);
	uint32_t size;

	if (!s || reader_memory(t->reader, target_address(o, s), &size, sizeof(size)) < 0)
		return -1;
	return size < (1u << 20) ? (int64_t)size : -1;
}

/* The list is a member of _rtld_global (2.34 on), or a variable of its own. */
static uint64_t thread_list(struct target *t, enum known_role member, enum known_role variable)
{
	const struct object *o;
	const struct image_symbol *s;
	int64_t offset = private_offset(t, member);

	if (offset >= 0 && t->libc.rtld_global)
		return t->libc.rtld_global + (uint64_t)offset;
	s = target_find_private(t, variable, &o);
	/* The name is anybody's: only beside the tables for debuggers is it libc's. */
	return s && image_find(o->image, "_thread_db_pthread_list") ? target_address(o, s) : 0;
}

static void read_glibc_layout(struct target *t)
{
	struct libc_layout *l = &t->libc;
	const struct object *o;
	const struct image_symbol *global = target_find(t, ROLE_RTLD_GLOBAL, &o);
	int64_t dtvp = private_offset(t, ROLE_PTHREAD_DTVP);

	l->link_map_tls_offset = private_offset(t, ROLE_LINK_MAP_TLS_OFFSET);
	l->link_map_tls_modid = private_offset(t, ROLE_LINK_MAP_TLS_MODID);
	l->pthread_tid = private_offset(t, ROLE_PTHREAD_TID);
	l->pthread_list = private_offset(t, ROLE_PTHREAD_LIST);
	/* Variant 1: the descriptor lies before what the thread pointer points to. */
	l->pthread_from_tp = t->abi->variant == 1 ? sizeof_pthread(t) : 0;
	l->rtld_global = global ? target_address(o, global) : 0;
	l->stack_used = thread_list(t, ROLE_STACK_USED, ROLE_STACK_USED_LIST);
	l->stack_user = thread_list(t, ROLE_STACK_USER, ROLE_STACK_USER_LIST);
	l->has_dtv = dtvp >= 0 && l->pthread_from_tp >= 0;
	/* An entry is a pointer and what to free; the one before the first holds the count. */
	l->dtv_from_tp = dtvp - l->pthread_from_tp;
	l->dtv_entry = 2u * t->abi->word;
	l->dtv_count = -(int32_t)l->dtv_entry;
}

static void read_musl_layout(struct target *t)
{
	int64_t word = t->abi->word;

	/* Second member of struct pthread, or its last one where that ends at the thread pointer. */
	t->libc.has_dtv = true;
	t->libc.dtv_from_tp = t->abi->variant == 2 ? word : -word;
	t->libc.dtv_entry = t->abi->word;
	t->libc.dtv_count = 0;
}

/* --- TLS of the objects --- */

/* l_tls_offset and l_tls_modid of every link map, in one go. */
static void read_tls_fields(struct target *t)
{
	size_t n = 2 * t->n_objects;
	_cleanup_free_ struct memory_range *ranges = calloc(n + 1, sizeof(*ranges));
	_cleanup_free_ int32_t *errs = calloc(n + 1, sizeof(*errs));
	_cleanup_strbuf_ struct strbuf out = { 0 };
	size_t word = t->abi->word;

	if (!ranges || !errs || t->libc.link_map_tls_offset < 0 || t->libc.link_map_tls_modid < 0)
		return;
	for (size_t i = 0; i < t->n_objects; i++) {
		uint64_t lm = t->objects[i].link_map;

		ranges[2 * i] = (struct memory_range){ lm + (uint64_t)t->libc.link_map_tls_offset, word };
		ranges[2 * i + 1] = (struct memory_range){ lm + (uint64_t)t->libc.link_map_tls_modid, word };
	}
	if (reader_memory_batch(t->reader, ranges, n, &out, errs) < 0)
		return;
	for (size_t i = 0; i < t->n_objects; i++) {
		struct object *o = &t->objects[i];

		o->has_tls_offset = o->has_tls_modid = o->link_map && !errs[2 * i] && !errs[2 * i + 1];
		o->tls_offset = target_word(t, out.data + 2 * i * word);
		o->tls_modid = target_word(t, out.data + (2 * i + 1) * word);
	}
}

/* musl numbers modules in the order in which it loads them, which is that of its list. */
static void number_modules(struct target *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->n_objects; i++) {
		struct object *o = &t->objects[i];

		if (!o->image && o->mapping && o->mapping->inode)
			return; /* Whether that one has TLS is not known, nor any number after it. */
		if (!o->image || !o->image->tls)
			continue;
		o->tls_modid = ++n;
		o->has_tls_modid = true;
	}
}

/* --- what it is --- */

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

/* Static programs seldom have the banner, but what libthread_db compares with its own version. */
static void take_nptl_version(struct target *t)
{
	const struct object *o;
	const struct image_symbol *s = target_find_private(t, ROLE_GLIBC_VERSION, &o);
	char text[16] = "";
	size_t n;

	if (!s || reader_memory(t->reader, target_address(o, s), text, s->size < 15 ? s->size : 15) < 0)
		return;
	n = strspn(text, "0123456789.");
	if (n && !text[n])
		t->facts->libc.version = arena_strdup(&t->facts->arena, text);
}

static void identify(struct target *t)
{
	struct libc_facts *libc = &t->facts->libc;

	libc->linkage = t->dynamic ? "dynamic" : t->n_objects ? "static" : NULL;
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		if ((t->objects[i].namespace && t->objects[i].namespace != NAMESPACE_UNKNOWN) || !image || !image->libc)
			continue;
		libc->name = libc_name(image);
		if (image->banner[0] && !libc->version)
			take_banner(t->facts, image->banner);
		if (image->libc_version[0])
			libc->version = arena_strdup(&t->facts->arena, image->libc_version);
	}
	if (!libc->version)
		take_nptl_version(t);
	if (libc->linkage && !libc->name)
		process_unknown(t->facts, "libc.name", "no libc that is known, or one without symbols");
	else if (libc->name && !libc->version)
		process_unknown(t->facts, "libc.version", "its file does not say it");
}

/* --- its public values --- */

/* A program that uses the variable may hold a copy of it, which wins; libc is where glibc is too. */
static const struct object *find_libc(const struct target *t, uint8_t known, const struct object *winner)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;

		for (uint32_t k = 0; image && image->libc && k < image->n_symbols; k++)
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

/* ptrdiff_t: as long as a word of the program. */
static void read_rseq_offset(struct target *t)
{
	struct libc_facts *libc = &t->facts->libc;
	int32_t narrow = 0;

	if (t->abi->word == 8) {
		read_value(t, ROLE_LIBC_OFFSET, &libc->rseq_offset, sizeof(libc->rseq_offset), LIBC_OFFSET);
	} else {
		read_value(t, ROLE_LIBC_OFFSET, &narrow, sizeof(narrow), LIBC_OFFSET);
		libc->rseq_offset = narrow;
	}
}

void libc_read(struct target *t)
{
	struct libc_facts *libc = &t->facts->libc;

	identify(t);
	t->libc = (struct libc_layout){ .link_map_tls_offset = -1, .link_map_tls_modid = -1,
					.pthread_tid = -1, .pthread_list = -1, .pthread_from_tp = -1 };
	if (libc->name && !strcmp(libc->name, "musl")) {
		read_musl_layout(t);
		number_modules(t);
	} else {
		read_glibc_layout(t);
		read_tls_fields(t);
	}
	read_rseq_offset(t);
	read_value(t, ROLE_LIBC_SIZE, &libc->rseq_size, sizeof(libc->rseq_size), LIBC_SIZE);
	read_value(t, ROLE_LIBC_FLAGS, &libc->rseq_flags, sizeof(libc->rseq_flags), LIBC_FLAGS);
	if (!(libc->has & LIBC_OFFSET) && libc->name)
		process_unknown(t->facts, "libc.rseq_offset", "%s",
				t->dynamic ? "this libc exports no rseq symbols" : "no symbols of libc's say it");
}
