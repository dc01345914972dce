/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small questions to the kernel, libc and this account, each asked in a process of its own: one that
 * crashes or hangs has failed, and the others go on. Nothing of the caller's is changed.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/check.h"
#include "model/names.h"
#include "util/arena.h"
#include "util/cleanup.h"

/* What is broken on purpose, so that it can be seen that a probe would notice. */
enum probe_fault {
	PROBE_FAULT_NONE,
	PROBE_FAULT_NO_SECTION,	  /* critical sections are not published */
	PROBE_FAULT_UNREGISTERED, /* threads give their registration back before they are looked at */
};

struct probe_options {
	uint64_t limit_ns;    /* a probe that takes longer has failed */
	uint32_t rseq_class;  /* enum rseq_class */
	uint32_t fault;	      /* enum probe_fault */
	void *data;	      /* for probes of the caller's own */
	bool first;	      /* it goes before other processes as far as that is permitted: only for a limit that is short */
	/* Signals that the caller blocked: one that comes ends the probe, which has them not blocked. NULL: none. */
	const sigset_t *stop;
};

struct probe_run;

struct probe {
	const char *id, *title;
	/* In the process of its own; says what came of it by the functions below, once. */
	void (*run)(struct probe_run *r);
	bool writes_log; /* the kernel's */
	bool without_rseq; /* has something to say also where rseq() is denied or not there */
};

/* The table; NULL beyond the last row. */
const struct probe *probe_at(size_t i);

/*
 * One probe, of the table or of the caller's. The result's memory is the arena's. 0, or -EINTR when a signal
 * asked to stop: its answer is then unknown.
 */
int probe_run(const struct probe *p, const struct probe_options *options, struct arena *arena, struct check_result *ret);

/* --- for probes --- */

struct probe_run {
	const struct probe_options *options;
	struct probe_report *report; /* seen by both processes */
};

/* How it ended; format may be NULL for a pass. The last one counts. */
void probe_pass(struct probe_run *r, const char *format, ...) _printf_(2, 3);
void probe_fail(struct probe_run *r, const char *format, ...) _printf_(2, 3);
void probe_skip(struct probe_run *r, const char *format, ...) _printf_(2, 3);
void probe_unknown(struct probe_run *r, const char *format, ...) _printf_(2, 3);

/* The errno that it came down to. */
void probe_error(struct probe_run *r, int error);

/* A failure is that of the check of that id, without which this one's own question cannot be asked. */
void probe_because(struct probe_run *r, const char *id);

/* A row of its table; one that is not ok makes a pass or an unknown a fail. The number of rows that were not ok so far. */
unsigned int probe_row(struct probe_run *r, int8_t ok, const char *expected, const char *seen, const char *format, ...)
	_printf_(5, 6);

/* CLOCK_MONOTONIC, in ns. */
uint64_t probe_now(void);

static inline bool probe_has_fault(const struct probe_run *r, enum probe_fault fault)
{
	return r->options->fault == fault;
}

#endif
