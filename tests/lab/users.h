/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a library of the users story offers to the program: the program asks each one by its own
 * handle, since all of them use the same names and a look-up would find the first one's.
 */
#ifndef LAB_USERS_H
#define LAB_USERS_H

#include "area.h"

/* In the calling thread, all of them; NULL is for what a library does not have. */
struct user {
	/* 0: the library may use rseq from here on; -1: it may not, and knows. */
	int (*start)(void);
	int (*stop)(void);
	/* The library's own definition, whoever's its references lead to. */
	struct lab_rseq *(*own)(void);
	/* What it reads: its own, or another's of the same name. */
	struct lab_rseq *(*area)(void);
	/* The counter of users, and the flag that says somebody registers, that go with it. */
	uint32_t *(*count)(void);
	int *(*handled)(void);
	const char *place;
};

#define USER_ASK "user_ask"
const struct user *user_ask(void);

/* The exported area, and a second name that only its object knows: see lookup.h. */
#define USER_AREA(attributes)                                                                      \
	extern __thread struct lab_rseq __rseq_abi attributes;                                     \
	extern __thread struct lab_rseq user_own                                                   \
		__attribute__((visibility("hidden"), alias("__rseq_abi")));                        \
	__thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;                                \
	static struct lab_rseq *own(void)                                                          \
	{                                                                                          \
		return &user_own;                                                                  \
	}                                                                                          \
	static struct lab_rseq *area(void)                                                         \
	{                                                                                          \
		return &__rseq_abi;                                                                \
	}

static inline int32_t user_cpu_id(const struct lab_rseq *area)
{
	return (int32_t)((const volatile struct lab_rseq *)area)->cpu_id;
}

/* As every library of 2018 to 2021: "busy" is not marked, for then the very same area is registered. */
static inline int user_register(struct lab_rseq *area)
{
	int err = lab_rseq_register(area, LAB_RSEQ_LENGTH);

	if (err && err != EBUSY)
		((volatile struct lab_rseq *)area)->cpu_id = LAB_CPU_ID_FAILED;
	return err ? -1 : 0;
}

#endif
