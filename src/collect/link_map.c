/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layouts: <link.h> of glibc and musl, and struct link_namespaces of glibc's ldsodefs.h. All of it is
 * the target's to lie about.
 */
#include "collect/link_map.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "collect/reads.h"
#include "proc/reader.h"
#include "util/array.h"

enum {
	PHDRS_MAX = 64,
	DYNAMIC_MAX = 4096, /* of an executable: one for each needed library, and some dozens */
	OBJECTS_MAX = 4096,
	NAMESPACES_MAX = 64, /* glibc's own limit is 16 */
	RTLD_GLOBAL_MAX = 4096, /* words; 541 of them in 2.36 */
	CONSISTENT_TRIES = 5,
	/* Steps of work on what a real process has a few of, and one that was made to has without end. */
	NAMESPACE_STEPS_MAX = 4 * OBJECTS_MAX,
	UNLISTED_STEPS_MAX = 50000000,
};

/* struct link_map, in words of the program */
enum { LM_ADDR, LM_NAME, LM_LD, LM_NEXT, LM_PREV, LM_WORDS };

/* struct r_debug: int version; map; brk; int state; ldbase; and next from version 2 on (glibc 2.35) */
enum { DEBUG_VERSION, DEBUG_MAP, DEBUG_BRK, DEBUG_STATE, DEBUG_LDBASE, DEBUG_WORDS };

struct phdr {
	uint32_t type;
	uint64_t vaddr, memsz;
};

/* --- the executable --- */

static int read_phdrs(struct target *t, uint64_t at, struct phdr *ret, size_t n)
{
	bool narrow = t->abi && t->abi->word == 4;
	size_t size = narrow ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	Elf64_Phdr space[PHDRS_MAX];
	const Elf32_Phdr *small = (const void *)space;
	int r;

	if (!at || !n || n > PHDRS_MAX || target_auxv(t, AT_PHENT) != size)
		return -ENOEXEC;
	r = reader_memory(t->reader, at, space, n * size);
	for (size_t i = 0; r == 0 && i < n; i++)
		ret[i] = narrow ? (struct phdr){ small[i].p_type, small[i].p_vaddr, small[i].p_memsz } :
				  (struct phdr){ space[i].p_type, space[i].p_vaddr, space[i].p_memsz };
	return r;
}

static const struct phdr *find_phdr(const struct phdr *phdrs, size_t n, uint32_t type)
{
	for (size_t i = 0; i < n; i++)
		if (phdrs[i].type == type)
			return &phdrs[i];
	return NULL;
}

static uint64_t executable_base(const struct target *t, uint64_t at, const struct phdr *phdrs, size_t n)
{
	const struct phdr *self = find_phdr(phdrs, n, PT_PHDR), *load = find_phdr(phdrs, n, PT_LOAD);
	const struct mapping *m = maps_find(&t->maps, at);

	if (self)
		return at - self->vaddr;
	/* Without PT_PHDR (static programs): the headers lie in the first segment. */
	return load && m ? m->start - (load->vaddr & ~4095ul) : 0;
}

/* The address of r_debug that the dynamic linker left in the executable's DT_DEBUG; 0 for none. */
static uint64_t find_debug(struct target *t, uint64_t dynamic, uint64_t size)
{
	size_t n = size / (2u * t->abi->word) < DYNAMIC_MAX ? (size_t)(size / (2u * t->abi->word)) : DYNAMIC_MAX;
	_cleanup_free_ uint64_t *entries = calloc(2 * n + 1, sizeof(*entries));

	if (!entries || target_words(t, dynamic, entries, 2 * n) < 0)
		return 0;
	for (size_t i = 0; i < n && entries[2 * i] != DT_NULL; i++)
		if (entries[2 * i] == DT_DEBUG)
			return entries[2 * i + 1];
	return 0;
}

static struct object *add_object(struct target *t, const uint64_t lm[LM_WORDS], uint64_t at,
				 uint32_t namespace)
{
	struct object *o = ARRAY_ADD(t->objects, t->n_objects);

	if (!o)
		return NULL;
	o->link_map = at;
	o->base = lm[LM_ADDR];
	o->dynamic = lm[LM_LD];
	o->namespace = namespace;
	o->mapping = maps_find(&t->maps, lm[LM_LD]);
	return o;
}

/* The executable by its program headers, as if it were in a list; and where the list is. */
static int read_executable(struct target *t, uint64_t ret[LM_WORDS])
{
	uint64_t at = target_auxv(t, AT_PHDR), n = target_auxv(t, AT_PHNUM);
	const struct phdr *dynamic;
	struct phdr phdrs[PHDRS_MAX];
	int r = read_phdrs(t, at, phdrs, n);

	if (r < 0)
		return r;
	ret[LM_ADDR] = t->exe_base = executable_base(t, at, phdrs, n);
	ret[LM_LD] = at;
	t->dynamic = find_phdr(phdrs, n, PT_INTERP) != NULL;
	dynamic = find_phdr(phdrs, n, PT_DYNAMIC);
	if (dynamic) {
		ret[LM_LD] = ret[LM_ADDR] + dynamic->vaddr;
		t->debug = find_debug(t, ret[LM_LD], dynamic->memsz);
	}
	return 0;
}

/* --- the list --- */

static struct object *find_link_map(const struct target *t, uint64_t at)
{
	for (size_t i = 0; i < t->n_objects; i++)
		if (at && t->objects[i].link_map == at)
			return &t->objects[i];
	return NULL;
}

/* At most max objects. -ELOOP when there are more or the list bends back, -EAGAIN when it breaks off. */
static int walk_namespace(struct target *t, uint64_t at, uint32_t namespace, size_t max)
{
	while (at) {
		uint64_t lm[LM_WORDS];

		if (t->n_objects == OBJECTS_MAX || !max-- || find_link_map(t, at))
			return -ELOOP;
		if (target_words(t, at, lm, LM_WORDS) < 0)
			return -EAGAIN;
		if (!add_object(t, lm, at, namespace))
			return -ENOMEM;
		at = lm[LM_NEXT];
	}
	return 0;
}

static int walk_all(struct target *t, uint64_t debug)
{
	for (t->n_namespaces = 0; debug && t->n_namespaces < NAMESPACES_MAX; t->n_namespaces++) {
		uint64_t head[DEBUG_WORDS], next = 0;
		int32_t version, state;
		int r = target_words(t, debug, head, DEBUG_WORDS);

		if (r < 0)
			return r;
		memcpy(&version, &head[DEBUG_VERSION], sizeof(version));
		memcpy(&state, &head[DEBUG_STATE], sizeof(state));
		/* r_state: not RT_CONSISTENT, the list is being changed */
		if (version < 1 || state)
			return -EAGAIN;
		r = walk_namespace(t, head[DEBUG_MAP], t->n_namespaces, OBJECTS_MAX);
		if (r < 0)
			return r;
		if (version >= 2 && target_words(t, debug + DEBUG_WORDS * t->abi->word, &next, 1) < 0)
			return -EAGAIN;
		debug = next;
	}
	return 0;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static bool is_file(const struct object *o)
{
	/* The vDSO is an object without a file. */
	return o->mapping && o->mapping->inode;
}

static size_t count_files(const struct target *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_objects; i++)
		n += is_file(&t->objects[i]);
	return n;
}

/* The executable's own entry names nothing: its file is the one that its headers are mapped from. */
static void fix_executable(struct target *t)
{
	const struct mapping *m = maps_find(&t->maps, target_auxv(t, AT_PHDR));

	if (t->n_objects && m && t->objects[0].base == t->exe_base)
		t->objects[0].mapping = m;
}

/* Until it reads as consistent: an object that is loaded meanwhile changes the list for moments. */
static void walk_from(struct target *t, uint64_t debug)
{
	t->list_error = -EAGAIN;
	for (int i = 0; t->list_error == -EAGAIN && i < CONSISTENT_TRIES; i++) {
		if (i)
			pause_ms(i);
		t->n_objects = 0;
		t->list_error = walk_all(t, debug);
	}
	t->debug = debug;
	t->complete = t->list_error == 0;
	/* A static-PIE program has a list too, of itself alone. */
	t->dynamic |= count_files(t) > 1;
	if (t->list_error)
		t->n_objects = 0; /* Half a list would look like a whole one. */
	fix_executable(t);
}

/* Without a list: the two objects that the kernel itself loaded. */
static void add_program(struct target *t, const uint64_t exe[LM_WORDS])
{
	uint64_t interpreter = target_auxv(t, AT_BASE);

	add_object(t, exe, 0, 0);
	fix_executable(t);
	if (t->dynamic && interpreter)
		add_object(t, (uint64_t[LM_WORDS]){ interpreter, 0, interpreter }, 0, 0);
}

void link_map_read(struct target *t)
{
	uint64_t exe[LM_WORDS] = { 0 };
	int r = read_executable(t, exe);

	if (r < 0) {
		process_unknown(t->facts, "objects", "%s reading the program headers",
				strerrorname_np(-r));
		return;
	}
	/* Without a list: complete for a static program, which loads nothing else. */
	t->complete = !t->dynamic;
	t->list_error = t->dynamic ? -ENODATA : 0;
	t->n_namespaces = 1;
	if (t->debug)
		walk_from(t, t->debug);
	if (!t->n_objects)
		add_program(t, exe);
}

/*
 * Where the dynamic linker keeps the list, by its own exported variable; 0 for none. A program that
 * uses the variable has a copy of it, from before there was a list.
 */
static uint64_t debug_by_symbol(struct target *t)
{
	uint64_t at;

	for (size_t i = 0; i < t->n_objects; i++) {
		const struct image *image = t->objects[i].image;
		bool musl = image && image->libc == IMAGE_MUSL;
		const struct image_symbol *s =
			image && image->libc ? image_find(image, musl ? "_dl_debug_addr" : "_r_debug") : NULL;

		if (!s || !s->exported)
			continue;
		if (!musl)
			return target_address(&t->objects[i], s);
		return target_words(t, target_address(&t->objects[i], s), &at, 1) < 0 ? 0 : at;
	}
	return 0;
}

bool link_map_follow(struct target *t)
{
	struct object *before = t->objects;
	size_t n_before = t->n_objects;
	uint64_t debug;

	if (t->list_error == 0 && n_before != 1)
		return false;
	debug = debug_by_symbol(t);
	if (!debug || debug == t->debug)
		return false;
	t->objects = NULL;
	t->n_objects = 0;
	t->dynamic = true;
	walk_from(t, debug);
	if (t->n_objects) {
		free(before);
		return true;
	}
	free(t->objects);
	t->objects = before;
	t->n_objects = n_before;
	return false;
}

/* --- what glibc's own record of namespaces says beyond that --- */

/* The entries of a global scope must be objects of that namespace, all of them: else it is none. */
static bool read_scope(struct target *t, uint32_t namespace, uint64_t at)
{
	_cleanup_free_ uint64_t *list = NULL;
	uint64_t scope[2]; /* struct r_scope_elem: link_map **r_list; unsigned int r_nlist */
	uint32_t n;

	if (target_words(t, at, scope, ARRAY_SIZE(scope)) < 0)
		return false;
	memcpy(&n, &scope[1], sizeof(n));
	if (!n || n > t->n_objects)
		return false;
	list = calloc(n, sizeof(*list));
	if (!list || target_words(t, scope[0], list, n) < 0)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const struct object *o = find_link_map(t, list[i]);

		if (!o || o->namespace != namespace)
			return false;
	}
	for (uint32_t i = n; i--;)
		find_link_map(t, list[i])->scope = i + 1;
	return true;
}

/* The namespace whose list begins there, or NAMESPACE_UNKNOWN. */
static uint32_t namespace_of_head(const struct target *t, uint64_t head)
{
	const struct object *o = find_link_map(t, head);

	return o && (o == t->objects || o[-1].namespace != o->namespace) ? o->namespace : NAMESPACE_UNKNOWN;
}

/* A loaded library: its dynamic section is in the file whose beginning is mapped at its base. */
static bool is_library(const struct target *t, const uint64_t lm[LM_WORDS])
{
	const struct mapping *base = maps_find(&t->maps, lm[LM_ADDR]), *dynamic = maps_find(&t->maps, lm[LM_LD]);

	return base && dynamic && base->start == lm[LM_ADDR] && !base->offset && maps_same_file(base, dynamic);
}

/*
 * A list that nobody listed: it must have as many objects as it says, each a library, or, up to 2.34,
 * ld.so's stand-in, which has no address.
 */
static uint32_t add_namespace(struct target *t, uint64_t head, uint32_t n_loaded, size_t *steps)
{
	size_t first = t->n_objects;
	uint64_t lm[LM_WORDS];
	bool ok;

	if (!n_loaded || n_loaded >= *steps || t->n_namespaces == NAMESPACES_MAX ||
	    !maps_find(&t->maps, head) || find_link_map(t, head))
		return NAMESPACE_UNKNOWN;
	--*steps;
	if (target_words(t, head, lm, LM_WORDS) < 0 || lm[LM_PREV] || !is_library(t, lm))
		return NAMESPACE_UNKNOWN;
	*steps -= n_loaded;
	ok = walk_namespace(t, head, t->n_namespaces, n_loaded) == 0 && t->n_objects - first == n_loaded;
	for (size_t i = first; ok && i < t->n_objects; i++) {
		const uint64_t library[LM_WORDS] = { t->objects[i].base, 0, t->objects[i].dynamic };

		ok = !t->objects[i].dynamic || is_library(t, library);
	}
	if (ok)
		return t->n_namespaces++;
	t->n_objects = first;
	return NAMESPACE_UNKNOWN;
}

/*
 * _rtld_global begins with an array of struct link_namespaces, whose size differs per version. Each
 * begins with: link_map *_ns_loaded; unsigned int _ns_nloaded; r_scope_elem *_ns_main_searchlist.
 */
bool link_map_read_namespaces(struct target *t)
{
	const struct object *o;
	const struct image_symbol *s = target_find(t, ROLE_RTLD_GLOBAL, &o);
	size_t before = t->n_objects, n = s && t->abi ? (size_t)(s->size / t->abi->word) : 0;
	size_t steps = NAMESPACE_STEPS_MAX;
	_cleanup_free_ uint64_t *words = n && n <= RTLD_GLOBAL_MAX ? calloc(n, sizeof(*words)) : NULL;

	if (!words || target_words(t, target_address(o, s), words, n) < 0)
		return false;
	for (size_t i = 0; i + 2 < n && steps; i++) {
		uint32_t n_loaded, namespace;

		if (!words[i])
			continue;
		memcpy(&n_loaded, &words[i + 1], sizeof(n_loaded));
		namespace = namespace_of_head(t, words[i]);
		if (namespace == NAMESPACE_UNKNOWN)
			namespace = add_namespace(t, words[i], n_loaded, &steps);
		/* The base one is the first, for ever, as its comment there says. */
		if (namespace == NAMESPACE_UNKNOWN || (!i != !namespace))
			continue;
		steps--;
		/* Seen as NULL for namespaces of dlmopen in 2.31: they have no global scope. */
		if (read_scope(t, namespace, words[i + 2]) && !namespace)
			t->scoped = true;
	}
	return t->n_objects > before;
}

/* --- what is in no list --- */

/* Where the file is mapped that m is a part of: at the last mapping of its beginning before m. */
static const struct mapping *first_part(const struct target *t, const struct mapping *m)
{
	while (m->offset && m > t->maps.items && maps_same_file(m - 1, m))
		m--;
	return m;
}

static bool holds(const struct object *o, const struct mapping *m)
{
	if (!o->image)
		return is_file(o) && maps_same_file(o->mapping, m);
	for (uint32_t i = 0; i < o->image->n_segments; i++) {
		const struct image_segment *s = &o->image->segments[i];
		uint64_t start = o->base + (s->vaddr & ~4095ul);

		if (m->start >= start && m->start < o->base + s->vaddr + s->memsz)
			return true;
	}
	return false;
}

static bool is_listed(const struct target *t, const struct mapping *m, int64_t *steps)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		*steps -= t->objects[i].image ? t->objects[i].image->n_segments : 1;
		if (holds(&t->objects[i], m))
			return true;
	}
	return false;
}

bool link_map_add_unlisted(struct target *t)
{
	_cleanup_free_ const struct mapping **found = NULL;
	struct reads reads = { 0 };
	size_t n = 0, before = t->n_objects;
	int64_t steps = UNLISTED_STEPS_MAX;

	for (size_t i = 0; i < t->maps.n && n < OBJECTS_MAX && steps > 0; i++) {
		const struct mapping *m = &t->maps.items[i], *first = first_part(t, m), **slot;

		if (!m->executable || !m->inode || first->offset || is_listed(t, m, &steps) ||
		    (n && found[n - 1] == first))
			continue;
		slot = ARRAY_ADD(found, n);
		if (!slot)
			break;
		*slot = first;
		reads_add(&reads, first->start, SELFMAG);
	}
	/* Code that was compiled at run time lies in files too, which are no ELF files. */
	if (reads.n == n && n && reads_run(&reads, t->reader) == 0)
		for (size_t i = 0; i < n && t->n_objects < OBJECTS_MAX; i++) {
			const void *magic = reads_get(&reads, i);
			uint64_t at = found[i]->start;

			if (magic && !memcmp(magic, ELFMAG, SELFMAG))
				add_object(t, (uint64_t[LM_WORDS]){ at, 0, at }, 0, NAMESPACE_UNKNOWN);
		}
	reads_done(&reads);
	return t->n_objects > before;
}

void link_map_explain(struct target *t)
{
	if (!t->list_error)
		return;
	process_unknown(t->facts, "objects", "the dynamic linker's list is %s",
			t->list_error == -EAGAIN  ? "being changed or broken" :
			t->list_error == -ELOOP	  ? "endless" :
			t->list_error == -ENODATA ? "nowhere to be found" :
						    "not readable");
}
