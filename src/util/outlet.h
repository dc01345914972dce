/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream to a file that may be a pipe whose reader stands still or is gone: writing to it waits for
 * the reader, but once the writer wants to end, not for ever.
 */
#ifndef UTIL_OUTLET_H
#define UTIL_OUTLET_H

#include <stdbool.h>
#include <stdio.h>

struct outlet;

/*
 * What is written goes to file, which fclose closes as well. is_over is asked while the reader does not
 * read: from when it says so patience_ms are left, then writing fails with ETIME, at once ever after.
 * fclose fails as well then, as after any error, and errno says why.
 * SIGPIPE is the caller's to ignore. NULL when there is no memory; ret_outlet is valid until fclose.
 */
FILE *outlet_open(FILE *file, int patience_ms, bool (*is_over)(void *ctx), void *ctx,
		  struct outlet **ret_outlet);

/* Whether nobody will read any more, known without writing. */
bool outlet_is_closed(const struct outlet *o);

#endif
