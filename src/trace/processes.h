/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that names are looked up in: what is mapped there, the helpers that read it, and the time
 * that this may take. A process that is gone keeps its layout, and its reader the files that it held.
 */
#ifndef TRACE_PROCESSES_H
#define TRACE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/reader.h"
#include "proc/service.h"
#include "trace/layout.h"
#include "util/intern.h"

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

struct processes {
	struct service *nursery;
	const struct service_kind *kinds;
	uint32_t reader_kind;
	struct service outsider; /* a reader without a process */
	int64_t born, spent; /* ns: when all began, and the time that the outsider took since */
	struct service spare; /* a reader for the next process: that one may not live as long as a fork takes */
	struct process *items;
	size_t n;
	uint64_t clock;
	int64_t asked_of; /* ns: when what is asked for has happened at the latest; 0: it may be now */
	struct intern *strings;
};

/* All are borrowed; see symbolizer_new. */
void processes_init(struct processes *ps, struct service *nursery, const struct service_kind *kinds,
		    uint32_t reader_kind, struct intern *strings);
void processes_done(struct processes *ps);

/* Made when it is new; NULL when there is no memory. Borrowed until the next call. */
struct process *processes_get(struct processes *ps, int32_t pid, uint64_t generation);

/* As the symbolizer's of these names. */
void processes_forked(struct processes *ps, int32_t parent, uint64_t parent_generation, int32_t child,
		      uint64_t generation);
void processes_refresh(struct processes *ps, int32_t pid);
void processes_happened(struct processes *ps);

/*
 * Reads what is mapped where it may have changed, or some of the addresses are in nothing that is known.
 * Where that fails, what is known stays, and p->why says why.
 */
void processes_update(struct processes *ps, struct process *p, const uint64_t *addresses, size_t n);

/* As symbolizer_read. */
int processes_read(struct processes *ps, struct process *p, uint64_t addr, void *ret, size_t len) _must_check_;

/* A file of a process. */
struct subject {
	struct process *process;
	struct layout_object *object;
	const struct mapped_file *unmapped; /* it is in no layout: how to find it again; else NULL */
};

/*
 * Asks one reader about one file: 0 or -errno. An error that says something of the file and nothing of
 * the process sets *ret_is_file, which begins false.
 */
typedef int process_question(struct service *reader, const struct mapped_file *file, void *ctx, bool *ret_is_file);

/*
 * Asks a reader of the process, or where that is gone of another one that has mapped the same file; a file
 * that is mapped no more is then looked for from here. The last answer; -ESRCH and the process's why where nobody can be asked (any more).
 */
int processes_ask(struct processes *ps, struct subject subject, process_question *question, void *ctx,
		  bool *ret_is_file) _must_check_;

#endif
