/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names for an address that a record tells of, with the mapping that the kernel saw there: a library may be
 * unloaded, or a process gone, before anybody looks.
 */
#ifndef TRACE_MAPPED_H
#define TRACE_MAPPED_H

#include <stdint.h>

#include "model/event.h"
#include "rseqctl/trace_record.h"
#include "trace/symbolize.h"

/* What happened, and to whom. */
struct happened {
	int32_t tgid;
	uint64_t generation, time_ns; /* as in struct trace_header */
};

/* mapping: of the address, or NULL. length: see struct past_place. */
void mapped_resolve(struct symbolizer *s, const struct happened *when, const struct trace_mapping *mapping,
		    uint64_t address, uint64_t length, struct place *ret);

/* The same as a place of the code. */
void mapped_find(struct symbolizer *s, const struct trace_header *h, const struct trace_mapping *mapping,
		 uint64_t address, struct code_place *ret);

#endif
