/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper that reads for us with full privileges. It fetches bytes and opens files; it decodes
 * nothing that came from the target but a state letter, thread numbers and the numbers of mappings,
 * all written by the kernel.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "proc/maps.h"
#include "proc/reader.h"
#include "proc/reader_wire.h"
#include "proc/unmapped.h"
#include "util/array.h"
#include "util/io.h"
#include "util/parse.h"

#define FILE_MAX (128u << 20)
#define MEMORY_TOTAL_MAX (64u << 20)

static bool alive(const struct reader_child *c)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };

	return c->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

/* Read as one process, or not at all: the number may have gone to another one meanwhile. */
static int gone_or(const struct reader_child *c, int err)
{
	return !c->pid || alive(c) ? err : -ESRCH;
}

/* --- files of /proc/PID --- */

static bool name_is_permitted(struct span name)
{
	static const char *const whole[] = { "stat", "status", "maps", "auxv", "environ" };
	uint64_t tid;

	for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
		if (parse_equals(name, whole[i]))
			return true;
	if (!parse_has_prefix(name, "task/"))
		return false;
	name.p += 5;
	name.len -= 5;
	if (!parse_take_u64(&name, 10, &tid))
		return false;
	return parse_equals(name, "/stat") || parse_equals(name, "/status") ||
	       parse_equals(name, "/comm");
}

static int read_at(int dir, const char *name, struct strbuf *out)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? -errno : io_read_file(fd, FILE_MAX, out);
}

/* Of a dead leader these are empty, while its threads have them. */
static bool belongs_to_memory(const char *name)
{
	return !strcmp(name, "maps") || !strcmp(name, "auxv") || !strcmp(name, "environ");
}

static int handle_file(void *ctx, const struct service_request *request, struct strbuf *reply,
		       int *ret_fd)
{
	const struct reader_child *c = ctx;
	char name[64];
	int r;

	(void)ret_fd;
	if (request->len >= sizeof(name) ||
	    !name_is_permitted((struct span){ request->data, request->len }))
		return -EINVAL;
	memcpy(name, request->data, request->len);
	name[request->len] = '\0';
	r = read_at(belongs_to_memory(name) ? c->mm : c->proc, name, reply);
	return gone_or(c, r);
}

static int handle_exe(void *ctx, const struct service_request *request, struct strbuf *reply,
		      int *ret_fd)
{
	const struct reader_child *c = ctx;
	char path[PATH_MAX];
	ssize_t n = readlinkat(c->mm, "exe", path, sizeof(path));

	(void)request;
	(void)ret_fd;
	if (n < 0)
		return gone_or(c, -errno);
	strbuf_add(reply, path, (size_t)n);
	return gone_or(c, 0);
}

/* --- memory --- */

/*
 * process_vm_readv and not /proc/PID/mem: it refuses device memory, whose reading can have side
 * effects. It stops at the first range that it cannot read; that one is marked and left out.
 */
static void read_ranges(const struct reader_child *c, const struct memory_range *ranges, size_t n,
			char *bytes, int32_t *errs)
{
	while (n) {
		struct iovec remote[256], local;
		size_t batch = n < ARRAY_SIZE(remote) ? n : ARRAY_SIZE(remote), total = 0, i = 0;
		ssize_t got;

		for (size_t k = 0; k < batch; k++) {
			remote[k] = (struct iovec){ (void *)(uintptr_t)ranges[k].addr, ranges[k].len };
			total += ranges[k].len;
		}
		local = (struct iovec){ bytes, total };
		got = process_vm_readv(c->mm_tid, &local, 1, remote, batch, 0);
		if (got < 0) {
			errs[0] = -errno;
			memset(bytes, 0, ranges[0].len);
			bytes += ranges[0].len;
			i = 1;
		}
		for (; got >= 0 && i < batch; i++) {
			bytes += ranges[i].len;
			if ((uint64_t)got < ranges[i].len) {
				errs[i] = -EFAULT;
				memset(bytes - ranges[i].len, 0, ranges[i].len);
				i++;
				break;
			}
			errs[i] = 0;
			got -= (ssize_t)ranges[i].len;
		}
		ranges += i;
		errs += i;
		n -= i;
	}
}

static int handle_memory(void *ctx, const struct service_request *request, struct strbuf *reply,
			 int *ret_fd)
{
	const struct reader_child *c = ctx;
	const struct memory_range *ranges = request->data;
	size_t n = request->len / sizeof(*ranges), total = 0;
	int32_t *errs;

	(void)ret_fd;
	if (n > READER_BATCH_MAX || request->len % sizeof(*ranges))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].len > READER_RANGE_MAX)
			return -EINVAL;
		total += ranges[i].len;
	}
	if (total > MEMORY_TOTAL_MAX)
		return -E2BIG;
	errs = strbuf_extend(reply, n * sizeof(*errs) + total);
	if (!errs)
		return -ENOMEM;
	read_ranges(c, ranges, n, (char *)(errs + n), errs);
	return gone_or(c, 0);
}

/* --- mapped files --- */

static int open_root(const struct reader_child *c)
{
	return openat(c->mm, c->pid ? "root" : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int in_root(const struct reader_child *c, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	_cleanup_close_ int root = open_root(c);
	int fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int open_map_file(const struct reader_child *c, uint64_t start, uint64_t end)
{
	char name[80];
	int fd;

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, start, end);
	fd = openat(c->mm, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A descriptor of its own, or -ENOENT. */
static int open_pin(const struct reader_child *c, const struct mapped_file *file)
{
	for (size_t i = 0; i < c->n_pins; i++) {
		const struct reader_pin *pin = &c->pins[i];

		if (pin->start == file->start && pin->end == file->end && pin->inode == file->inode)
			return fcntl(pin->fd, F_DUPFD_CLOEXEC, 0);
	}
	return -ENOENT;
}

static int open_unmapped(const struct reader_child *c, const struct mapped_file *file)
{
	_cleanup_strbuf_ struct strbuf mounts = { 0 };
	_cleanup_close_ int root = open_root(c);
	int r = root < 0 ? -errno : read_at(c->mm, c->pid ? "mountinfo" : "/proc/self/mountinfo", &mounts);

	return r < 0 ? r : unmapped_open(root, (struct span){ mounts.data, mounts.len }, file);
}

/* O_PATH opens nothing, so it can be looked at before: only the inode, and only a regular file. */
static int find_mapped(const struct reader_child *c, const struct mapped_file *file, struct stat *ret,
		       bool *ret_exact)
{
	_cleanup_close_ int fd = file->end ? open_pin(c, file) : open_unmapped(c, file);

	if (fd < 0 && file->end)
		fd = open_map_file(c, file->start, file->end);
	*ret_exact = fd >= 0;
	if (file->end && (fd == -EPERM || fd == -EACCES))
		fd = in_root(c, file->path);
	if (fd < 0)
		return fd;
	if (fstat(fd, ret) < 0)
		return -errno;
	if (!S_ISREG(ret->st_mode))
		return -ENOTSUP;
	if (ret->st_ino != file->inode)
		return -ESTALE;
	return take_fd(&fd);
}

int reader_child_open(const struct reader_child *child, const struct mapped_file *file)
{
	_cleanup_close_ int path_fd = -1;
	struct stat st;
	char name[64];
	bool exact;
	int fd;

	path_fd = find_mapped(child, file, &st, &exact);
	if (path_fd < 0)
		return gone_or(child, path_fd);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int handle_identify(void *ctx, const struct service_request *request, struct strbuf *reply,
			   int *ret_fd)
{
	const struct reader_child *c = ctx;
	_cleanup_close_ int fd = -1;
	struct mapped_file file;
	struct file_key key;
	struct stat st;
	bool exact;

	(void)ret_fd;
	if (request->len != sizeof(file))
		return -EINVAL;
	memcpy(&file, request->data, sizeof(file));
	file.path[sizeof(file.path) - 1] = '\0';
	fd = find_mapped(c, &file, &st, &exact);
	if (fd < 0)
		return gone_or(c, fd);
	key = (struct file_key){ st.st_dev,	     st.st_ino,		(uint64_t)st.st_size,
				 st.st_mtim.tv_sec, st.st_mtim.tv_nsec, exact };
	strbuf_add(reply, &key, sizeof(key));
	return 0;
}

static int handle_alive(void *ctx, const struct service_request *request, struct strbuf *reply,
			int *ret_fd)
{
	(void)request;
	(void)reply;
	(void)ret_fd;
	return gone_or(ctx, 0);
}

/* --- start --- */

static bool is_zombie(int dir, const char *name)
{
	_cleanup_strbuf_ struct strbuf stat = { 0 };
	const char *end;

	if (read_at(dir, name, &stat) < 0)
		return true;
	end = strrchr(strbuf_str(&stat), ')');
	return !end || !end[1] || end[2] == 'Z' || end[2] == 'X';
}

/* A dead leader has no memory any more while its threads live on: read through one of those. -1: all are dead. */
static int living_thread(int proc, int pid)
{
	int dirfd, tid = pid;
	struct dirent *e;
	DIR *dir;

	if (!is_zombie(proc, "stat"))
		return pid;
	dirfd = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = dirfd < 0 ? NULL : fdopendir(dirfd);
	if (!dir) {
		if (dirfd >= 0)
			close(dirfd);
		return pid;
	}
	tid = -1;
	while ((e = readdir(dir))) {
		char name[300];
		uint64_t n;

		snprintf(name, sizeof(name), "task/%s/stat", e->d_name);
		if (parse_str_u64(e->d_name, 10, &n) && !is_zombie(proc, name)) {
			tid = (int)n;
			break;
		}
	}
	closedir(dir);
	return tid;
}

static int open_proc(int pid)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d", pid);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* pidfd_open takes process ids only: EINVAL up to 6.17, ENOENT later, for the id of another thread. */
static int explain_refusal(int pid, int err, struct service_status *status)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/%d", pid);
	if ((err == -EINVAL || err == -ENOENT) && access(name, F_OK) == 0) {
		snprintf(status->what, sizeof(status->what), "is a thread, not a process");
		return -EINVAL;
	}
	snprintf(status->what, sizeof(status->what), "%s",
		 err == -ESRCH ? "no such process" : "cannot be opened");
	return err;
}

static int explain_zombie(struct service_status *status)
{
	snprintf(status->what, sizeof(status->what), "is a zombie: it has exited and waits for its parent");
	return READER_IS_ZOMBIE;
}

/* From here on all that is opened under c->proc is of the process of the pidfd, and of no later one. */
static int open_process(struct reader_child *c, int pid, struct service_status *status)
{
	c->pid = c->mm_tid = pid;
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c->pidfd < 0)
		return explain_refusal(pid, -errno, status);
	c->proc = c->mm = open_proc(pid);
	if (c->proc < 0)
		return explain_refusal(pid, c->proc == -ENOENT ? -ESRCH : c->proc, status);
	return alive(c) ? 0 : explain_zombie(status);
}

static int find_memory(struct reader_child *c, struct service_status *status)
{
	if (c->mm != c->proc)
		close(c->mm);
	c->mm = c->proc;
	c->mm_tid = living_thread(c->proc, c->pid);
	if (c->mm_tid < 0)
		return explain_zombie(status);
	if (c->mm_tid != c->pid)
		c->mm = open_proc(c->mm_tid);
	return c->mm < 0 ? explain_refusal(c->pid, -ESRCH, status) : 0;
}

int reader_setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	static struct reader_child child = { .pidfd = -1, .proc = -1, .mm = -1 };
	struct reader_arg a;
	int r = 0;

	if (len != sizeof(a))
		return -EINVAL;
	memcpy(&a, arg, sizeof(a));
	*ret_ctx = &child;
	if (a.pid)
		r = open_process(&child, a.pid, status);
	if (a.pid && r == 0)
		r = find_memory(&child, status);
	return r;
}

/* --- maps, and the files that they name --- */

static int take_pin(struct reader_pin *pins, size_t n, const struct reader_pin *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (pins[i].start == wanted->start && pins[i].end == wanted->end &&
		    pins[i].inode == wanted->inode && pins[i].device == wanted->device)
			return take_fd(&pins[i].fd);
	return -1;
}

/* At once, since the process may end at any time. What is no regular file is refused when it is asked for. */
static void pin_files(struct reader_child *c, struct span maps)
{
	struct reader_pin old[READER_PINS_MAX];
	size_t n_old = c->n_pins;
	struct mapping m;

	memcpy(old, c->pins, sizeof(old));
	c->n_pins = 0;
	while (c->n_pins < READER_PINS_MAX && maps_next(&maps, NULL, &m)) {
		struct reader_pin *pin = &c->pins[c->n_pins];

		if (!m.executable || !m.inode)
			continue;
		*pin = (struct reader_pin){ m.start, m.end, m.inode, (uint64_t)m.dev_major << 32 | m.dev_minor, -1 };
		pin->fd = take_pin(old, n_old, pin);
		if (pin->fd < 0)
			pin->fd = open_map_file(c, m.start, m.end);
		c->n_pins += pin->fd >= 0;
	}
	for (size_t i = 0; i < n_old; i++)
		if (old[i].fd >= 0)
			close(old[i].fd);
}

/* Nothing comes before the maps that is not needed for them: a process may live for a millisecond. */
static int handle_maps(void *ctx, const struct service_request *request, struct strbuf *reply, int *ret_fd)
{
	struct service_status unused;
	struct reader_child *c = ctx;
	int32_t pid;
	int r = 0;

	(void)ret_fd;
	if (request->len != sizeof(pid))
		return -EINVAL;
	memcpy(&pid, request->data, sizeof(pid));
	if (c->pid && c->pid != pid)
		return -EINVAL;
	if (!c->pid)
		r = open_process(c, pid, &unused);
	if (r < 0)
		return r;
	r = read_at(c->mm, "maps", reply);
	/* The thread whose memory it is may be dead, and others of the process not. */
	if (r < 0 || !reply->len) {
		strbuf_clear(reply);
		r = find_memory(c, &unused);
		if (r == 0)
			r = read_at(c->mm, "maps", reply);
	}
	if (r < 0)
		return gone_or(c, r);
	if (reply->len)
		pin_files(c, (struct span){ reply->data, reply->len });
	return 0;
}

const struct service_op reader_ops[] = {
	{ READER_OP_FILE, 3000, handle_file },	     { READER_OP_EXE, 1000, handle_exe },
	{ READER_OP_MEMORY, 1000, handle_memory },   { READER_OP_IDENTIFY, 1000, handle_identify },
	{ READER_OP_ALIVE, 1000, handle_alive },     { READER_OP_MAPS, 3000, handle_maps },
};

_Static_assert(ARRAY_SIZE(reader_ops) == READER_OPS, "READER_OPS counts reader_ops");
