/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One process, from the first look at it to its facts. */
#ifndef COLLECT_PROCESS_H
#define COLLECT_PROCESS_H

#include "collect/collector.h"
#include "collect/target.h"

/* What one process needs of the collector. */
struct process_request {
	struct service *reader;
	struct images *images;
	/* How the kernel's record is to be read, METHOD_UNKNOWN and refusal where it cannot. Called
	 * late: loading BPF takes as long as reading the objects. */
	enum method (*method)(void *ctx, struct refusal *refusal);
	/* Asks the kernel for the records of one process; appends them to out. NULL without BPF. */
	int (*records)(void *ctx, int32_t pid, struct strbuf *out);
	/* The same as of a moment ago, for many processes at once; NULL: ask. */
	const struct strbuf *snapshot;
	void *ctx;
	unsigned int sample_seconds; /* to watch sections for; 0: not */
};

int process_collect(const struct process_request *request, int32_t pid, struct process_facts *ret,
		    enum target_kind *ret_kind, struct refusal *refusal);

#endif
