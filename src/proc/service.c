/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "util/io.h"

/* A request is small; a reply may carry /proc/PID/maps of a process at vm.max_map_count. */
#define REQUEST_MAX (1u << 20)
#define REPLY_MAX (256u << 20)
/* How much longer than the child's own limit we wait: a child in state D cannot even be killed. */
#define GRACE_MS 500
/* How long to wait for helpers to end, so that none is left to a PID 1 that does not reap. */
#define REAP_LIMIT_MS 300

struct frame {
	uint32_t op; /* request: the op; reply: unused */
	int32_t err; /* reply: 0 or -errno */
	uint32_t len;
	uint32_t pad;
};

/* --- frames, both sides --- */

static int send_frame(int socket, const struct frame *frame, const void *data, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)frame, sizeof(*frame) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(*frame))
		return -EPIPE;
	return io_send_all(socket, data, frame->len);
}

static int wait_readable(int socket, int timeout_ms)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}

static int recv_all(int socket, void *data, size_t len, int timeout_ms)
{
	char *p = data;

	while (len) {
		int r = wait_readable(socket, timeout_ms);
		ssize_t n;

		if (r < 0)
			return r;
		n = recv(socket, p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int recv_header(int socket, struct frame *ret, int *ret_fd, int timeout_ms)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { ret, sizeof(*ret) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int r = wait_readable(socket, timeout_ms);
	ssize_t n;

	*ret_fd = -1;
	if (r < 0)
		return r;
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*ret))
		return -EPIPE;
	if (msg.msg_controllen && control.header.cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(&control.header), sizeof(int));
	return 0;
}

/* --- the child --- */

static void limit_time(uint32_t ms)
{
	struct itimerval t = { .it_value = { ms / 1000, (ms % 1000) * 1000 } };

	/* SIGALRM's default action ends the process, also out of a killable wait in the kernel. */
	setitimer(ITIMER_REAL, &t, NULL);
}

static int serve_one(const struct service_kind *kind, void *ctx, int socket)
{
	_cleanup_strbuf_ struct strbuf body = { 0 }, reply = { 0 };
	struct service_request request = { 0 };
	struct frame in, out = { 0 };
	int reply_fd = -1, r;

	r = recv_all(socket, &in, sizeof(in), -1);
	if (r < 0 || in.len > REQUEST_MAX)
		return -EPIPE;
	request.data = strbuf_extend(&body, in.len);
	if (!request.data || recv_all(socket, body.data, in.len, -1) < 0)
		return -EPIPE;
	request.op = in.op;
	request.len = in.len;
	out.err = -ENOSYS;
	for (size_t i = 0; i < kind->n_ops; i++)
		if (kind->ops[i].op == in.op) {
			limit_time(kind->ops[i].limit_ms);
			out.err = kind->ops[i].run(ctx, &request, &reply, &reply_fd);
			limit_time(0);
		}
	if (reply.failed || reply.len > REPLY_MAX) {
		strbuf_done(&reply);
		out.err = -ENOMEM;
	}
	out.len = (uint32_t)reply.len;
	r = send_frame(socket, &out, reply.data, reply_fd);
	if (reply_fd >= 0)
		close(reply_fd);
	return r;
}

void services_reap(void)
{
	/* Children are reaped by the kernel (SIGCHLD is ignored); this only waits until none is left. */
	for (int i = 0; i < REAP_LIMIT_MS * 4 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 250000 }, NULL);
}

static void child_signals(void)
{
	sigset_t none;

	/* Ctrl-C is for the program, which then closes the channel: a service that is stopping a
	 * thread must come to its end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTERM, SIG_IGN); /* of the whole process group, as timeout(1) does it */
	signal(SIGHUP, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGALRM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

enum { FILES_WANTED = 256 };

/*
 * A helper may hold a descriptor for each BPF program and map, or for each file of a process, whatever
 * a small limit is good for elsewhere. More than what is permitted is asked for first: only root gets it.
 */
static void make_room_for_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= FILES_WANTED)
		return;
	if (files.rlim_max < FILES_WANTED &&
	    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ FILES_WANTED, FILES_WANTED }) == 0)
		return;
	files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* The one channel of a helper, in the helper. */
static int own_socket = -1;

static bool is_hung_up(int socket)
{
	struct pollfd p = { .fd = socket, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

bool service_is_abandoned(void)
{
	return is_hung_up(own_socket);
}

/* A helper holds no channel but its own: one that was taken over must not reach the others. */
static void close_others(int socket, bool talks)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!talks)
			dup2(null, STDERR_FILENO);
	}
	syscall(SYS_close_range, 3, socket - 1, 0);
	syscall(SYS_close_range, socket + 1, ~0u, 0);
}

static _Noreturn void child_main(const struct service_kind *kind, const void *arg, size_t len,
				 int socket)
{
	struct service_status status = { .pid = getpid() };
	struct frame hello = { .len = sizeof(status) };
	void *ctx = NULL;

	own_socket = socket;
	child_signals();
	make_room_for_files();
#ifdef __SANITIZE_ADDRESS__ /* whose reports are wanted */
	close_others(socket, true);
#else
	close_others(socket, kind->talks);
#endif
	if (kind->setup) {
		limit_time(kind->setup_limit_ms);
		status.err = kind->setup(arg, len, &ctx, &status);
		limit_time(0);
	}
	if (send_frame(socket, &hello, &status, -1) == 0 && status.err == 0)
		while (serve_one(kind, ctx, socket) == 0)
			;
	close(socket);
	services_reap();
	_exit(0);
}

/* --- the caller --- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Its own timer ends it at the limit, and then the channel just closes. */
static int why_closed(int err, int64_t since_ms, uint32_t limit_ms)
{
	return err == -EPIPE && now_ms() - since_ms >= limit_ms ? -ETIMEDOUT : err;
}

int service_await(struct service *s, struct service_status *ret)
{
	int timeout = (int)s->kind->setup_limit_ms + GRACE_MS, fd = -1;
	int64_t since = now_ms();
	struct frame hello;
	int r;

	r = recv_header(s->fd, &hello, &fd, timeout);

	if (r == 0 && hello.len != sizeof(*ret))
		r = -EPIPE;
	if (r == 0)
		r = recv_all(s->fd, ret, sizeof(*ret), timeout);
	r = why_closed(r, since, s->kind->setup_limit_ms);
	if (r < 0)
		*ret = (struct service_status){ .err = r, .what = "starting a helper process" };
	ret->what[sizeof(ret->what) - 1] = '\0';
	s->pid = ret->pid;
	if (ret->err)
		service_stop(s);
	return ret->err;
}

int service_start(const struct service_kind *kind, const void *arg, size_t len, struct service *ret,
		  struct service_status *ret_status)
{
	int pair[2], r;
	pid_t pid;

	*ret = SERVICE_NONE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		r = -errno;
		goto fail;
	}
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close(pair[0]);
		close(pair[1]);
		goto fail;
	}
	if (!pid) {
		close(pair[0]);
		child_main(kind, arg, len, pair[1]);
	}
	close(pair[1]);
	ret->kind = kind;
	ret->fd = pair[0];
	ret->err = 0;
	return service_await(ret, ret_status);
fail:
	*ret_status = (struct service_status){ .err = r, .what = "starting a helper process" };
	return r;
}

static uint32_t limit_of(const struct service *s, uint32_t op)
{
	for (size_t i = 0; i < s->kind->n_ops; i++)
		if (s->kind->ops[i].op == op)
			return s->kind->ops[i].limit_ms;
	return 0;
}

/* It died, or must. */
static int stop_failed(struct service *s, int err, int64_t since_ms, uint32_t limit_ms)
{
	/* Only one that is still there: the number of a dead one may be somebody else's. */
	if (err == -ETIMEDOUT)
		kill(s->pid, SIGKILL);
	err = why_closed(err, since_ms, limit_ms);
	service_stop(s);
	s->err = err;
	return err;
}

int service_call(struct service *s, const struct service_request *request, struct strbuf *reply,
		 int *ret_fd)
{
	struct frame out = { .op = request->op, .len = (uint32_t)request->len }, in = { 0 };
	uint32_t limit = limit_of(s, request->op);
	int timeout = (int)limit + GRACE_MS, fd = -1, r;
	int64_t start = now_ms();

	if (ret_fd)
		*ret_fd = -1;
	if (s->fd < 0)
		return s->err;
	if (request->len > REQUEST_MAX)
		return -E2BIG;
	r = send_frame(s->fd, &out, request->data, -1);
	if (r == 0)
		r = recv_header(s->fd, &in, &fd, timeout);
	if (r == 0 && in.len > REPLY_MAX)
		r = -EPIPE;
	if (r == 0 && in.len) {
		void *data = strbuf_extend(reply, in.len);

		r = data ? recv_all(s->fd, data, in.len, timeout) : -ENOMEM;
	}
	if (r == 0) {
		if (ret_fd)
			*ret_fd = take_fd(&fd);
		r = in.err;
	} else {
		r = stop_failed(s, r, start, limit);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

bool service_has_ended(const struct service *s)
{
	return s->fd < 0 || is_hung_up(s->fd);
}

void service_stop(struct service *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	s->err = -EPIPE;
}

/* --- the nursery --- */

struct spawn_request {
	uint32_t kind;
	uint32_t len;
	char arg[64];
};

enum { OP_SPAWN = 1 };

struct nursery {
	const struct service_kind *kinds;
	size_t n;
};

static int handle_spawn(void *ctx, const struct service_request *request, struct strbuf *reply,
			int *ret_fd)
{
	const struct nursery *nursery = ctx;
	struct spawn_request spawn;
	int pair[2];
	pid_t pid;

	(void)reply;
	if (request->len != sizeof(spawn))
		return -EINVAL;
	memcpy(&spawn, request->data, sizeof(spawn));
	if (spawn.kind >= nursery->n || spawn.len > sizeof(spawn.arg))
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	limit_time(0);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		child_main(&nursery->kinds[spawn.kind], spawn.arg, spawn.len, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	*ret_fd = pair[0];
	return 0;
}

static const struct service_op nursery_ops[] = { { OP_SPAWN, 2000, handle_spawn } };

/* Runs in the nursery: its children need no waiting for. */
static int nursery_setup(const void *arg, size_t len, void **ret_ctx, struct service_status *status)
{
	static struct nursery nursery;

	(void)len;
	(void)status;
	memcpy(&nursery, arg, sizeof(nursery));
	*ret_ctx = &nursery;
	signal(SIGCHLD, SIG_IGN);
	return 0;
}

static const struct service_kind nursery_kind = {
	.talks = true, /* what it starts may */
	.ops = nursery_ops,
	.n_ops = 1,
	.setup = nursery_setup,
	.setup_limit_ms = 2000,
};

int nursery_start(const struct service_kind *kinds, size_t n, struct service *ret)
{
	struct nursery nursery = { kinds, n };
	struct service_status status;

	return service_start(&nursery_kind, &nursery, sizeof(nursery), ret, &status);
}

int nursery_spawn(struct service *nursery, const struct service_kind *kinds, uint32_t kind,
		  const void *arg, size_t len, struct service *ret)
{
	struct spawn_request spawn = { .kind = kind, .len = (uint32_t)len };
	struct service_request request = { OP_SPAWN, &spawn, sizeof(spawn) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	int fd = -1, r;

	*ret = SERVICE_NONE;
	if (len > sizeof(spawn.arg))
		return -E2BIG;
	if (len)
		memcpy(spawn.arg, arg, len);
	r = service_call(nursery, &request, &reply, &fd);
	if (r == 0)
		*ret = (struct service){ .kind = &kinds[kind], .fd = fd };
	return r;
}
