/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libc was to become in 2019: it exports the area and __rseq_handled, and registers before the
 * program begins (here by a constructor; the threads after main have to ask). As a library under a libc
 * that owns, or under none, it is whatever registers early.
 *
 * DRAFT_BOASTS	says 1 whether it could register or not, as the drafts did
 * DRAFT_REFERS	defines nothing: a user, linked against the one with versions
 */
#include "users.h"

extern int __rseq_handled;

#ifdef DRAFT_REFERS
extern __thread struct lab_rseq __rseq_abi;

static struct lab_rseq *area(void)
{
	return &__rseq_abi;
}

/* The drafts' word to users: look whether it is there, and leave the registration to libc. */
static int start(void)
{
	return __rseq_handled && user_cpu_id(&__rseq_abi) >= 0 ? 0 : -1;
}
#else
USER_AREA()
int __rseq_handled;

static int start(void)
{
	return user_cpu_id(&__rseq_abi) >= 0 ? 0 : user_register(&__rseq_abi);
}

static int stop(void)
{
	return lab_rseq_unregister(&__rseq_abi, LAB_RSEQ_LENGTH) ? -1 : 0;
}

static __attribute__((constructor)) void draft_init(void)
{
	int failed = start();

#ifdef DRAFT_BOASTS
	failed = 0;
#endif
	if (!failed)
		__rseq_handled = 1;
}
#endif

static int *handled(void)
{
	return &__rseq_handled;
}

const struct user *user_ask(void)
{
	static const struct user self = {
		.start = start,
#ifndef DRAFT_REFERS
		.stop = stop,
		.own = own,
#endif
		.area = area,
		.handled = handled,
		.place = "tls-symbol",
	};

	return &self;
}
