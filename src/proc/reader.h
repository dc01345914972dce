/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that is read from one process: its /proc files, its memory, the files it maps. The
 * reading is done by a privileged helper that decodes nothing; the caller decodes and has no
 * privileges. A pidfd, taken first, tells that all of it came from one and the same process.
 */
#ifndef PROC_READER_H
#define PROC_READER_H

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "proc/service.h"

/* The operations of a reader; a service kind for readers begins with these. */
extern const struct service_op reader_ops[];
enum { READER_OPS = 6, READER_OP_FIRST_FREE = 16 };

/* Its setup; the argument is a struct reader_arg. A handler gets a struct reader_child as ctx. */
struct reader_arg {
	int32_t pid; /* 0: the process is named later, by the first reader_maps, if it is */
};

enum { READER_PINS_MAX = 64 };

struct reader_child {
	int32_t pid;
	int32_t mm_tid; /* whose memory is read: the leader, or a living thread where the leader is dead */
	int pidfd;
	int proc, mm; /* /proc/pid, and /proc/mm_tid for all that belongs to the memory */
	struct reader_pin {
		uint64_t start, end, inode, device;
		int fd; /* O_PATH: holds the file, opens nothing */
	} pins[READER_PINS_MAX];
	size_t n_pins;
};

int reader_setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status);
enum { READER_SETUP_LIMIT_MS = 2000 };

/* What setup answers for a process that has exited and was not waited for. */
#define READER_IS_ZOMBIE (-ECHILD)

struct memory_range {
	uint64_t addr;
	uint64_t len; /* at most READER_RANGE_MAX */
};

enum { READER_RANGE_MAX = 1 << 20, READER_BATCH_MAX = 1024 };

/*
 * A file of /proc/PID by name ("maps", "auxv", "task/12/stat"), at most 128 MiB. 0 or -errno;
 * -ESRCH when the process is gone.
 */
int reader_file(struct service *s, const char *name, struct strbuf *out) _must_check_;

/*
 * The maps of process pid, the one that the reader was started for, if it was for one. From then on,
 * and when the process is gone, its executable mappings can be identified and their files opened: the
 * first READER_PINS_MAX, and where map_files is permitted. What could be read of a process that ended
 * meanwhile counts. 0 or -errno as of setup; -ESRCH when it is gone.
 */
int reader_maps(struct service *s, int32_t pid, struct strbuf *out) _must_check_;

/* Where /proc/PID/exe points, as the kernel prints it. */
int reader_exe(struct service *s, struct strbuf *out) _must_check_;

/* All of [addr, addr+len), or -errno (-EFAULT where any of it is not readable). */
int reader_memory(struct service *s, uint64_t addr, void *ret, size_t len) _must_check_;

/*
 * Many ranges at once, in one go for the target. out gets the bytes of all ranges one after
 * another, zeros where a range could not be read; ret_errs[i] is 0 or -errno of range i.
 */
int reader_memory_batch(struct service *s, const struct memory_range *ranges, size_t n,
			struct strbuf *out, int32_t *ret_errs) _must_check_;

struct mapped_file {
	uint64_t start, end; /* of one mapping of it; both 0: it is mapped no more, and what follows was true of it */
	uint64_t inode;
	uint64_t device;  /* of one that is mapped no more: major << 32 | minor, as the kernel has them */
	int64_t until_ns; /* the same: when it was mapped, CLOCK_REALTIME */
	char path[4096];  /* the same: from the root of its file system; else as the target sees it */
};

/* Tells one state of one file from all others. */
struct file_key {
	uint64_t dev, inode, size;
	int64_t mtime_s, mtime_ns;
	uint64_t exact; /* found through map_files: it is the mapped file, whatever its name leads to */
};

/*
 * Finds the regular file that is mapped there, without opening it: the very inode through
 * map_files, or, where that is not permitted, by its path in the target's root, and then only with
 * that inode number. One that is mapped no more is found where it was, if it still is the same and
 * unchanged: in the target's root, or by a reader without a process in our own. 0 or -errno: -ESTALE when
 * the path leads to another file now, -ENOTSUP when to none that is regular; see unmapped_open.
 */
int reader_identify(struct service *s, const struct mapped_file *file, struct file_key *ret) _must_check_;

/*
 * In the helper: opens that file for reading; never blocks on a FIFO and never opens a device. An fd
 * or -errno. No process but a helper ever holds one: on a dead network file system even close blocks.
 */
int reader_child_open(const struct reader_child *child, const struct mapped_file *file);

/* 0 while the process that the reader was started for lives, else -ESRCH. */
int reader_alive(struct service *s) _must_check_;

#endif
