/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The neighbour that does not count. Where the area of that name is registered already it takes that
 * for its own luck, and when it stops, or is closed, it unregisters, whoever else uses the area.
 *
 * BLIND_TAKES	it wants an area of its own: unregisters what is there and registers that
 */
#include "users.h"

#ifdef BLIND_TAKES
#include <dlfcn.h>

static __thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;

static struct lab_rseq *own(void)
{
	return &__rseq_abi;
}

static struct lab_rseq *area(void)
{
	return own();
}

static int start(void)
{
	struct lab_rseq *other = dlsym(RTLD_DEFAULT, "__rseq_abi");

	if (other)
		lab_rseq_unregister(other, LAB_RSEQ_LENGTH);
	return user_register(&__rseq_abi);
}
#else
USER_AREA(__attribute__((weak)))

static int start(void)
{
	return user_cpu_id(&__rseq_abi) >= 0 ? 0 : user_register(&__rseq_abi);
}
#endif

static int stop(void)
{
	return lab_rseq_unregister(&__rseq_abi, LAB_RSEQ_LENGTH) ? -1 : 0;
}

/* Only the thread that closes it: the others' registrations nobody takes back. */
static __attribute__((destructor)) void blind_exit(void)
{
	stop();
}

const struct user *user_ask(void)
{
	static const struct user self = {
		.start = start,
		.stop = stop,
		.own = own,
		.area = area,
		.place = "tls-symbol",
	};

	return &self;
}
