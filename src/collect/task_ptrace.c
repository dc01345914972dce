/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/task_ptrace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "proc/reader.h"
#include "proc/status.h"
#include "rseqctl/rseq_abi.h"
#include "rseqctl/task_record.h"
#include "util/io.h"

/* A thread that is not stopped by then sits in something that does not end: a frozen cgroup, a dead disk. */
#define STOP_LIMIT_MS 500
/* New threads appear while the list is walked: it is walked again until a pass finds none, this often. */
#define PASSES_MAX 5

/* PID_MAX_LIMIT: a bit for every thread that can be */
#define TIDS_MAX (4u << 20)

/* So many threads that do not stop tell that the rest of them (a frozen cgroup) will not either. */
#define LATE_MAX 10

struct walk {
	pid_t late[LATE_MAX]; /* asked to stop, and not stopped yet */
	size_t n_late;
	const struct reader_child *child;
	struct strbuf *reply;
	uint8_t *seen; /* a bit per thread id */
	uint64_t max_stop_ns;
	uint32_t n;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void arm(unsigned int ms)
{
	struct itimerval t = { .it_value = { 0, ms * 1000 }, .it_interval = { 0, ms ? 10000 : 0 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

/* Waits for the stop; repeated alarms make sure that none falls between the check and the wait. */
static int wait_stopped(pid_t tid, int *ret_status)
{
	pid_t got;

	arm(STOP_LIMIT_MS);
	got = waitpid(tid, ret_status, __WALL);
	if (got < 0 && errno == EINTR)
		got = waitpid(tid, ret_status, __WALL | WNOHANG);
	arm(0);
	if (got == 0)
		return -ETIMEDOUT;
	return got < 0 ? -errno : WIFSTOPPED(*ret_status) ? 0 : -ESRCH;
}

static void read_registers(pid_t tid, struct task_record *r)
{
#if defined(__x86_64__)
	enum { USER32_CS = 0x23 }; /* arch/x86/include/asm/segment.h */
	struct user_regs_struct regs;

	/* Not GETREGSET: that gives a 32-bit program's registers, without the bases of its segments. */
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0)
		return;
	if (regs.cs == USER32_CS)
		r->flags |= TASK_COMPAT;
	r->tp = regs.cs == USER32_CS ? regs.gs_base : regs.fs_base;
	r->ip = regs.rip;
	r->flags |= TASK_HAS_TP | TASK_HAS_IP;
#elif defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };
	uint64_t tls[2];

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) == 0 && iov.iov_len == sizeof(regs)) {
		r->ip = regs.pc;
		r->flags |= TASK_HAS_IP;
	}
	iov = (struct iovec){ tls, sizeof(tls) };
	if (ptrace(PTRACE_GETREGSET, tid, NT_ARM_TLS, &iov) == 0) {
		r->tp = tls[0];
		r->flags |= TASK_HAS_TP;
	}
#endif
}

static void read_stopped(pid_t tid, struct task_record *r)
{
	struct rseq_ptrace_configuration conf = { 0 };

	if (ptrace(RSEQ_PTRACE_GET_CONFIGURATION, tid, sizeof(conf), &conf) < 0) {
		/* 5.10 to 5.12 do not have the request: EIO. */
		r->error = -errno;
	} else {
		r->flags |= TASK_HAS_AREA;
		r->area = conf.rseq_abi_pointer;
		/* Up to 6.2 the size is 32 for unregistered threads as well. */
		r->length = conf.rseq_abi_pointer ? conf.rseq_abi_size : 0;
		r->signature = conf.rseq_abi_pointer ? conf.signature : 0;
	}
	read_registers(tid, r);
}

/*
 * Stops the thread, reads, lets it run. A signal that arrives first stops it in our stead and is
 * given back; a stop that job control asked for goes on.
 */
static void read_thread(struct walk *w, pid_t tid, struct task_record *r)
{
	uint64_t start;
	int status = 0, signal = 0;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0) < 0) {
		r->error = -errno;
		return;
	}
	start = now_ns();
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
		r->error = -errno;
	else
		r->error = wait_stopped(tid, &status);
	if (r->error) {
		/* Not stopped, so it cannot be detached either. */
		if (r->error == -ETIMEDOUT)
			w->late[w->n_late++] = tid;
		return;
	}
	read_stopped(tid, r);
	if (status >> 16 != PTRACE_EVENT_STOP)
		signal = WSTOPSIG(status);
	ptrace(PTRACE_DETACH, tid, 0, signal);
	if (now_ns() - start > w->max_stop_ns)
		w->max_stop_ns = now_ns() - start;
}

/* A thread that stops after all is let go at once; our end frees those that never do. */
static void free_late(struct walk *w)
{
	for (size_t i = 0; i < w->n_late; i++) {
		int status = 0;

		if (w->late[i] && waitpid(w->late[i], &status, __WALL | WNOHANG) == w->late[i]) {
			if (WIFSTOPPED(status))
				ptrace(PTRACE_DETACH, w->late[i], 0,
				       status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status));
			w->late[i] = 0;
		}
	}
}

/* PF_* of include/linux/sched.h, as /proc/PID/task/TID/stat shows them */
enum { FLAG_EXITING = 0x4, FLAG_IO_WORKER = 0x10, FLAG_KTHREAD = 0x200000 };

static struct span read_text(const struct walk *w, pid_t tid, const char *file, struct strbuf *text)
{
	_cleanup_close_ int fd = -1;
	char name[64];

	snprintf(name, sizeof(name), "task/%d/%s", tid, file);
	fd = openat(w->child->proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || io_read_file(fd, 65536, text) < 0)
		return (struct span){ "", 0 };
	return (struct span){ strbuf_str(text), text->len };
}

static int32_t inner_tid(const struct walk *w, pid_t tid)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	return status_inner_id(read_text(w, tid, "status", &text));
}

static bool describe(const struct walk *w, pid_t tid, struct task_record *r)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct proc_stat stat;

	if (!status_parse_stat(read_text(w, tid, "stat", &text), &stat))
		return false;
	r->size = sizeof(*r);
	r->layout = TASK_LAYOUT_PTRACE;
	r->tgid = w->child->pid;
	r->tid = tid;
	r->inner_tid = inner_tid(w, tid);
	r->thread_start = stat.start_ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	memcpy(r->comm, stat.comm, stat.comm_len < sizeof(r->comm) ? stat.comm_len : sizeof(r->comm) - 1);
	if (stat.flags & FLAG_KTHREAD)
		r->flags |= TASK_KTHREAD;
	/* A worker never runs user code, so it never registers: known without stopping it. */
	if (stat.flags & FLAG_IO_WORKER)
		r->flags |= TASK_WORKER | TASK_HAS_AREA;
	if (stat.flags & FLAG_EXITING || stat.state == 'Z' || stat.state == 'X')
		r->flags |= TASK_EXITING;
	if (stat.state == 'R')
		r->flags |= TASK_ON_CPU;
	return true;
}

static bool seen_before(struct walk *w, uint64_t tid)
{
	uint8_t bit = (uint8_t)(1u << tid % 8), *byte = &w->seen[tid / 8];
	bool before = *byte & bit;

	*byte |= bit;
	return before;
}

static bool take_thread(struct walk *w, pid_t tid)
{
	struct task_record r = { 0 };

	if (!describe(w, tid, &r))
		return false;
	if (w->n_late == LATE_MAX)
		r.error = -ETIMEDOUT;
	else if (!(r.flags & (TASK_KTHREAD | TASK_WORKER | TASK_EXITING)))
		read_thread(w, tid, &r);
	free_late(w);
	if (r.error == -ESRCH)
		return false;
	strbuf_add(w->reply, &r, sizeof(r));
	w->n++;
	return true;
}

static int pass(struct walk *w)
{
	int fd = openat(w->child->proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -ESRCH;
	}
	while (!service_is_abandoned() && (e = readdir(dir))) {
		uint64_t tid;

		if (parse_str_u64(e->d_name, 10, &tid) && tid < TIDS_MAX && !seen_before(w, tid))
			found += take_thread(w, (pid_t)tid);
	}
	closedir(dir);
	return found;
}

static int take_named(struct walk *w, const int32_t *tids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tids[i] > 0 && (uint32_t)tids[i] < TIDS_MAX && !seen_before(w, (uint32_t)tids[i]))
			take_thread(w, tids[i]);
	return 0;
}

int task_ptrace_handle(void *ctx, const struct service_request *request, struct strbuf *reply,
		       int *ret_fd)
{
	struct sigaction action = { .sa_handler = on_alarm }, before;
	_cleanup_free_ uint8_t *seen = calloc(1, TIDS_MAX / 8);
	struct walk w = { .child = ctx, .reply = reply, .seen = seen };
	struct ptrace_reply head = { 0 };
	int r = 1;

	(void)ret_fd;
	if (!seen)
		return -ENOMEM;
	if (request->len % sizeof(int32_t) || request->len > TASK_PTRACE_TIDS_MAX * sizeof(int32_t))
		return -EINVAL;
	/* The alarm that limits a whole request limits each stop here; the caller waits for the whole. */
	sigaction(SIGALRM, &action, &before);
	strbuf_add(reply, &head, sizeof(head));
	if (request->len)
		r = take_named(&w, request->data, request->len / sizeof(int32_t));
	for (int i = 0; !request->len && r > 0 && i < PASSES_MAX; i++)
		r = pass(&w);
	sigaction(SIGALRM, &before, NULL);
	if (r < 0 && !w.n)
		return r;
	head.max_stop_ns = w.max_stop_ns;
	head.n_records = w.n;
	if (!reply->failed)
		memcpy(reply->data, &head, sizeof(head));
	return 0;
}
