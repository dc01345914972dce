/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One process, from the first look at it to its facts. */
#ifndef COLLECT_PROCESS_H
#define COLLECT_PROCESS_H

#include "collect/records.h"

/* What one process needs of the collector. */
struct process_request {
	struct service *reader;
	struct images *images;
	struct records_source source;
	unsigned int sample_seconds; /* to watch sections for; 0: not */
};

/*
 * All of it, up to three times where it became another program meanwhile. 0, or -errno and refusal;
 * *ret is to be freed with process_facts_done in every case.
 */
int process_collect(const struct process_request *request, int32_t pid, struct process_facts *ret,
		    enum target_kind *ret_kind, struct refusal *refusal);

#endif
