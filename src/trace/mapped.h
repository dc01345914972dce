/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The name of the file that was mapped at an address when something happened there: all that can be said
 * of a library that was unloaded, or a process that was gone, before anybody looked.
 */
#ifndef TRACE_MAPPED_H
#define TRACE_MAPPED_H

#include <stdint.h>

#include "rseqctl/trace_record.h"
#include "util/intern.h"

/*
 * Its path below its mount, and where the address lies in it; cut where the record had no more room. NULL
 * when the mapping is not known, is another one, or there is no memory. Borrowed from strings.
 */
const char *mapped_name(const struct trace_mapping *m, uint64_t address, struct intern *strings,
			uint64_t *ret_offset);

#endif
