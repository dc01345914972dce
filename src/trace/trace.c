/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/trace.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "model/host.h"
#include "proc/privileges.h"
#include "trace/command.h"
#include "trace/events.h"
#include "trace/kernel.h"
#include "trace/tally.h"
#include "util/array.h"

enum { KIND_KERNEL, KIND_READER, KINDS };

/* How often stacks are named while their process is there, when nobody asks for a tally. */
#define STACKS_EVERY_NS 250000000ULL

struct trace {
	struct trace_options options; /* what it points to is the caller's */
	struct service nursery, kernel;
	struct service_kind kinds[KINDS];
	struct service_op reader_operations[SYMBOLIZER_OPS];
	struct symbolizer *symbolizer;
	struct section_names *sections;
	struct stacks *stacks;
	struct events *events;
	struct command command;
	int command_error; /* of exec, positive */
	struct pollfd *pids; /* pidfds of the processes given by number */
	size_t n_pids;
	struct host_facts host;
	struct judge_kernel judge;
	struct trace_loaded loaded;
	const char *notes[TRACE_NOTES_MAX];
	struct tally tally;
	uint64_t start_ns, end_ns, stacks_ns;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static int refuse(char *why, int err, const char *format, ...) _printf_(3, 4);

static int refuse(char *why, int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, TRACE_WHY, format, ap);
	va_end(ap);
	return err;
}

/* --- whom --- */

static int add_target(struct trace *t, int32_t id, bool is_thread, char *why)
{
	struct trace_target target = { id, is_thread };
	struct service_request request = { TRACE_OP_TARGET, &target, sizeof(target) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int r = service_call(&t->kernel, &request, &reply, NULL);

	return r < 0 ? refuse(why, r, "%d cannot be traced (%s)", id, strerrorname_np(-r)) : 0;
}

static int refuse_pid(char *why, int32_t pid, int err)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/%d", pid);
	/* Which of the two depends on the kernel. */
	if ((err == EINVAL || err == ENOENT) && access(name, F_OK) == 0)
		return refuse(why, -err, "%d is a thread, not a process: use -t %d", pid, pid);
	if (err != ESRCH && err != EINVAL && err != ENOENT)
		return refuse(why, -err, "%d cannot be traced (%s)", pid, strerrorname_np(err));
	return refuse(why, -ESRCH, "no process has the number %d", pid);
}

/* By a descriptor that is taken first: when the process is still there afterwards, it is the one. */
static int add_pid(struct trace *t, int32_t pid, char *why)
{
	struct pollfd *p = ARRAY_ADD(t->pids, t->n_pids);
	int r;

	if (!p)
		return refuse(why, -ENOMEM, "no memory");
	p->events = POLLIN;
	p->fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p->fd < 0)
		return refuse_pid(why, pid, errno);
	r = add_target(t, pid, false, why);
	if (r == 0 && poll(p, 1, 0) > 0)
		return refuse(why, -ESRCH, "process %d has just ended", pid);
	return r;
}

static int add_tid(struct trace *t, int32_t tid, char *why)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/%d", tid);
	if (access(name, F_OK) < 0)
		return refuse(why, -ESRCH, "no thread has the number %d", tid);
	return add_target(t, tid, true, why);
}

static int add_targets(struct trace *t, char *why)
{
	const struct trace_options *o = &t->options;
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->n_pids; i++)
		r = add_pid(t, o->pids[i], why);
	for (size_t i = 0; r == 0 && i < o->n_tids; i++)
		r = add_tid(t, o->tids[i], why);
	if (r == 0 && o->command)
		r = add_target(t, t->command.pid, false, why);
	return r;
}

/* --- start --- */

static int make_config(const struct trace_options *o, struct trace_config *ret, char *why)
{
	*ret = (struct trace_config){
		.aborts = o->aborts,
		.registrations = o->registrations,
		.faults = o->faults,
		.cause = !o->no_cause,
		.stack = o->stack,
		.events = o->events,
		.children = o->children,
		.verbose = o->verbose,
		.buffer_kib = o->buffer_kib,
		.filter_pids = o->n_pids || o->command,
		.filter_tids = o->n_tids > 0,
		.filter_comm = o->comm != NULL,
	};
	if (o->comm) {
		size_t n = strlen(o->comm);
		bool prefix = n && o->comm[n - 1] == '*';

		/* The kernel keeps 15 bytes of a name. With its end when the whole is meant. */
		n = prefix ? n - 1 : n;
		n = n > 15 ? 15 : n;
		memcpy(ret->comm, o->comm, n);
		ret->comm_length = (uint8_t)(prefix ? n : n + 1);
	}
	if (o->cgroup && strlen(o->cgroup) >= sizeof(ret->cgroup))
		return refuse(why, -ENAMETOOLONG, "the path of the cgroup is too long");
	if (o->cgroup)
		memcpy(ret->cgroup, o->cgroup, strlen(o->cgroup));
	return 0;
}

static int load(struct trace *t, char *why)
{
	struct trace_config *config = calloc(1, sizeof(*config));
	struct service_request request = { TRACE_OP_LOAD, config, sizeof(*config) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int r = config ? make_config(&t->options, config, why) : refuse(why, -ENOMEM, "no memory");

	if (r == 0) {
		r = service_call(&t->kernel, &request, &reply, NULL);
		if (r == 0 && reply.len != sizeof(t->loaded))
			r = -EPIPE;
		if (r < 0)
			refuse(why, r, "the helper that loads BPF programs ended (%s)", strerrorname_np(-r));
	}
	free(config);
	if (r < 0)
		return r;
	memcpy(&t->loaded, reply.data, sizeof(t->loaded));
	if (t->loaded.err)
		return refuse(why, t->loaded.err, "%.*s", TRACE_WHY - 1, t->loaded.why);
	return 0;
}

static void learn_host(struct trace *t)
{
	host_read(&t->host);
	t->host.rseq_class = host_class(t->loaded.layout);
	t->judge = (struct judge_kernel){
		.layout = t->loaded.layout,
		.debug = t->loaded.debug,
		.feature_size = t->host.feature_size,
		.align = t->host.align,
	};
	for (uint32_t i = 0; i < t->loaded.n_notes && i < TRACE_NOTES_MAX; i++)
		t->notes[i] = t->loaded.notes[i];
}

static int make_rooms(struct trace *t, char *why)
{
	struct events_room room = { .kernel = &t->judge };

	t->symbolizer = symbolizer_new(&t->nursery, t->kinds, KIND_READER);
	if (t->symbolizer) {
		t->sections = section_names_new(t->symbolizer);
		t->stacks = stacks_new(&t->kernel, t->symbolizer);
	}
	room.symbolizer = t->symbolizer;
	room.sections = t->sections;
	room.stacks = t->stacks;
	t->events = t->sections && t->stacks ? events_new(&room) : NULL;
	return t->events ? 0 : refuse(why, -ENOMEM, "no memory");
}

/* Privileged processes first; nothing of a target is looked at before privileges are gone. */
static int start_helpers(struct trace *t, char *why)
{
	struct service_status status = { 0 };
	int r;

	symbolizer_kind(t->reader_operations, &t->kinds[KIND_READER]);
	t->kinds[KIND_KERNEL] = trace_kernel_kind;
	r = nursery_start(t->kinds, KINDS, &t->nursery);
	if (r == 0)
		r = nursery_spawn(&t->nursery, t->kinds, KIND_KERNEL, NULL, 0, &t->kernel);
	if (r == 0)
		r = privileges_drop();
	if (r < 0)
		return refuse(why, r, "the helper processes cannot be started (%s)", strerrorname_np(-r));
	r = service_await(&t->kernel, &status);
	return r < 0 ? refuse(why, r, "%s", status.what) : 0;
}

static int start(struct trace *t, char *why)
{
	const struct trace_options *o = &t->options;
	int r = 0;

	if (o->command)
		r = command_prepare(o->command, o->command_output, &t->command);
	if (r < 0)
		return refuse(why, r, "no process can be made for the command (%s)", strerrorname_np(-r));
	r = start_helpers(t, why);
	if (r == 0)
		r = load(t, why);
	if (r < 0)
		return r;
	learn_host(t);
	r = make_rooms(t, why);
	return r < 0 ? r : add_targets(t, why);
}

int trace_new(const struct trace_options *options, struct trace **ret, char why[TRACE_WHY])
{
	struct trace *t = calloc(1, sizeof(*t));
	int r;

	why[0] = '\0';
	if (!t)
		return refuse(why, -ENOMEM, "no memory");
	t->options = *options;
	t->nursery = t->kernel = SERVICE_NONE;
	t->command = COMMAND_NONE;
	r = start(t, why);
	if (r < 0)
		trace_free(t);
	else
		*ret = t;
	return r;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	command_done(&t->command);
	tally_done(&t->tally);
	events_free(t->events);
	stacks_free(t->stacks);
	section_names_free(t->sections);
	symbolizer_free(t->symbolizer);
	service_stop(&t->kernel);
	service_stop(&t->nursery);
	for (size_t i = 0; i < t->n_pids; i++)
		if (t->pids[i].fd >= 0)
			close(t->pids[i].fd);
	free(t->pids);
	free(t);
}

const struct host_facts *trace_host(const struct trace *t)
{
	return &t->host;
}

void trace_start(struct trace *t, struct trace_start *ret)
{
	t->start_ns = now_ns(CLOCK_BOOTTIME);
	*ret = (struct trace_start){
		.realtime_offset_ns = (int64_t)(now_ns(CLOCK_REALTIME) - t->start_ns),
		.host = &t->host,
	};
	if (t->options.command)
		t->command_error = -command_go(&t->command);
}

int trace_command_error(const struct trace *t)
{
	return t->command_error;
}

/* --- run --- */

static bool threads_are_gone(const struct trace *t)
{
	const struct trace_options *o = &t->options;

	for (size_t i = 0; i < o->n_tids; i++) {
		char name[32];

		snprintf(name, sizeof(name), "/proc/%d", o->tids[i]);
		if (access(name, F_OK) == 0)
			return false;
	}
	return true;
}

/* What was asked for by number has an end; everything else has none. */
static bool is_over(struct trace *t)
{
	const struct trace_options *o = &t->options;
	size_t ended = 0;

	if (!o->n_pids && !o->n_tids && !o->command)
		return false;
	if (o->command && !command_has_ended(&t->command))
		return false;
	/* Children outlive the processes that were named. */
	if (o->children && !o->command)
		return false;
	if (t->n_pids && poll(t->pids, t->n_pids, 0) > 0)
		for (size_t i = 0; i < t->n_pids; i++)
			ended += t->pids[i].revents != 0;
	return ended == t->n_pids && threads_are_gone(t);
}

static void take_records(struct trace *t, const struct strbuf *records, trace_handler *handler, void *ctx)
{
	size_t at = 0;

	events_next_batch(t->events);
	while (records->len - at > sizeof(struct trace_frame)) {
		struct trace_frame frame;
		size_t room;

		memcpy(&frame, records->data + at, sizeof(frame));
		at += sizeof(frame);
		room = ((size_t)frame.size + 7) / 8 * 8;
		if (room > records->len - at)
			return;
		events_take(t->events, records->data + at, frame.size, handler, ctx);
		at += room;
	}
}

static struct tally_room tally_room(struct trace *t)
{
	return (struct tally_room){
		.kernel = &t->kernel,
		.symbolizer = t->symbolizer,
		.sections = t->sections,
		.stacks = t->options.stack ? t->stacks : NULL,
		.causes = !t->options.no_cause,
	};
}

/* Stacks have no record that tells of a new one: they are looked for, before their process is gone. */
static void name_stacks(struct trace *t)
{
	struct tally_room room = tally_room(t);
	struct tally unused = { 0 };
	uint64_t now = now_ns(CLOCK_BOOTTIME);

	if (!t->options.stack || now - t->stacks_ns < STACKS_EVERY_NS)
		return;
	t->stacks_ns = now;
	(void)!tally_make(&unused, &room, 0, true);
	tally_done(&unused);
}

int trace_poll(struct trace *t, int timeout_ms, trace_handler *handler, void *ctx)
{
	int32_t ms = timeout_ms < 0 || timeout_ms > TRACE_POLL_MS_MAX ? TRACE_POLL_MS_MAX : timeout_ms;
	struct service_request request = { TRACE_OP_POLL, &ms, sizeof(ms) };
	_cleanup_strbuf_ struct strbuf records = { 0 };
	bool over = t->end_ns || is_over(t);
	int r;

	/* Ended before this look: what it left is there already. */
	if (over)
		ms = 0;
	r = service_call(&t->kernel, &request, &records, NULL);
	if (r < 0)
		return r;
	take_records(t, &records, handler, ctx);
	name_stacks(t);
	return over && !records.len;
}

int trace_stop(struct trace *t)
{
	struct service_request request = { TRACE_OP_DETACH, NULL, 0 };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int r = service_call(&t->kernel, &request, &reply, NULL);

	t->end_ns = now_ns(CLOCK_BOOTTIME);
	/* What was started to be traced ends with the trace. */
	command_done(&t->command);
	return r;
}

const struct trace_tally *trace_tally(struct trace *t)
{
	struct tally_room room = tally_room(t);
	uint64_t end = t->end_ns ? t->end_ns : now_ns(CLOCK_BOOTTIME);

	if (tally_make(&t->tally, &room, end - t->start_ns, t->end_ns != 0) < 0)
		return NULL;
	t->tally.tally.events[EVENT_FAULT] = events_faults(t->events);
	t->tally.tally.reasons = events_reasons(t->events, &t->tally.tally.n_reasons);
	t->tally.tally.notes = t->notes;
	t->tally.tally.n_notes = t->loaded.n_notes;
	if (t->options.command) {
		t->tally.tally.has |= TALLY_COMMAND;
		t->tally.tally.command = t->command.result;
	}
	return &t->tally.tally;
}
