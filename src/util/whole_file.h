/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that is replaced by what was written, or stays as it was: nobody ever sees a part of it. The
 * replacing is done by a process that keeps today's privileges and takes the unfinished file away should
 * this one die.
 */
#ifndef UTIL_WHOLE_FILE_H
#define UTIL_WHOLE_FILE_H

#include <stdio.h>

struct whole_file;

/*
 * Opens for writing. What is no regular file (a pipe, a terminal, what /dev and /proc name), and a file
 * that may be written in a folder that may not, is written in place: *ret is NULL then. 0 or -errno.
 */
int whole_file_open(const char *path, FILE **ret_file, struct whole_file **ret);

/* When the stream was closed: the file takes the place of the old one. 0 or -errno; frees. */
int whole_file_keep(struct whole_file *w);

/* The old one stays. Harmless on NULL; frees. */
void whole_file_drop(struct whole_file *w);

#endif
