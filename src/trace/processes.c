/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/processes.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "util/array.h"

enum { PROCESSES_MAX = 1024, TRIES = 2, READERS_MAX = 8 };
#define LAYOUTS_MAX (24u << 20)
#define SECOND 1000000000ll

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* --- life --- */

static int spawn_spare(struct processes *ps)
{
	struct reader_arg later = { 0 };

	if (!service_has_ended(&ps->spare))
		return 0;
	service_stop(&ps->spare);
	return nursery_spawn(ps->nursery, ps->kinds, ps->reader_kind, &later, sizeof(later), &ps->spare);
}

void processes_init(struct processes *ps, struct service *nursery, const struct service_kind *kinds,
		    uint32_t reader_kind, struct intern *strings)
{
	*ps = (struct processes){ .nursery = nursery,
				  .kinds = kinds,
				  .reader_kind = reader_kind,
				  .outsider = SERVICE_NONE,
				  .spare = SERVICE_NONE,
				  .born = now_ns(),
				  .strings = strings };
	(void)!spawn_spare(ps);
}

static void process_done(struct process *p)
{
	service_stop(&p->reader);
	layout_done(&p->layout);
}

void processes_done(struct processes *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		process_done(&ps->items[i]);
	service_stop(&ps->outsider);
	service_stop(&ps->spare);
	free(ps->items);
}

/* --- processes --- */

static void drop(struct processes *ps, size_t i)
{
	process_done(&ps->items[i]);
	ps->items[i] = ps->items[--ps->n];
}

static size_t oldest(const struct processes *ps)
{
	size_t found = 0;

	for (size_t i = 1; i < ps->n; i++)
		if (ps->items[i].used < ps->items[found].used)
			found = i;
	return found;
}

/* What it was before can be read no more; what is known of that stays, and its files stay open. */
static void end_programs(struct processes *ps, int32_t pid)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct process *p = &ps->items[i];

		if (p->pid != pid || p->err)
			continue;
		if (!p->layout.n)
			service_stop(&p->reader);
		p->err = -ESRCH;
		p->why = "the process runs another program now";
	}
}

static struct process *make_process(struct processes *ps, int32_t pid, uint64_t generation)
{
	struct process *p;

	end_programs(ps, pid);
	if (ps->n == PROCESSES_MAX)
		drop(ps, oldest(ps));
	p = ARRAY_ADD(ps->items, ps->n);
	if (p)
		*p = (struct process){ .pid = pid,
				       .generation = generation,
				       .born = now_ns(),
				       .reader = SERVICE_NONE };
	return p;
}

static void limit_layouts(struct processes *ps, const struct process *kept)
{
	size_t total = 0;

	for (size_t i = 0; i < ps->n; i++)
		total += layout_size(&ps->items[i].layout);
	while (total > LAYOUTS_MAX) {
		struct process *found = NULL;

		for (size_t i = 0; i < ps->n; i++) {
			struct process *p = &ps->items[i];

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

struct process *processes_get(struct processes *ps, int32_t pid, uint64_t generation)
{
	struct process *p = NULL;

	for (size_t i = 0; i < ps->n && !p; i++)
		if (ps->items[i].pid == pid && ps->items[i].generation == generation)
			p = &ps->items[i];
	if (!p)
		p = make_process(ps, pid, generation);
	if (p)
		p->used = ++ps->clock;
	return p;
}

void processes_forked(struct processes *ps, int32_t parent, uint64_t parent_generation, int32_t child,
		      uint64_t generation)
{
	struct process *c = processes_get(ps, child, generation), *p = NULL;

	for (size_t i = 0; c && i < ps->n; i++)
		if (ps->items[i].pid == parent && ps->items[i].generation == parent_generation)
			p = &ps->items[i];
	if (p && p != c && p->layout.n && !c->layout.n && layout_copy(&p->layout, &c->layout) == 0)
		limit_layouts(ps, c);
}

void processes_refresh(struct processes *ps, int32_t pid)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->items[i].pid == pid)
			ps->items[i].read_at = 0;
}

void processes_happened(struct processes *ps)
{
	ps->asked_of = now_ns();
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

/*
 * One that somebody killed since its last answer is none: another one can be asked instead. Who dies of a
 * question is not seen here, and that question is not asked twice: a file may be made to kill.
 */
static bool has_reader(struct process *p)
{
	if (service_has_ended(&p->reader))
		service_stop(&p->reader);
	return p->reader.fd >= 0;
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

static bool is_within(int64_t spent, int64_t born)
{
	return spent < 5 * SECOND + (now_ns() - born) / 10;
}

static bool has_time(const struct process *p)
{
	return is_within(p->spent, p->born);
}

/* Before one more starts. */
static void limit_readers(struct processes *ps)
{
	struct process *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ps->n; i++) {
		struct process *p = &ps->items[i];

		if (p->reader.fd < 0)
			continue;
		n++;
		if (!found || p->used < found->used)
			found = p;
	}
	if (n >= READERS_MAX)
		service_stop(&found->reader);
}

static int take_spare(struct processes *ps, struct service *ret)
{
	struct service_status status;
	int r = spawn_spare(ps);

	*ret = ps->spare;
	ps->spare = SERVICE_NONE;
	return r < 0 ? r : service_await(ret, &status);
}

/* By a new reader where there is none yet: it is given the process, and reads this, in one go. */
static int read_maps(struct processes *ps, struct process *p, struct strbuf *maps)
{
	bool is_new = !has_reader(p);
	int64_t start = now_ns();
	int r = 0;

	if (is_new) {
		limit_readers(ps);
		r = take_spare(ps, &p->reader);
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
		(void)!spawn_spare(ps);
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
static int open_reader(struct processes *ps, struct process *p)
{
	_cleanup_strbuf_ struct strbuf unused = { 0 };
	int r = check_process(p);

	return r < 0 || has_reader(p) ? r : read_maps(ps, p, &unused);
}

int processes_read(struct processes *ps, struct process *p, uint64_t addr, void *ret, size_t len)
{
	int r = open_reader(ps, p);
	int64_t start = now_ns();

	if (r < 0)
		return r == -ETIME ? -ETIMEDOUT : r == READER_IS_ZOMBIE ? -ESRCH : r;
	r = reader_memory(&p->reader, addr, ret, len);
	account_process(p, start, r);
	return r;
}

/* --- what is mapped --- */

static int take_layout(struct processes *ps, struct process *p, struct span maps)
{
	struct layout layout;
	int r = layout_parse(maps, ps->strings, &layout);

	if (r < 0)
		return r;
	layout_inherit(&layout, &p->layout);
	layout_done(&p->layout);
	p->layout = layout;
	p->read_at = now_ns();
	limit_layouts(ps, p);
	return 0;
}

/* Reads it anew; where that fails, what is known stays, and p->why says why. */
static void read_layout(struct processes *ps, struct process *p)
{
	_cleanup_strbuf_ struct strbuf maps = { 0 };
	int64_t start;

	if (check_process(p) < 0 || read_maps(ps, p, &maps) < 0)
		return;
	start = now_ns();
	account(p, start, take_layout(ps, p, (struct span){ maps.data, maps.len }));
}

static bool all_mapped(const struct process *p, const uint64_t *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!layout_find(&p->layout, addresses[i]))
			return false;
	return true;
}

void processes_update(struct processes *ps, struct process *p, const uint64_t *addresses, size_t n)
{
	bool is_old = !p->read_at || now_ns() - p->read_at > SECOND;

	/* A stack is full of words that are no addresses: looking again does not make them any. */
	if (is_old || ((!ps->asked_of || p->read_at < ps->asked_of) && !all_mapped(p, addresses, n)))
		read_layout(ps, p);
}

/* --- questions about files --- */

static struct mapped_file file_of(const struct layout_object *o)
{
	struct mapped_file file = { .start = o->start, .end = o->end, .inode = o->inode };

	if (o->path)
		strncpy(file.path, o->path, sizeof(file.path) - 1);
	return file;
}

/* One that is gone can be asked for the files that its reader holds. */
static bool can_ask(struct processes *ps, struct process *p)
{
	return (p->err && has_time(p) && has_reader(p)) || open_reader(ps, p) == 0;
}

/* The process itself, or where that is gone another one that has mapped the same file. NULL, and p->why. */
static struct process *reader_for(struct processes *ps, struct process *p, const struct layout_object *o,
				  struct mapped_file *ret)
{
	*ret = file_of(o);
	if (!o->elsewhere && can_ask(ps, p))
		return p;
	for (size_t i = 0; (p->err || p->emptied) && o->path && i < ps->n; i++) {
		struct process *other = &ps->items[i];
		const struct layout_object *same = other == p ? NULL : layout_find_same(&other->layout, o);

		if (!same || same->elsewhere || !can_ask(ps, other))
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

/* In a time of its own: a process that does not answer, or is not let run, has nothing to do with its files. */
static int ask_outsider(struct processes *ps, struct subject subject, process_question *question, void *ctx,
			bool *ret_is_file)
{
	struct process *p = subject.process;
	int64_t start = now_ns();
	int r = 0;

	if (!is_within(ps->spent, ps->born)) {
		p->why = "the time for files that are mapped no more is used up";
		return -ESRCH;
	}
	if (service_has_ended(&ps->outsider)) {
		service_stop(&ps->outsider);
		r = take_spare(ps, &ps->outsider);
		(void)!spawn_spare(ps);
	}
	*ret_is_file = false;
	if (r == 0)
		r = question(&ps->outsider, subject.unmapped, ctx, ret_is_file);
	ps->spent += now_ns() - start;
	return r;
}

/*
 * As the process sees it, which may not be as we do; or as we do: one that is about to end has no root any
 * more and still counts as living.
 */
static int ask_unmapped(struct processes *ps, struct subject subject, process_question *question, void *ctx,
			bool *ret_is_file)
{
	struct process *p = subject.process;

	if (!p->err && open_reader(ps, p) == 0) {
		int64_t start = now_ns();
		int r = question(&p->reader, subject.unmapped, ctx, ret_is_file);

		account_process(p, start, *ret_is_file ? 0 : r);
		if (r == 0 || *ret_is_file || r == -ETIMEDOUT)
			return r;
	}
	return ask_outsider(ps, subject, question, ctx, ret_is_file);
}

int processes_ask(struct processes *ps, struct subject subject, process_question *question, void *ctx,
		  bool *ret_is_file)
{
	struct process *from;
	int tries = 0, r;

	*ret_is_file = false;
	if (subject.unmapped)
		return ask_unmapped(ps, subject, question, ctx, ret_is_file);
	do {
		struct mapped_file file;
		int64_t start;

		from = reader_for(ps, subject.process, subject.object, &file);
		if (!from)
			return -ESRCH;
		start = now_ns();
		*ret_is_file = false;
		r = question(&from->reader, &file, ctx, ret_is_file);
		account_process(from, start, *ret_is_file ? 0 : r);
	} while (!*ret_is_file && ask_again(subject.process, from, subject.object, r, &tries));
	return r;
}
