/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that was mapped and is no more, found again: by the device of its file system, its path in that and
 * its inode number. All of it is what the kernel had when it was mapped.
 */
#ifndef PROC_UNMAPPED_H
#define PROC_UNMAPPED_H

#include <stdbool.h>

#include "proc/reader.h"
#include "util/parse.h"

struct mount_place {
	uint64_t id; /* of the mount, as statx has it */
	char path[4096];
};

/*
 * The next mount of that device in the text of /proc/PID/mountinfo that shows path, which begins at the root of
 * the file system, and what it is called there. Taken off the front of the text; false at the end.
 */
bool mounts_next(struct span *text, uint64_t device, const char *path, struct mount_place *ret);

/*
 * In a helper: the file as it is seen from below root, whose mounts are those of mountinfo. An O_PATH
 * descriptor, or -errno: -ENODEV when its file system is not mounted there, -ESTALE when another file, or
 * the same one changed since, has its place, -ENAMETOOLONG when its path is not known to its beginning.
 */
int unmapped_open(int root, struct span mountinfo, const struct mapped_file *file) _must_check_;

#endif
