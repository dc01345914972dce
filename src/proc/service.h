/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service is a child process that answers requests under a time limit: what may block for ever
 * (a page served by userfaultfd, a file of a hung FUSE mount) or may crash (a decoder) happens
 * there, and never in the program itself.
 *
 * A nursery is a service started before capabilities are dropped; it starts privileged services
 * later, by kind, and does nothing else.
 */
#ifndef PROC_SERVICE_H
#define PROC_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/strbuf.h"

struct service_request {
	uint32_t op;
	const void *data;
	size_t len;
};

/* Runs in the child: 0 or -errno; fills reply, and *ret_fd with an fd to send back (closed then). */
typedef int service_handler(void *ctx, const struct service_request *request, struct strbuf *reply,
			    int *ret_fd);

struct service_op {
	uint32_t op;
	uint32_t limit_ms; /* the child is killed when one request takes longer */
	service_handler *run;
};

/* Why a service could not start, in words; err is 0 when it did. */
struct service_status {
	int32_t err;
	int32_t pid;
	char what[120];
};

struct service_kind {
	const struct service_op *ops;
	size_t n_ops;
	/* Runs in the child before the first request: 0 and *ret_ctx, or -errno and status->what. */
	int (*setup)(const void *arg, size_t len, void **ret_ctx, struct service_status *status);
	uint32_t setup_limit_ms;
	bool talks; /* keeps stderr; without it a helper that hangs holds no pipe of ours open */
};

struct service {
	const struct service_kind *kind;
	int fd; /* -1 when it is not running */
	pid_t pid;
	int err; /* why it is not running any more: -ETIMEDOUT, -EPIPE (it died) */
};

#define SERVICE_NONE ((struct service){ .fd = -1, .err = -EPIPE })

/* Forks the service. -errno and ret_status when it could not start; *ret is then SERVICE_NONE. */
int service_start(const struct service_kind *kind, const void *arg, size_t len, struct service *ret,
		  struct service_status *ret_status) _must_check_;

/*
 * Asks and waits for the answer: 0 or the handler's -errno, with the reply appended to it and, when
 * asked for, the fd it sent (owned by the caller, -1 for none). -ETIMEDOUT when it took longer than
 * its limit and -EPIPE when it died: the service is stopped then and every later call says the same.
 */
int service_call(struct service *s, const struct service_request *request, struct strbuf *reply,
		 int *ret_fd) _must_check_;

/* In a handler: whether the caller is gone, so that long work can end. */
bool service_is_abandoned(void);

/* Whether it has died since the last call, or was not running: what is asked now has nothing to do with that. */
bool service_has_ended(const struct service *s);

/* Ends it; harmless on SERVICE_NONE. */
void service_stop(struct service *s);

/*
 * Waits, not for long, until the services that this process started and stopped have ended. The
 * caller ignores SIGCHLD.
 */
void services_reap(void);

/* A nursery for these kinds; *ret is a service that only nursery_spawn uses. */
int nursery_start(const struct service_kind *kinds, size_t n, struct service *ret) _must_check_;

/*
 * Like service_start, but forked by the nursery, with the privileges it was started with, and
 * without waiting: service_await does that, before the first call.
 */
int nursery_spawn(struct service *nursery, const struct service_kind *kinds, uint32_t kind,
		  const void *arg, size_t len, struct service *ret) _must_check_;

/* Waits until the service is set up: 0, or -errno and ret_status; it is stopped then. */
int service_await(struct service *s, struct service_status *ret_status) _must_check_;

#endif
