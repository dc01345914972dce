/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/symbolize.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "trace/decode.h"
#include "trace/layout.h"
#include "trace/names.h"
#include "util/array.h"
#include "util/intern.h"

enum { PROCESSES_MAX = 1024, TRIES = 2, READERS_MAX = 8, MAPS_LIMIT_MS = 2000 };
#define STRINGS_MAX (24u << 20)
#define LAYOUTS_MAX (24u << 20)
#define SECOND 1000000000ll

/* One program in one process. */
struct process {
	int32_t pid;
	int err;	    /* nothing more can be read of it, but files that its reader holds: -errno, and why */
	const char *why;    /* why nothing could be read the last time; static */
	bool emptied;	    /* nothing was mapped the last time: it ends, and may not yet count as gone */
	uint64_t generation;
	uint64_t used;	    /* for choosing which one to give up */
	int64_t born, spent; /* ns: when it was first seen, and the time that it took since */
	int64_t read_at;    /* ns: when the layout was read; 0: not, or it has changed */
	struct service reader;
	struct layout layout;
};

struct symbolizer {
	struct service *nursery;
	const struct service_kind *kinds;
	uint32_t reader_kind;
	struct service spare; /* a reader for the next process: that one may not live as long as a fork takes */
	struct process *processes;
	size_t n;
	uint64_t clock;
	struct names names;
	struct intern strings;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* --- life --- */

void symbolizer_kind(struct service_op ops[SYMBOLIZER_OPS], struct service_kind *ret)
{
	memcpy(ops, reader_ops, READER_OPS * sizeof(*ops));
	for (size_t i = 0; i < READER_OPS; i++)
		if (ops[i].limit_ms > MAPS_LIMIT_MS)
			ops[i].limit_ms = MAPS_LIMIT_MS;
	ops[READER_OPS] = decode_op;
	*ret = (struct service_kind){
		.ops = ops,
		.n_ops = SYMBOLIZER_OPS,
		.setup = reader_setup,
		.setup_limit_ms = READER_SETUP_LIMIT_MS,
	};
}

static int spawn_spare(struct symbolizer *s)
{
	struct reader_arg later = { 0 };

	if (s->spare.fd >= 0)
		return 0;
	return nursery_spawn(s->nursery, s->kinds, s->reader_kind, &later, sizeof(later), &s->spare);
}

struct symbolizer *symbolizer_new(struct service *nursery, const struct service_kind *kinds, uint32_t reader_kind)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->nursery = nursery;
	s->kinds = kinds;
	s->reader_kind = reader_kind;
	s->spare = SERVICE_NONE;
	(void)!spawn_spare(s);
	s->strings.limit = STRINGS_MAX;
	return s;
}

static void process_done(struct process *p)
{
	service_stop(&p->reader);
	layout_done(&p->layout);
}

void symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		process_done(&s->processes[i]);
	service_stop(&s->spare);
	free(s->processes);
	names_done(&s->names);
	intern_done(&s->strings);
	free(s);
}

/* --- processes --- */

static void drop(struct symbolizer *s, size_t i)
{
	process_done(&s->processes[i]);
	s->processes[i] = s->processes[--s->n];
}

static size_t oldest(const struct symbolizer *s)
{
	size_t found = 0;

	for (size_t i = 1; i < s->n; i++)
		if (s->processes[i].used < s->processes[found].used)
			found = i;
	return found;
}

/* What it was before can be read no more; what is known of that stays, and its files stay open. */
static void end_programs(struct symbolizer *s, int32_t pid)
{
	for (size_t i = 0; i < s->n; i++) {
		struct process *p = &s->processes[i];

		if (p->pid != pid || p->err)
			continue;
		if (!p->layout.n)
			service_stop(&p->reader);
		p->err = -ESRCH;
		p->why = "the process runs another program now";
	}
}

static struct process *make_process(struct symbolizer *s, int32_t pid, uint64_t generation)
{
	struct process *p;

	end_programs(s, pid);
	if (s->n == PROCESSES_MAX)
		drop(s, oldest(s));
	p = ARRAY_ADD(s->processes, s->n);
	if (p)
		*p = (struct process){ .pid = pid,
				       .generation = generation,
				       .born = now_ns(),
				       .reader = SERVICE_NONE };
	return p;
}

static void limit_layouts(struct symbolizer *s, const struct process *kept)
{
	size_t total = 0;

	for (size_t i = 0; i < s->n; i++)
		total += layout_size(&s->processes[i].layout);
	while (total > LAYOUTS_MAX) {
		struct process *found = NULL;

		for (size_t i = 0; i < s->n; i++) {
			struct process *p = &s->processes[i];

			if (p != kept && p->layout.n && (!found || p->used < found->used))
				found = p;
		}
		if (!found)
			return;
		total -= layout_size(&found->layout);
		layout_done(&found->layout);
		found->read_at = 0;
	}
}

/* Borrowed until the next call. */
static struct process *get_process(struct symbolizer *s, int32_t pid, uint64_t generation)
{
	struct process *p = NULL;

	for (size_t i = 0; i < s->n && !p; i++)
		if (s->processes[i].pid == pid && s->processes[i].generation == generation)
			p = &s->processes[i];
	if (!p)
		p = make_process(s, pid, generation);
	if (p)
		p->used = ++s->clock;
	return p;
}

void symbolizer_forked(struct symbolizer *s, int32_t parent, uint64_t parent_generation, int32_t child,
		       uint64_t generation)
{
	struct process *c = get_process(s, child, generation), *p = NULL;

	for (size_t i = 0; c && i < s->n; i++)
		if (s->processes[i].pid == parent && s->processes[i].generation == parent_generation)
			p = &s->processes[i];
	if (p && p != c && p->layout.n && !c->layout.n && layout_copy(&p->layout, &c->layout) == 0)
		limit_layouts(s, c);
}

void symbolizer_forget(struct symbolizer *s, int32_t pid)
{
	for (size_t i = s->n; i-- > 0;)
		if (s->processes[i].pid == pid)
			drop(s, i);
}

void symbolizer_refresh(struct symbolizer *s, int32_t pid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->processes[i].pid == pid)
			s->processes[i].read_at = 0;
}

/* --- readers, and the time they take --- */

static const char *why_unreadable(int err)
{
	switch (err) {
	case -ESRCH:
	case READER_IS_ZOMBIE:
		return "the process exited before it could be looked at";
	case -EPERM:
	case -EACCES:
		return "looking at the process is not permitted";
	case -EINVAL:
		return "that is no process";
	case -ETIMEDOUT:
		return "the process did not answer in time";
	case -ETIME:
		return "the time for this process is used up";
	case -EFBIG:
		return "the process has more mappings than are kept";
	case -ENOMEM:
		return "there is no memory";
	}
	return "the process could not be looked at";
}

/* Of a dead leader nothing can be read, while its threads live: the next reader reads through one of those. */
static bool is_permanent(struct process *p, int err)
{
	if (err == -ESRCH && p->reader.fd >= 0)
		return reader_alive(&p->reader) < 0;
	return err == -ESRCH || err == READER_IS_ZOMBIE || err == -EPERM || err == -EACCES || err == -EINVAL;
}

/* Takes in how something ended that began at start. Who does not answer in time waits longer for the next try. */
static int account(struct process *p, int64_t start, int err)
{
	p->spent += now_ns() - start;
	if (err == -ETIMEDOUT)
		p->spent += 5 * SECOND;
	if (p->err)
		return err;
	p->why = err ? why_unreadable(err) : NULL;
	if (is_permanent(p, err))
		p->err = err;
	/* Of one that is gone it still holds the files. */
	if (p->err ? !p->layout.n : err == -ESRCH)
		service_stop(&p->reader);
	return err;
}

/* The same, where all other errors are those of one address or one file. */
static void account_process(struct process *p, int64_t start, int err)
{
	account(p, start, err == -ESRCH || err == -ETIMEDOUT ? err : 0);
}

static bool has_time(const struct process *p)
{
	return p->spent < 5 * SECOND + (now_ns() - p->born) / 10;
}

/* Before one more starts. */
static void limit_readers(struct symbolizer *s)
{
	struct process *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct process *p = &s->processes[i];

		if (p->reader.fd < 0)
			continue;
		n++;
		if (!found || p->used < found->used)
			found = p;
	}
	if (n >= READERS_MAX)
		service_stop(&found->reader);
}

static int take_spare(struct symbolizer *s, struct service *ret)
{
	struct service_status status;
	int r = spawn_spare(s);

	*ret = s->spare;
	s->spare = SERVICE_NONE;
	return r < 0 ? r : service_await(ret, &status);
}

/* By a new reader where there is none yet: it is given the process, and reads this, in one go. */
static int read_maps(struct symbolizer *s, struct process *p, struct strbuf *maps)
{
	bool is_new = p->reader.fd < 0;
	int64_t start = now_ns();
	int r = 0;

	if (is_new) {
		limit_readers(s);
		r = take_spare(s, &p->reader);
	}
	if (r < 0) {
		p->why = "no helper process could be started";
		return -EAGAIN;
	}
	r = reader_maps(&p->reader, p->pid, maps);
	p->emptied = r == 0 && !maps->len;
	r = account(p, start, r == 0 && !maps->len ? -ESRCH : r);
	if (is_new && r < 0)
		service_stop(&p->reader);
	if (is_new)
		(void)!spawn_spare(s);
	return r;
}

/* Whether anything more can be read: 0 or -errno, and p->why. */
static int check_process(struct process *p)
{
	if (p->err)
		return p->err;
	if (has_time(p))
		return 0;
	p->why = why_unreadable(-ETIME);
	return -ETIME;
}

/* 0 or -errno, and p->why. */
static int open_reader(struct symbolizer *s, struct process *p)
{
	_cleanup_strbuf_ struct strbuf unused = { 0 };
	int r = check_process(p);

	return r < 0 || p->reader.fd >= 0 ? r : read_maps(s, p, &unused);
}

int symbolizer_read(struct symbolizer *s, int32_t pid, uint64_t generation, uint64_t addr, void *ret, size_t len)
{
	struct process *p = get_process(s, pid, generation);
	int r = p ? open_reader(s, p) : -ENOMEM;
	int64_t start = now_ns();

	if (r < 0)
		return r == -ETIME ? -ETIMEDOUT : r == READER_IS_ZOMBIE ? -ESRCH : r;
	r = reader_memory(&p->reader, addr, ret, len);
	account_process(p, start, r);
	return r;
}

/* --- what is mapped --- */

static int take_layout(struct symbolizer *s, struct process *p, struct span maps)
{
	struct layout layout;
	int r = layout_parse(maps, &s->strings, &layout);

	if (r < 0)
		return r;
	layout_inherit(&layout, &p->layout);
	layout_done(&p->layout);
	p->layout = layout;
	p->read_at = now_ns();
	limit_layouts(s, p);
	return 0;
}

/* Reads it anew; where that fails, what is known stays, and p->why says why. */
static void read_layout(struct symbolizer *s, struct process *p)
{
	_cleanup_strbuf_ struct strbuf maps = { 0 };
	int64_t start;

	if (check_process(p) < 0 || read_maps(s, p, &maps) < 0)
		return;
	start = now_ns();
	account(p, start, take_layout(s, p, (struct span){ maps.data, maps.len }));
}

static bool all_mapped(const struct process *p, const uint64_t *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!layout_find(&p->layout, addresses[i]))
			return false;
	return true;
}

static void update_layout(struct symbolizer *s, struct process *p, const uint64_t *addresses, size_t n)
{
	if (!p->read_at || now_ns() - p->read_at > SECOND || !all_mapped(p, addresses, n))
		read_layout(s, p);
}

/* --- what lies there --- */

static const char *why_not_open(int err)
{
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

static struct mapped_file file_of(const struct layout_object *o)
{
	struct mapped_file file = { .start = o->start, .end = o->end, .inode = o->inode };

	if (o->path)
		strncpy(file.path, o->path, sizeof(file.path) - 1);
	return file;
}

/* One that is gone can be asked for the files that its reader holds. */
static bool can_ask(struct symbolizer *s, struct process *p)
{
	return (p->err && p->reader.fd >= 0 && has_time(p)) || open_reader(s, p) == 0;
}

/* The process itself, or where that is gone another one that has mapped the same file. NULL, and p->why. */
static struct process *reader_for(struct symbolizer *s, struct process *p, const struct layout_object *o,
				  struct mapped_file *ret)
{
	*ret = file_of(o);
	if (!o->elsewhere && can_ask(s, p))
		return p;
	for (size_t i = 0; (p->err || p->emptied) && o->path && i < s->n; i++) {
		struct process *other = &s->processes[i];
		const struct layout_object *same = other == p ? NULL : layout_find_same(&other->layout, o);

		if (!same || same->elsewhere || !can_ask(s, other))
			continue;
		*ret = file_of(same);
		return other;
	}
	return NULL;
}

/*
 * After an answer: whether it is to be asked for once more, of another process; or of the same by a new reader,
 * which sees whether it is about to end.
 */
static bool ask_again(const struct process *p, const struct process *from, struct layout_object *o, int err, int *tries)
{
	if (err != -ESRCH || from != p || ++*tries > TRIES)
		return false;
	if (p->err)
		o->elsewhere = true;
	return p->err || p->reader.fd < 0;
}

/*
 * A file that was found by its name and inode number alone may be another one. Who can arrange that
 * can as well put what he likes into his own.
 */
static bool identify(struct symbolizer *s, struct process *p, struct layout_object *o)
{
	struct mapped_file file;
	struct process *from;
	int64_t start;
	int tries = 0, r;

	if (o->identified || o->why)
		return o->identified;
	do {
		from = reader_for(s, p, o, &file);
		if (!from)
			return o->was_identified;
		start = now_ns();
		r = reader_identify(&from->reader, &file, &o->key);
		account_process(from, start, r);
	} while (ask_again(p, from, o, r, &tries));
	o->identified = r == 0;
	if (r < 0 && r != -ESRCH)
		o->why = why_not_open(r);
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

/* NULL, or why nothing could be learned. */
static const char *decode(struct symbolizer *s, struct process *p, uint32_t object, const uint64_t *addresses,
			  size_t n)
{
	struct layout_object *o = &p->layout.objects[object];
	_cleanup_free_ struct function *functions = NULL;
	struct mapped_file file;
	struct process *from;
	const char *why = NULL;
	bool is_file;
	int64_t start;
	int tries = 0, r;

	functions = malloc((n < FUNCTIONS_MAX ? n : FUNCTIONS_MAX) * sizeof(*functions));
	if (!functions)
		return why_unreadable(-ENOMEM);
	n = gather(s, p, object, addresses, n, functions);
	do {
		from = reader_for(s, p, o, &file);
		if (!from)
			return p->why;
		start = now_ns();
		r = decode_read(&from->reader, &file, functions, n, &is_file, &why);
		account_process(from, start, is_file ? 0 : r);
	} while (!is_file && ask_again(p, from, o, r, &tries));
	if (r == 0)
		names_add(&s->names, &o->key, functions, n, &s->strings);
	else if (is_file)
		names_refuse(&s->names, &o->key, why);
	else if (r != -ESRCH)
		o->why = why = why_not_open(r);
	return r == -ESRCH && !is_file ? why_unreadable(r) : r < 0 ? why : NULL;
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

/* The first address is in a file; the others may be, and are looked up with it. */
static void name_place(struct symbolizer *s, struct process *p, const struct region *r, const uint64_t *addresses,
		       size_t n, struct place *place)
{
	struct layout_object *o = &p->layout.objects[r->object];

	place->offset += r->offset;
	if (!identify(s, p, o)) {
		place->why = o->why ? o->why : p->why;
		return;
	}
	if (take_range(s, o, place))
		return;
	place->why = o->why ? o->why : decode(s, p, r->object, addresses, n);
	if (!place->why && !take_range(s, o, place))
		place->why = "its decoder went wrong";
}

static void fill_place(struct symbolizer *s, struct process *p, const uint64_t *addresses, size_t n, struct place *place)
{
	const struct region *r = layout_find(&p->layout, addresses[0]);
	const struct layout_object *o = r ? &p->layout.objects[r->object] : NULL;

	if (!r) {
		place->why = p->why ? p->why : "nothing is mapped there";
		return;
	}
	place->offset = addresses[0] - r->start;
	place->object = o->path;
	if (o->inode)
		name_place(s, p, r, addresses, n, place);
	if (!place->object)
		place->why = "there is no room for more names";
}

void symbolizer_resolve(struct symbolizer *s, int32_t pid, uint64_t generation, const uint64_t *addresses, size_t n,
			struct place *ret)
{
	struct process *p = get_process(s, pid, generation);

	if (p)
		update_layout(s, p, addresses, n);
	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct place){ .why = why_unreadable(-ENOMEM) };
		if (!p)
			continue;
		ret[i].why = NULL;
		fill_place(s, p, addresses + i, n - i, &ret[i]);
	}
}
