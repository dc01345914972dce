/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No sections on this architecture. */
#include "critical/critical.h"

#if !(defined(__x86_64__) && defined(__LP64__)) && !(defined(__aarch64__) && defined(__LP64__))

bool critical_is_supported(void)
{
	return false;
}

uint32_t critical_signature(void)
{
	return 0;
}

#define NOTHING(name, ...)                                                                         \
	enum critical_result name(struct critical *c, uint32_t index, __VA_ARGS__)                 \
	{                                                                                          \
		(void)c;                                                                           \
		(void)index;                                                                       \
		return CRITICAL_OTHER;                                                             \
	}

#pragma GCC diagnostic ignored "-Wunused-parameter"
NOTHING(critical_add, uint64_t *counter, uint64_t n)
NOTHING(critical_push, struct critical_node **head, struct critical_node *node)
NOTHING(critical_pop, struct critical_node **head, struct critical_node **ret)
NOTHING(critical_put, struct critical_ring *ring, uint64_t word)
NOTHING(critical_take, struct critical_ring *ring, uint64_t *ret)
NOTHING(critical_copy_in, struct critical_ring *ring, const uint64_t *record)
NOTHING(critical_copy_out, struct critical_ring *ring, uint64_t *ret)
NOTHING(critical_lock, uint64_t *lock)
NOTHING(critical_window, uint64_t *mark, uint64_t own, uint64_t *counter, uint64_t n)
NOTHING(critical_deref, uint64_t *const *active, uint64_t *counter, uint64_t n)

void critical_count(struct critical *c, void *base, unsigned int shift, uint64_t n)
{
}

#endif
