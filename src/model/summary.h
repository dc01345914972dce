/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many processes in few lines: who owns in how many, and what was found in how many. */
#ifndef MODEL_SUMMARY_H
#define MODEL_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "model/names.h"
#include "util/arena.h"

struct summary_owner {
	const char *owner; /* "glibc 2.36", "tcmalloc", "none", the path of an object without a name... */
	uint32_t processes;
};

struct summary_finding {
	const char *id;
	uint32_t severity;
	uint32_t processes; /* with this finding in this severity, however often it has it */
};

struct summary {
	struct arena arena;
	uint32_t processes;
	uint32_t worst[SEVERITY_ERROR + 1]; /* processes by their worst finding */
	struct summary_owner *owners;
	size_t n_owners;
	struct summary_finding *findings;
	size_t n_findings;
};

void summary_done(struct summary *s);

#endif
