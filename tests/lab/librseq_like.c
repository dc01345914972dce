/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The well-behaved library, as librseq has been since the end of 2021: it looks for libc's symbols
 * first. Where libc owns rseq it copies libc's offset and leaves its own area alone; where libc
 * does not, it is the owner, and every thread must register through it. Its area is a local symbol
 * with an alignment so large that the library cannot be opened late. rseq_size is -1 before it knows, 0
 * while it owns and nobody has registered, and after the first registration what the kernel fills; giving
 * all registrations back does not change it.
 */
#include "users.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/auxv.h>

#define AUX_RSEQ_FEATURE_SIZE 27
#define ORIGINAL_SIZE 20
#define AREA_ALIGNMENT 1024
#define NOT_INITIALIZED (-1U)

extern ptrdiff_t rseq_offset;
extern unsigned int rseq_size;
extern unsigned int rseq_flags;
int rseq_register_current_thread(void);
int rseq_unregister_current_thread(void);
struct lab_rseq *librseq_like_own_area(void);
int librseq_like_ownership(void);

static __thread struct lab_rseq __rseq_abi
	__attribute__((tls_model("initial-exec"), aligned(AREA_ALIGNMENT))) = LAB_RSEQ_INITIALIZER;

ptrdiff_t rseq_offset;
unsigned int rseq_size = NOT_INITIALIZED;
unsigned int rseq_flags;

static int rseq_ownership;
static const ptrdiff_t *libc_rseq_offset_p;
static const unsigned int *libc_rseq_size_p;
static const unsigned int *libc_rseq_flags_p;

static unsigned int feature_size(void)
{
	unsigned long size = getauxval(AUX_RSEQ_FEATURE_SIZE);

	return size ? (unsigned int)size : ORIGINAL_SIZE;
}

/* libc says 20 or 32 when it means "the original 32 bytes": of these the kernel may fill more. */
static unsigned int active_size(unsigned int libc_size)
{
	unsigned int size = feature_size();

	if (libc_size != ORIGINAL_SIZE && libc_size != LAB_RSEQ_LENGTH)
		return libc_size;
	return size < LAB_RSEQ_LENGTH ? size : LAB_RSEQ_LENGTH;
}

static __attribute__((constructor)) void rseq_init(void)
{
	libc_rseq_offset_p = dlsym(RTLD_NEXT, "__rseq_offset");
	libc_rseq_size_p = dlsym(RTLD_NEXT, "__rseq_size");
	libc_rseq_flags_p = dlsym(RTLD_NEXT, "__rseq_flags");
	if (libc_rseq_offset_p && libc_rseq_size_p && libc_rseq_flags_p && *libc_rseq_size_p) {
		rseq_offset = *libc_rseq_offset_p;
		rseq_size = active_size(*libc_rseq_size_p);
		rseq_flags = *libc_rseq_flags_p;
		return;
	}
	rseq_ownership = 1;
	rseq_offset = (ptrdiff_t)((uintptr_t)&__rseq_abi - lab_thread_pointer());
	rseq_size = 0;
}

static __attribute__((destructor)) void rseq_exit(void)
{
	if (rseq_ownership)
		rseq_size = NOT_INITIALIZED;
}

int rseq_register_current_thread(void)
{
	int err;

	if (!rseq_ownership)
		return 0;
	err = lab_rseq_register(&__rseq_abi, LAB_RSEQ_LENGTH);
	/* Some threads with and some without: the original does not go on like that either. */
	if (err && rseq_size)
		abort();
	if (err)
		return -1;
	rseq_size = feature_size();
	return 0;
}

int rseq_unregister_current_thread(void)
{
	if (!rseq_ownership)
		return 0;
	return lab_rseq_unregister(&__rseq_abi, LAB_RSEQ_LENGTH) ? -1 : 0;
}

struct lab_rseq *librseq_like_own_area(void)
{
	return &__rseq_abi;
}

int librseq_like_ownership(void)
{
	return rseq_ownership;
}

static struct lab_rseq *area(void)
{
	return (struct lab_rseq *)(lab_thread_pointer() + (uintptr_t)rseq_offset);
}

const struct user *user_ask(void)
{
	static const struct user self = {
		.start = rseq_register_current_thread,
		.stop = rseq_unregister_current_thread,
		.own = librseq_like_own_area,
		.area = area,
		.place = "tls-symbol",
	};

	return &self;
}
