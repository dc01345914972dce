/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names for addresses of running processes: the mapped object, the function, the offset in it. What
 * was once learned is kept, so that it holds after the process is gone. Memory and time have bounds,
 * whatever a target does: about 64 MiB in all, and per process 5 s at first and then a tenth of the
 * time that goes by, and as much for all files that are mapped no more.
 */
#ifndef TRACE_SYMBOLIZE_H
#define TRACE_SYMBOLIZE_H

#include <stddef.h>
#include <stdint.h>

#include "proc/reader.h"
#include "proc/service.h"
#include "trace/decode.h"

struct symbolizer;

/* Bytes of the target, not escaped. Strings are static or borrowed until symbolizer_free. */
struct place {
	const char *object;   /* path of the mapped file, "[vdso]", "[anonymous]"...; NULL: why */
	const char *function; /* demangled; in data the variable, e.g. of a descriptor; NULL: none known */
	const char *descriptor; /* name of the descriptor of the section that starts there; NULL: none known, or not asked */
	uint64_t offset; /* from the function's start; without one, the file's own address (vaddr); in a file
			  * that cannot be read the offset; else the distance from the mapping's start */
	const char *why; /* why something is missing; NULL when all is there that can be: some code has no
			  * function */
};

/*
 * The service kind that readers of a symbolizer are made by; ops is the caller's storage and lives
 * as long as the kind. To be filled before the nursery starts.
 */
enum { SYMBOLIZER_OPS = READER_OPS + DECODE_OPS };
void symbolizer_kind(struct service_op ops[SYMBOLIZER_OPS], struct service_kind *ret);

/*
 * kinds[reader_kind], of those that nursery was started with, was filled by symbolizer_kind. Both are
 * borrowed. NULL when there is no memory.
 */
struct symbolizer *symbolizer_new(struct service *nursery, const struct service_kind *kinds,
				  uint32_t reader_kind);
void symbolizer_free(struct symbolizer *s);

/*
 * Names n addresses of one process; all of ret is filled. generation is the caller's number for the
 * program that the process runs: another one after each exec. The mappings are read anew after a
 * second, and when an address lies in none. Blocks for about 2 s at most when the process does not
 * answer, and 5 s when a file does not.
 */
void symbolizer_resolve(struct symbolizer *s, int32_t pid, uint64_t generation,
			const uint64_t *addresses, size_t n, struct place *ret);

/* An address when something happened there; see struct mapped_file for one that is mapped no more. */
struct past_place {
	uint64_t address;
	uint64_t length; /* of the critical section that starts there; 0: its descriptor is not asked for */
	const struct mapped_file *file; /* what was mapped there; NULL: not known */
	uint64_t offset; /* of the address in that file */
};

/*
 * The same of one address as it was then: where another file lies there now, or the process is gone, of the
 * file that lay there, if that can still be found and is the same.
 */
void symbolizer_resolve_past(struct symbolizer *s, int32_t pid, uint64_t generation,
			     const struct past_place *past, struct place *ret);

/*
 * What is asked for from now on has happened already: mappings that are read from now on need not be read
 * again for addresses that lie in none of them.
 */
void symbolizer_happened(struct symbolizer *s);

/* The mappings have changed, or may have: the next resolve of the process reads them anew. */
void symbolizer_refresh(struct symbolizer *s, int32_t pid);

/*
 * All of [addr, addr + len) of the process, at most READER_RANGE_MAX, as it is now. 0 or -errno:
 * -ESRCH when it is gone, -EFAULT, -ETIMEDOUT also when its time is used up.
 */
int symbolizer_read(struct symbolizer *s, int32_t pid, uint64_t generation, uint64_t addr, void *ret,
		    size_t len) _must_check_;

/*
 * The child began as a copy of its parent: what is known of the parent's mappings holds for it, should
 * it be gone before it can be looked at.
 */
void symbolizer_forked(struct symbolizer *s, int32_t parent, uint64_t parent_generation, int32_t child,
		       uint64_t generation);

#endif
