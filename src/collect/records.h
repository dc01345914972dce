/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of a process's threads, asked of the kernel (BPF, ptrace) or found in its memory. */
#ifndef COLLECT_RECORDS_H
#define COLLECT_RECORDS_H

#include "collect/collector.h"
#include "collect/target.h"
#include "proc/status.h"

/* How the kernel is asked. */
struct records_source {
	/* How its record is to be read, METHOD_UNKNOWN and refusal where it cannot. Called late:
	 * loading BPF takes as long as reading the objects. */
	enum method (*method)(void *ctx, struct refusal *refusal);
	/* Asks for the records of one process by BPF; appends them to out. NULL without BPF. */
	int (*ask)(void *ctx, int32_t pid, struct strbuf *out);
	/* The same as of a moment ago, for many processes at once; NULL: ask. Borrowed. */
	const struct strbuf *snapshot;
	void *ctx;
};

/*
 * Fills t->records, and from them the facts' method and threads; what the kernel did not tell is said
 * there. 0; -ESRCH: another process has this id now; or refusal->err, and the method is METHOD_UNKNOWN.
 */
int records_read(struct target *t, const struct records_source *source, const struct proc_stat *stat,
		 struct refusal *refusal) _must_check_;

/* t->records as of now, by BPF. 0 or -errno, and they are as before. */
int records_ask(struct target *t, const struct records_source *source) _must_check_;

/* Stops these threads one after another, all for none. 0 and t->records of them, or -errno. */
int records_stop(struct target *t, const int32_t *tids, size_t n) _must_check_;

/* Nanoseconds that our time namespace adds to CLOCK_BOOTTIME, and so to start times in /proc. */
int64_t records_boottime_offset_ns(void);

#endif
