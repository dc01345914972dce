/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * librseq as it was before libc took rseq over; ERA is the year:
 *
 * 2018	to 2019-03: area and counter are weak and exported, so that several copies in one process share
 *	both, and whoever brings the counter back to 0 unregisters
 * 2019	to 2020-07: the copy that finds __rseq_handled 0 sets it and owns; the others do nothing, and the
 *	counter is each copy's own
 * 2020	to 2021-12: no flag any more; a thread that is registered while the copy's own counter is 0 was
 *	registered by libc, or whoever it takes for libc
 *
 * Every thread has to register by itself; the constructor registers nobody.
 */
#include "users.h"

int rseq_register_current_thread(void);
int rseq_unregister_current_thread(void);

#if ERA == 2018
USER_AREA(__attribute__((weak)))
extern __thread uint32_t __rseq_refcount __attribute__((weak));
__thread uint32_t __rseq_refcount;
#else
USER_AREA()
static __thread uint32_t __rseq_refcount;
#endif

#if ERA == 2019
extern int __rseq_handled;
int __rseq_handled;
static int rseq_ownership;

static __attribute__((constructor)) void rseq_init(void)
{
	if (__rseq_handled)
		return;
	__rseq_handled = 1;
	rseq_ownership = 1;
}

static __attribute__((destructor)) void rseq_exit(void)
{
	if (!rseq_ownership)
		return;
	__rseq_handled = 0;
	rseq_ownership = 0;
}

static int *handled(void)
{
	return &__rseq_handled;
}

static int is_anothers(void)
{
	return !rseq_ownership;
}
#elif ERA == 2020
static int is_anothers(void)
{
	return !__rseq_refcount && user_cpu_id(&__rseq_abi) >= 0;
}
#else
static int is_anothers(void)
{
	return 0;
}
#endif

/* Its own name only outside: a call by it would end in the first copy that has one. */
static int start(void)
{
	if (is_anothers() || __rseq_refcount++)
		return 0;
	if (!user_register(&__rseq_abi))
		return 0;
	__rseq_refcount--;
	return -1;
}

static int stop(void)
{
	if (is_anothers())
		return 0;
	if (!__rseq_refcount)
		return -1;
	if (--__rseq_refcount || !lab_rseq_unregister(&__rseq_abi, LAB_RSEQ_LENGTH))
		return 0;
#if ERA > 2018
	/* Since 2019-01: what could not be unregistered is still in use. */
	__rseq_refcount = 1;
#endif
	return -1;
}

int rseq_register_current_thread(void)
{
	return start();
}

int rseq_unregister_current_thread(void)
{
	return stop();
}

static uint32_t *count(void)
{
	return &__rseq_refcount;
}

const struct user *user_ask(void)
{
	static const struct user self = {
		.start = start,
		.stop = stop,
		.own = own,
		.area = area,
		.count = count,
#if ERA == 2019
		.handled = handled,
#endif
		.place = "tls-symbol",
	};

	return &self;
}
