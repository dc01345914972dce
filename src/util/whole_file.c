/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util/cleanup.h"

struct whole_file {
	int socket; /* to the process that keeps or drops */
	char path[PATH_MAX], unfinished[PATH_MAX];
};

/* --- the process that keeps or drops --- */

/* A file that is a mount point, as in a container, cannot be replaced: then it is filled. 0 or errno. */
static int fill(const struct whole_file *w)
{
	_cleanup_close_ int from = open(w->unfinished, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = open(w->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t n = 1;

	if (from < 0 || to < 0)
		return errno;
	while (n > 0)
		n = sendfile(to, from, NULL, 1 << 20);
	return n < 0 ? errno : 0;
}

static _Noreturn void serve(const struct whole_file *w, int socket)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP };
	int32_t answer = 0;
	char asked;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	/* No pipe of the caller's is held open by this. */
	if (dup2(socket, 0) < 0)
		_exit(1);
	syscall(SYS_close_range, 1, ~0u, 0);
	if (recv(0, &asked, 1, 0) == 1) {
		if (rename(w->unfinished, w->path) < 0)
			answer = errno == EBUSY ? fill(w) : errno;
		else
			w = NULL;
		(void)!send(0, &answer, sizeof(answer), MSG_NOSIGNAL);
	}
	if (w)
		unlink(w->unfinished);
	_exit(0);
}

/* As a child's child, so that nobody who waits for children meets it. */
static int start(struct whole_file *w)
{
	int pair[2], status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		pid = fork();
		if (pid == 0)
			serve(w, pair[1]);
		_exit(pid < 0);
	}
	close(pair[1]);
	w->socket = pair[0];
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && status == 0)
		return 0;
	close(w->socket);
	return -EAGAIN;
}

/* --- the caller --- */

/* As the old one, or as any new file. */
static void set_mode(int fd, const struct stat *old)
{
	mode_t mask = umask(0);

	umask(mask);
	/* Another owner is given where that is permitted; the mode comes after, for that changes it. */
	if (old && fchown(fd, old->st_uid, old->st_gid) < 0)
		(void)!fchown(fd, (uid_t)-1, old->st_gid);
	fchmod(fd, old ? old->st_mode & 0777 : 0666 & ~mask);
}

/* The unfinished file stands beside, hidden: one that collects *.prom must not find it. -errno or an fd. */
static int open_unfinished(struct whole_file *w)
{
	const char *slash = strrchr(w->path, '/');
	int dir = slash ? (int)(slash + 1 - w->path) : 0;
	int n = snprintf(w->unfinished, sizeof(w->unfinished), "%.*s.%s.XXXXXX", dir, w->path, w->path + dir);
	int fd;

	if (n >= (int)sizeof(w->unfinished))
		return -ENAMETOOLONG;
	fd = mkostemp(w->unfinished, O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_special(const char *path, const struct stat *st)
{
	return !S_ISREG(st->st_mode) || !strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6);
}

static int in_place(const char *path, FILE **ret)
{
	*ret = fopen(path, "we");
	return *ret ? 0 : -errno;
}

static int open_whole(struct whole_file *w, const struct stat *old, FILE **ret)
{
	int fd = open_unfinished(w), r;

	if (fd < 0)
		return fd;
	set_mode(fd, old);
	r = start(w);
	*ret = r == 0 ? fdopen(fd, "w") : NULL;
	if (*ret)
		return 0;
	unlink(w->unfinished);
	close(fd);
	return r ? r : -ENOMEM;
}

int whole_file_open(const char *path, FILE **ret_file, struct whole_file **ret)
{
	_cleanup_free_ struct whole_file *w = calloc(1, sizeof(*w));
	struct stat old;
	bool there = stat(path, &old) == 0;
	int r;

	*ret = NULL;
	if (!w)
		return -ENOMEM;
	if (there && is_special(path, &old))
		return in_place(path, ret_file);
	if (there && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
		return -errno;
	/* The file itself, where the name is that of a link; a link to nothing is followed as it always was. */
	if (there ? !realpath(path, w->path) : lstat(path, &old) == 0)
		return in_place(path, ret_file);
	if (!there && snprintf(w->path, sizeof(w->path), "%s", path) >= (int)sizeof(w->path))
		return -ENAMETOOLONG;
	r = open_whole(w, there ? &old : NULL, ret_file);
	if (r < 0)
		return there ? in_place(path, ret_file) : r;
	*ret = w;
	w = NULL;
	return 0;
}

int whole_file_keep(struct whole_file *w)
{
	int32_t answer = EPIPE;

	if (send(w->socket, "", 1, MSG_NOSIGNAL) == 1 &&
	    recv(w->socket, &answer, sizeof(answer), MSG_WAITALL) != (ssize_t)sizeof(answer))
		answer = EPIPE;
	whole_file_drop(w);
	return -answer;
}

void whole_file_drop(struct whole_file *w)
{
	if (!w)
		return;
	close(w->socket);
	free(w);
}
