/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/symbolize.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "trace/decode.h"
#include "trace/names.h"
#include "trace/processes.h"
#include "util/intern.h"

enum { MAPS_LIMIT_MS = 2000 };
#define STRINGS_MAX (24u << 20)
#define NO_MEMORY "there is no memory"

struct symbolizer {
	struct processes processes;
	struct names names;
	struct intern strings;
};

/* --- life --- */

void symbolizer_kind(struct service_op ops[SYMBOLIZER_OPS], struct service_kind *ret)
{
	memcpy(ops, reader_ops, READER_OPS * sizeof(*ops));
	for (size_t i = 0; i < READER_OPS; i++)
		if (ops[i].limit_ms > MAPS_LIMIT_MS)
			ops[i].limit_ms = MAPS_LIMIT_MS;
	memcpy(&ops[READER_OPS], decode_ops, sizeof(decode_ops));
	*ret = (struct service_kind){
		.ops = ops,
		.n_ops = SYMBOLIZER_OPS,
		.setup = reader_setup,
		.setup_limit_ms = READER_SETUP_LIMIT_MS,
	};
}

struct symbolizer *symbolizer_new(struct service *nursery, const struct service_kind *kinds, uint32_t reader_kind)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->strings.limit = STRINGS_MAX;
	processes_init(&s->processes, nursery, kinds, reader_kind, &s->strings);
	return s;
}

void symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return;
	processes_done(&s->processes);
	names_done(&s->names);
	intern_done(&s->strings);
	free(s);
}

/* --- processes --- */

void symbolizer_refresh(struct symbolizer *s, int32_t pid)
{
	processes_refresh(&s->processes, pid);
}

void symbolizer_happened(struct symbolizer *s)
{
	processes_happened(&s->processes);
}

void symbolizer_forked(struct symbolizer *s, int32_t parent, uint64_t parent_generation, int32_t child,
		       uint64_t generation)
{
	processes_forked(&s->processes, parent, parent_generation, child, generation);
}

int symbolizer_read(struct symbolizer *s, int32_t pid, uint64_t generation, uint64_t addr, void *ret, size_t len)
{
	struct process *p = processes_get(&s->processes, pid, generation);

	return p ? processes_read(&s->processes, p, addr, ret, len) : -ENOMEM;
}

/* --- what lies there --- */

static const char *why_not_open(int err, bool is_unmapped)
{
	if (is_unmapped && err == -ESTALE)
		return "it is mapped no more, and its file was replaced or changed since";
	if (is_unmapped && err == -ENOENT)
		return "it is mapped no more, and its file is not where it was";
	if (is_unmapped)
		return "it is mapped no more, and its file cannot be found again";
	switch (err) {
	case -ESTALE:
		return "another file has its name now, and opening the mapped one takes root";
	case -ENOTSUP:
		return "what is mapped is no regular file";
	case -ETIMEDOUT:
		return "opening its file took too long";
	case -ENOENT:
		return "its file has no name any more, and opening the mapped one takes root";
	}
	return "its file cannot be opened";
}

static int ask_key(struct service *reader, const struct mapped_file *file, void *ctx, bool *ret_is_file)
{
	(void)ret_is_file;
	return reader_identify(reader, file, ctx);
}

/*
 * A file that was found by its name and inode number alone may be another one. Who can arrange that
 * can as well put what he likes into his own.
 */
static bool identify(struct symbolizer *s, struct subject subject)
{
	struct layout_object *o = subject.object;
	bool is_file;
	int r;

	if (o->identified || o->why)
		return o->identified;
	r = processes_ask(&s->processes, subject, ask_key, &o->key, &is_file);
	o->identified = r == 0;
	if (r < 0 && r != -ESRCH)
		o->why = why_not_open(r, subject.unmapped);
	return o->identified || (o->was_identified && r == -ESRCH);
}

/* The places of one object that are not known yet, beginning with the first address. */
static size_t gather(struct symbolizer *s, struct process *p, uint32_t object, const uint64_t *addresses, size_t n,
		     struct function *functions)
{
	size_t found = 0;

	for (size_t i = 0; i < n && found < FUNCTIONS_MAX; i++) {
		const struct region *r = layout_find(&p->layout, addresses[i]);
		const char *why;

		if (!r || r->object != object)
			continue;
		functions[found].offset = addresses[i] - r->start + r->offset;
		if (!names_find(&s->names, &p->layout.objects[object].key, functions[found].offset, &why))
			found++;
	}
	return found;
}

struct functions_question {
	struct function *functions;
	size_t n;
	const char *why;
};

static int ask_functions(struct service *reader, const struct mapped_file *file, void *ctx, bool *ret_is_file)
{
	struct functions_question *q = ctx;

	return decode_read(reader, file, q->functions, q->n, ret_is_file, &q->why);
}

/* NULL, or why nothing could be learned. */
static const char *decode(struct symbolizer *s, struct subject subject, struct function *functions, size_t n)
{
	struct functions_question q = { functions, n, NULL };
	struct layout_object *o = subject.object;
	bool is_file = false;
	int r = processes_ask(&s->processes, subject, ask_functions, &q, &is_file);

	if (r == 0)
		names_add(&s->names, &o->key, functions, n, &s->strings);
	else if (is_file)
		names_refuse(&s->names, &o->key, q.why);
	else if (r == -ESRCH)
		return subject.process->why ? subject.process->why : "the process exited before it could be looked at";
	else
		o->why = q.why = why_not_open(r, subject.unmapped);
	return r < 0 ? q.why : NULL;
}

/* The first address is in that object; the others may be, and are looked up with it. */
static const char *decode_all(struct symbolizer *s, struct subject subject, const uint64_t *addresses, size_t n)
{
	struct layout *layout = &subject.process->layout;
	_cleanup_free_ struct function *functions = malloc((n < FUNCTIONS_MAX ? n : FUNCTIONS_MAX) * sizeof(*functions));

	if (!functions)
		return NO_MEMORY;
	n = gather(s, subject.process, (uint32_t)(subject.object - layout->objects), addresses, n, functions);
	return decode(s, subject, functions, n);
}

static const char *decode_one(struct symbolizer *s, struct subject subject, uint64_t offset)
{
	_cleanup_free_ struct function *function = calloc(1, sizeof(*function));

	if (!function)
		return NO_MEMORY;
	function->offset = offset;
	return decode(s, subject, function, 1);
}

static bool take_range(struct symbolizer *s, const struct layout_object *o, struct place *place)
{
	const struct name_range *range = names_find(&s->names, &o->key, place->offset, &place->why);

	if (range) {
		place->function = range->name;
		place->offset += range->shift;
		place->why = range->why;
	}
	return range || place->why;
}

static void name_place(struct symbolizer *s, struct subject subject, const uint64_t *addresses, size_t n,
		       struct place *place)
{
	struct layout_object *o = subject.object;

	if (!identify(s, subject)) {
		place->why = o->why ? o->why : subject.process->why;
		return;
	}
	if (take_range(s, o, place))
		return;
	place->why = o->why		? o->why :
		     subject.unmapped	? decode_one(s, subject, place->offset) :
					  decode_all(s, subject, addresses, n);
	if (!place->why && !take_range(s, o, place))
		place->why = "its decoder went wrong";
}

struct descriptor_question {
	struct descriptor descriptor;
	const char *why;
};

static int ask_descriptor(struct service *reader, const struct mapped_file *file, void *ctx, bool *ret_is_file)
{
	struct descriptor_question *q = ctx;

	return decode_descriptor(reader, file, &q->descriptor, ret_is_file, &q->why);
}

/* Of the section at that offset in the file. What a decoder dies of is not asked for again. */
static const char *descriptor_of(struct symbolizer *s, struct subject subject, uint64_t offset, uint64_t length)
{
	struct descriptor_question q = { .descriptor = { .offset = offset, .length = length } };
	const struct file_key *key = &subject.object->key;
	const char *symbol = NULL;
	bool is_file;
	int r;

	if (!identify(s, subject) || names_find_descriptor(&s->names, key, offset, length, &symbol))
		return symbol;
	r = processes_ask(&s->processes, subject, ask_descriptor, &q, &is_file);
	if (r < 0)
		q.descriptor.symbol[0] = '\0';
	if (r == 0 || is_file)
		names_add_descriptor(&s->names, key, &q.descriptor, &s->strings);
	return names_find_descriptor(&s->names, key, offset, length, &symbol) ? symbol : NULL;
}

static void fill_place(struct symbolizer *s, struct process *p, const uint64_t *addresses, size_t n, struct place *place)
{
	const struct region *r = layout_find(&p->layout, addresses[0]);
	struct layout_object *o = r ? &p->layout.objects[r->object] : NULL;

	if (!r) {
		place->why = p->why ? p->why : "nothing is mapped there";
		return;
	}
	place->offset = addresses[0] - r->start + (o->inode ? r->offset : 0);
	place->object = o->path;
	if (o->inode)
		name_place(s, (struct subject){ p, o, NULL }, addresses, n, place);
	if (!place->object)
		place->why = "there is no room for more names";
}

void symbolizer_resolve(struct symbolizer *s, int32_t pid, uint64_t generation, const uint64_t *addresses, size_t n,
			struct place *ret)
{
	struct process *p = processes_get(&s->processes, pid, generation);

	if (p)
		processes_update(&s->processes, p, addresses, n);
	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct place){ .why = p ? NULL : NO_MEMORY };
		if (p)
			fill_place(s, p, addresses + i, n - i, &ret[i]);
	}
}

/* --- what lay there --- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Whether that is the file that lay there. By name, too: on an overlay the kernel says one inode number here and
 * another one there, and two libraries that take turns at an address have names of their own.
 */
static bool is_still_there(const struct layout *layout, const struct region *r, const struct past_place *past)
{
	const struct layout_object *o = r ? &layout->objects[r->object] : NULL;

	if (!past->file)
		return true;
	return o && o->inode && past->address - r->start + r->offset == past->offset &&
	       (o->inode == past->file->inode || (o->path && !strcmp(base_name(o->path), base_name(past->file->path))));
}

/* Where the file is in the layout of the process. */
static void fill_present(struct symbolizer *s, struct process *p, const struct past_place *past, struct place *place)
{
	const struct region *r = layout_find(&p->layout, past->address);
	struct layout_object *o = r ? &p->layout.objects[r->object] : NULL;

	fill_place(s, p, &past->address, 1, place);
	if (past->length && o && o->inode)
		place->descriptor = descriptor_of(s, (struct subject){ p, o, NULL }, past->address - r->start + r->offset,
						  past->length);
}

static void fill_unmapped(struct symbolizer *s, struct process *p, const struct past_place *past, struct place *place)
{
	struct layout_object lost = { .path = intern(&s->strings, past->file->path), .inode = past->file->inode };
	struct subject subject = { p, &lost, past->file };

	*place = (struct place){ .object = lost.path, .offset = past->offset };
	name_place(s, subject, &past->address, 1, place);
	if (past->length)
		place->descriptor = descriptor_of(s, subject, past->offset, past->length);
}

/* A file of a process that has ended since may be read no more as that process's, and still be there. */
static void fill_past(struct symbolizer *s, struct process *p, const struct past_place *past, struct place *place)
{
	const struct region *r = layout_find(&p->layout, past->address);
	bool is_there = is_still_there(&p->layout, r, past);
	struct place other;

	if (is_there)
		fill_present(s, p, past, place);
	if (is_there && (!place->why || !past->file))
		return;
	fill_unmapped(s, p, past, &other);
	if (!is_there || !other.why)
		*place = other;
}

void symbolizer_resolve_past(struct symbolizer *s, int32_t pid, uint64_t generation, const struct past_place *past,
			     struct place *ret)
{
	struct process *p = processes_get(&s->processes, pid, generation);

	*ret = (struct place){ .why = p ? NULL : NO_MEMORY };
	if (!p)
		return;
	processes_update(&s->processes, p, &past->address, 1);
	fill_past(s, p, past, ret);
}
