/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/objects.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "collect/libc.h"
#include "collect/lookup.h"
#include "collect/reads.h"
#include "proc/reader.h"
#include "rseqctl/rseq_abi.h"
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

/* Where it is mapped and where its file says it begins: for what is in no list. */
static uint64_t base_of(const struct object *o)
{
	return o->image->n_segments ? o->mapping->start - (o->image->segments[0].vaddr & ~4095ul) : o->base;
}

void objects_scan(struct target *t)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		struct object *o = &t->objects[i];

		/* The vDSO is an object without a file, and defines nothing of ours. */
		if (o->scanned || !o->mapping || !o->mapping->inode)
			continue;
		o->scanned = true;
		scan_object(t, o);
		if (o->image && o->namespace == NAMESPACE_UNKNOWN)
			o->base = base_of(o);
	}
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

/* --- what they define --- */

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

/* The version of the definition that a reference got: the one it asked for, if that is there. */
static const char *version_got(const struct object *o, const struct image_symbol *ref)
{
	const char *version = "";

	for (uint32_t k = 0; k < o->image->n_symbols; k++) {
		const struct image_symbol *def = &o->image->symbols[k];

		if (def->known != ref->known || !def->defined || !def->exported)
			continue;
		version = def->copied ? ref->version : def->version;
		if (!strcmp(version, ref->version))
			break;
	}
	return version;
}

/* Of a definition whether it wins, of a reference which one it gets; and why. */
static void describe_lookup(struct target *t, size_t object, const struct image_symbol *s,
			    struct symbol_facts *f)
{
	uint32_t bound = s->defined ? BOUND_NONE : lookup_bound(t, object, s);

	if (bound < t->n_objects) {
		f->binds = objects_path(t, &t->objects[bound]);
		f->binds_version = arena_strdup(&t->facts->arena, version_got(&t->objects[bound], s));
		f->wins_reason = lookup_reason(t, bound);
	}
	if (!s->defined || t->lookup_steps <= 0)
		return;
	f->wins = lookup_find(t, object, s) == object;
	f->wins_reason = f->wins ? lookup_reason(t, object) : "defined earlier by another object";
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
	if (s->exported && t->dynamic)
		describe_lookup(t, object, s, f);
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

static int8_t static_tls(const struct target *t, const struct object *o)
{
	uint64_t unused;

	if (!o->image->tls || !o->has_tls_offset)
		return -1;
	return arch_static_tls(t->abi, 0, o->tls_offset, &unused);
}

static void take_signature(struct object_facts *f, uint32_t signature)
{
	for (size_t i = 0; i < f->n_abort_signatures; i++)
		if (f->abort_signatures[i] == signature)
			return;
	if (f->n_abort_signatures < ABORT_SIGNATURES_MAX)
		f->abort_signatures[f->n_abort_signatures++] = signature;
}

/* Sections of one object are made by one macro: a few tell what all have. */
enum { SECTIONS_READ_MAX = 64 };

/* The kernel compares the 4 bytes before an abort handler with the registered signature. */
static void read_abort_signatures(struct target *t, const struct object *o, struct object_facts *f)
{
	struct rseq_descriptor sections[SECTIONS_READ_MAX];
	size_t n = o->image->sections_total < SECTIONS_READ_MAX ? (size_t)o->image->sections_total : SECTIONS_READ_MAX;
	struct reads reads = { 0 };

	if (!n || reader_memory(t->reader, o->base + o->image->sections_vaddr, sections, n * sizeof(*sections)) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		reads_add(&reads, sections[i].abort_ip - sizeof(uint32_t), sizeof(uint32_t));
	if (reads.n == n && reads_run(&reads, t->reader) == 0)
		for (size_t i = 0; i < n; i++) {
			const uint32_t *signature = reads_get(&reads, i);

			if (signature && sections[i].abort_ip && sections[i].post_commit_offset)
				take_signature(f, *signature);
		}
	reads_done(&reads);
}

static void describe_object(struct target *t, size_t i, struct object_facts *f)
{
	const struct object *o = &t->objects[i];

	f->static_tls = f->published = -1;
	f->path = objects_path(t, o);
	if (o->namespace != NAMESPACE_UNKNOWN)
		f->has |= OBJECT_NAMESPACE;
	f->namespace = o->namespace;
	f->base = o->base;
	f->startup = o->startup;
	f->build_id = "";
	if (!o->image)
		return;
	f->has |= OBJECT_SECTIONS;
	f->sections_total = o->image->sections_total;
	f->nodelete = (int8_t)o->kept;
	f->static_tls = static_tls(t, o);
	read_abort_signatures(t, o, f);
	f->name = objects_name(o->image, NULL);
	if (!f->name)
		f->name = libc_name(o->image);
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
