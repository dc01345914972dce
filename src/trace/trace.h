/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracing rseq: a privileged helper holds the BPF programs, hands over raw records and totals, and
 * this side makes events of them. Nothing is attached before trace_start, and everything is detached
 * when this process or the helper ends, however that happens.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/trace_tally.h"
#include "model/facts.h"
#include "util/cleanup.h"

struct trace;

struct trace_options {
	bool aborts, registrations, faults; /* what is hooked */
	bool no_cause, stack;
	bool events; /* single aborts are delivered; else they are only counted */
	bool children; /* of the processes that are traced */
	bool verbose; /* also what libbpf says */
	const int32_t *pids, *tids; /* empty: every process */
	size_t n_pids, n_tids;
	const char *comm;   /* of the thread or its process; a `*` at the end stands for anything */
	const char *cgroup; /* path of a cgroup (v2) */
	uint32_t buffer_kib; /* room for records that wait; rounded up to a power of two, 0: as usual */
	char *const *command; /* argv, NULL-terminated; NULL for none */
	bool command_output; /* the command keeps our stdout; else what it writes there goes to stderr */
};

enum { TRACE_WHY = 256 };

/*
 * What the options point to is borrowed until trace_free. Starts the helpers, gives up privileges, loads and attaches; the command is there, but waits for
 * trace_start. 0, or -errno and in why[] what is missing and what to do about it.
 */
int trace_new(const struct trace_options *options, struct trace **ret, char why[TRACE_WHY]) _must_check_;
void trace_free(struct trace *t);

const struct host_facts *trace_host(const struct trace *t);

/* Whether this was hooked is in the notes of the tally. Lets the command run. */
void trace_start(struct trace *t, struct trace_start *ret);

typedef void trace_handler(void *ctx, const struct event *event);

/*
 * Waits at most timeout_ms for records and hands each event to the handler. Returns early when a
 * signal came. 0, 1 when there is nothing left to trace (the command or all processes given by
 * number have ended, and all that they left was delivered), or -errno when the helper is lost.
 */
int trace_poll(struct trace *t, int timeout_ms, trace_handler *handler, void *ctx) _must_check_;

/* Detaches; what is still in the buffer can be polled, until that says 1. Totals do not change any more. */
int trace_stop(struct trace *t) _must_check_;

/* Totals so far; borrowed until the next call or trace_free. NULL when the helper is lost. */
const struct trace_tally *trace_tally(struct trace *t);

/* Why the command could not be started: its errno; 0 when it could. */
int trace_command_error(const struct trace *t);

#endif
