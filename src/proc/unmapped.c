/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/unmapped.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The kernel's clock for files stands still for up to 10 ms. */
#define CLOCK_STEP_NS 20000000ll

/* --- mounts --- */

/* \040 for a blank, \011, \012, \134, \043. Appends; false when it does not fit. */
static bool add_unescaped(struct mount_place *m, size_t *len, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint64_t byte = (unsigned char)s.p[i];

		if (*len + 1 >= sizeof(m->path))
			return false;
		if (byte == '\\' && s.len - i >= 4 && parse_u64((struct span){ s.p + i + 1, 3 }, 8, &byte))
			i += 3;
		m->path[(*len)++] = (char)byte;
	}
	m->path[*len] = '\0';
	return true;
}

/* What is behind root in path: "" or "/more"; NULL when it does not lie below. */
static const char *below(const char *path, const char *root)
{
	size_t len = strcmp(root, "/") ? strlen(root) : 0;

	return !strncmp(path, root, len) && (!path[len] || path[len] == '/') ? path + len : NULL;
}

static bool is_device(struct span word, uint64_t device)
{
	uint64_t major, minor;

	if (!parse_take_u64(&word, 10, &major) || !word.len || word.p[0] != ':')
		return false;
	word.p++;
	word.len--;
	return parse_u64(word, 10, &minor) && (major << 32 | minor) == device;
}

/* "36 35 98:0 /root /point rw,noatime ..." */
static bool take_mount(struct span line, uint64_t device, const char *path, struct mount_place *ret)
{
	struct span id, parent, dev, root, point;
	const char *rest;
	size_t len = 0;

	if (!parse_word(&line, &id) || !parse_u64(id, 10, &ret->id) || !parse_word(&line, &parent) ||
	    !parse_word(&line, &dev) || !is_device(dev, device) || !parse_word(&line, &root) || !parse_word(&line, &point) ||
	    !add_unescaped(ret, &len, root))
		return false;
	rest = below(path, ret->path);
	len = 0;
	if (!rest || (!parse_equals(point, "/") && !add_unescaped(ret, &len, point)) ||
	    strlen(rest) >= sizeof(ret->path) - len)
		return false;
	strcpy(ret->path + len, rest);
	return ret->path[0] == '/';
}

bool mounts_next(struct span *text, uint64_t device, const char *path, struct mount_place *ret)
{
	struct span line;

	while (parse_line(text, &line))
		if (take_mount(line, device, path, ret))
			return true;
	return false;
}

/* --- the file --- */

static int64_t changed_ns(const struct statx *st)
{
	return st->stx_ctime.tv_sec * 1000000000ll + st->stx_ctime.tv_nsec;
}

/*
 * Device and inode number are those of one file at a time. It was that file, and had this content, if nothing of
 * it was changed since it was mapped: a new file is one that changed, and nobody but the clock sets that time.
 */
static int check(int fd, const struct mapped_file *file, uint64_t mount)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return -errno;
	if (!(st.stx_mask & STATX_MNT_ID))
		return -ENOSYS;
	/* Something else is mounted over it. */
	if (st.stx_mnt_id != mount || st.stx_ino != file->inode || changed_ns(&st) > file->until_ns - CLOCK_STEP_NS)
		return -ESTALE;
	return 0;
}

static int open_below(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int unmapped_open(int root, struct span mountinfo, const struct mapped_file *file)
{
	static struct mount_place place;
	int err = -ENODEV;

	if (file->path[0] != '/')
		return -ENAMETOOLONG;
	while (mounts_next(&mountinfo, file->device, file->path, &place)) {
		_cleanup_close_ int fd = open_below(root, place.path);
		int r = fd < 0 ? fd : check(fd, file, place.id);

		if (r == 0)
			return take_fd(&fd);
		err = r;
	}
	return err;
}
