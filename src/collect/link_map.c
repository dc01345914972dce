/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layouts: <link.h> of glibc and musl, 64-bit. All of it is the target's to lie about. */
#include "collect/link_map.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "proc/reader.h"
#include "util/array.h"

enum {
	PHDRS_MAX = 64,
	DYNAMIC_MAX = 8192, /* of an executable: one for each needed library, and some dozens */
	OBJECTS_MAX = 4096,
	NAMESPACES_MAX = 64, /* glibc's own limit is 16 */
	CONSISTENT_TRIES = 5,
};

struct link_map_head {
	uint64_t addr, name, ld, next, prev;
};

struct debug_head {
	int32_t version;
	uint32_t pad;
	uint64_t map, brk;
	int32_t state;
	uint32_t pad2;
	uint64_t ldbase;
	uint64_t next; /* version 2 on: another namespace follows (glibc 2.35) */
};

static int read_word(struct target *t, uint64_t addr, void *ret, size_t len)
{
	return addr ? reader_memory(t->reader, addr, ret, len) : -EFAULT;
}

/* --- the executable --- */

static const Elf64_Phdr *find_phdr(const Elf64_Phdr *phdrs, size_t n, uint32_t type)
{
	for (size_t i = 0; i < n; i++)
		if (phdrs[i].p_type == type)
			return &phdrs[i];
	return NULL;
}

static uint64_t executable_base(const struct target *t, uint64_t at, const Elf64_Phdr *phdrs, size_t n)
{
	const Elf64_Phdr *self = find_phdr(phdrs, n, PT_PHDR), *load = find_phdr(phdrs, n, PT_LOAD);
	const struct mapping *m = maps_find(&t->maps, at);

	if (self)
		return at - self->p_vaddr;
	/* Without PT_PHDR (static programs): the headers lie in the first segment. */
	return load && m ? m->start - (load->p_vaddr & ~4095ul) : 0;
}

/* The address of r_debug that the dynamic linker left in the executable's DT_DEBUG; 0 for none. */
static uint64_t find_debug(struct target *t, uint64_t dynamic, size_t size)
{
	size_t n = size / sizeof(Elf64_Dyn) < DYNAMIC_MAX ? size / sizeof(Elf64_Dyn) : DYNAMIC_MAX;
	_cleanup_free_ Elf64_Dyn *entries = calloc(n + 1, sizeof(*entries));

	if (!entries || read_word(t, dynamic, entries, n * sizeof(*entries)) < 0)
		return 0;
	for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++)
		if (entries[i].d_tag == DT_DEBUG)
			return entries[i].d_un.d_ptr;
	return 0;
}

static struct object *add_object(struct target *t, const struct link_map_head *lm, uint64_t at,
				 uint32_t namespace)
{
	struct object *o = ARRAY_ADD(t->objects, t->n_objects);

	if (!o)
		return NULL;
	o->link_map = at;
	o->base = lm->addr;
	o->dynamic = lm->ld;
	o->namespace = namespace;
	o->mapping = maps_find(&t->maps, lm->ld);
	return o;
}

/* The executable by its program headers; *ret_debug is where the list of all others begins, or 0. */
static int read_executable(struct target *t, struct link_map_head *ret, uint64_t *ret_debug)
{
	uint64_t at = target_auxv(t, AT_PHDR), n = target_auxv(t, AT_PHNUM);
	Elf64_Phdr phdrs[PHDRS_MAX];
	const Elf64_Phdr *dynamic;
	int r;

	if (!at || !n || n > PHDRS_MAX || target_auxv(t, AT_PHENT) != sizeof(*phdrs))
		return -ENOEXEC;
	r = read_word(t, at, phdrs, n * sizeof(*phdrs));
	if (r < 0)
		return r;
	dynamic = find_phdr(phdrs, n, PT_DYNAMIC);
	*ret = (struct link_map_head){ .addr = executable_base(t, at, phdrs, n), .ld = at };
	*ret_debug = 0;
	t->dynamic = find_phdr(phdrs, n, PT_INTERP) != NULL;
	if (dynamic) {
		ret->ld = ret->addr + dynamic->p_vaddr;
		*ret_debug = find_debug(t, ret->ld, dynamic->p_memsz);
	}
	return 0;
}

/* --- the list --- */

static bool has_link_map(const struct target *t, uint64_t at)
{
	for (size_t i = 0; i < t->n_objects; i++)
		if (t->objects[i].link_map == at)
			return true;
	return false;
}

/* 0, or -EAGAIN when the list bends back or runs out of memory: it is being changed, or a lie. */
static int walk_namespace(struct target *t, uint64_t at, uint32_t namespace)
{
	while (at) {
		struct link_map_head lm;

		if (t->n_objects == OBJECTS_MAX || has_link_map(t, at))
			return -ELOOP;
		if (read_word(t, at, &lm, sizeof(lm)) < 0)
			return -EAGAIN;
		if (!add_object(t, &lm, at, namespace))
			return -ENOMEM;
		at = lm.next;
	}
	return 0;
}

static int walk_all(struct target *t, uint64_t debug)
{
	for (uint32_t namespace = 0; debug && namespace < NAMESPACES_MAX; namespace++) {
		struct debug_head head = { 0 };
		int r = read_word(t, debug, &head, sizeof(head) - sizeof(head.next));

		if (r < 0)
			return r;
		if (head.version < 1)
			return -EAGAIN;
		/* r_state: not RT_CONSISTENT, the list is being changed */
		if (head.state)
			return -EAGAIN;
		r = walk_namespace(t, head.map, namespace);
		if (r < 0)
			return r;
		if (head.version < 2 || read_word(t, debug, &head, sizeof(head)) < 0)
			return 0;
		debug = head.next;
	}
	return 0;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Until it reads as consistent: an object that is loaded meanwhile changes the list for moments. */
static int walk_consistent(struct target *t, uint64_t debug)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < CONSISTENT_TRIES; i++) {
		if (i)
			pause_ms(i);
		t->n_objects = 0;
		r = walk_all(t, debug);
	}
	if (r < 0)
		t->n_objects = 0; /* Half a list would look like a whole one. */
	return r;
}

/* The executable's own entry names nothing: its file is the one that its headers are mapped from. */
static void fix_executable(struct target *t, const struct link_map_head *exe)
{
	struct object *o = &t->objects[0];
	const struct mapping *m = maps_find(&t->maps, target_auxv(t, AT_PHDR));

	if (o->base == exe->addr && m)
		o->mapping = m;
}

static size_t count_files(const struct target *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_objects; i++)
		n += t->objects[i].mapping && t->objects[i].mapping->inode;
	return n;
}

static void walk_from(struct target *t, uint64_t debug)
{
	int r = walk_consistent(t, debug);

	t->complete = r == 0;
	if (r < 0)
		process_unknown(t->facts, "objects", "the dynamic linker's list is %s",
				r == -EAGAIN ? "being changed or broken" :
				r == -ELOOP  ? "endless" :
					       "not readable");
}

void link_map_read(struct target *t)
{
	struct link_map_head exe;
	uint64_t debug;
	int r = read_executable(t, &exe, &debug);

	if (r < 0) {
		process_unknown(t->facts, "objects", "%s reading the program headers",
				strerrorname_np(-r));
		return;
	}
	/* Without a list: complete for a static program, which loads nothing else. */
	t->complete = !t->dynamic;
	if (debug)
		walk_from(t, debug);
	/* A static-PIE program has a list too, of itself alone. */
	t->dynamic |= count_files(t) > 1;
	if (!t->n_objects)
		add_object(t, &exe, 0, 0);
	if (t->n_objects)
		fix_executable(t, &exe);
}

bool link_map_follow(struct target *t)
{
	const struct object *o = t->n_objects == 1 ? &t->objects[0] : NULL;
	const struct image_symbol *s = o && o->image ? image_find(o->image, "_r_debug") : NULL;

	if (!s || !s->exported)
		return false;
	t->dynamic = true;
	walk_from(t, target_address(o, s));
	return t->n_objects > 0;
}
