/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "critical/registration.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "critical/critical.h"
#include "rseqctl/rseq_abi.h"

enum { FLAG_UNREGISTER = 1 };

/* glibc 2.35 on; another libc has none. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static int call(void *area, uint32_t length, int flags, uint32_t signature)
{
	return syscall(SYS_rseq, area, length, flags, signature) < 0 ? -errno : 0;
}

int registration_available(void)
{
	int r = call(NULL, 0, 0, 0);

	return r == -EINVAL ? 0 : r;
}

void *registration_libc_place(uint32_t *ret_size)
{
	if (!&__rseq_size || !&__rseq_offset)
		return NULL;
	*ret_size = __rseq_size;
	return (char *)__builtin_thread_pointer() + __rseq_offset;
}

void *registration_libc_area(void)
{
	uint32_t size = 0;
	struct rseq_area *area = registration_libc_place(&size);

	if (!area || !size)
		return NULL;
	/* -1 and -2 where this thread is not registered. */
	return *(volatile uint32_t *)&area->cpu_id < INT32_MAX ? area : NULL;
}

int registration_register(void *area, uint32_t length)
{
	return call(area, length, 0, critical_signature());
}

int registration_unregister(void *area, uint32_t length)
{
	return call(area, length, FLAG_UNREGISTER, critical_signature());
}

uint32_t registration_length(void *area, uint32_t likely)
{
	uint32_t tried[] = { likely, RSEQ_ORIGINAL_LENGTH, registration_usual_length(), &__rseq_size ? __rseq_size : 0 };

	for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++)
		if (tried[i] && call(area, tried[i], FLAG_UNREGISTER, ~critical_signature()) == -EPERM)
			return tried[i];
	return 0;
}

uint32_t registration_usual_length(void)
{
	unsigned long size = getauxval(AUXV_RSEQ_FEATURE_SIZE);

	return size > RSEQ_ORIGINAL_LENGTH && size <= REGISTRATION_LENGTH_MAX ? (uint32_t)size : RSEQ_ORIGINAL_LENGTH;
}

bool registration_has_mm_cid(void)
{
	return getauxval(AUXV_RSEQ_FEATURE_SIZE) >= offsetof(struct rseq_area, mm_cid) + sizeof(uint32_t);
}
