/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbols by which users of rseq are known, and what each one tells. Sources: glibc 2.35 on,
 * librseq 2018 to 2025, google/tcmalloc 2020 to 2026, and the drafts of 2018 to 2020.
 */
#ifndef MODEL_KNOWN_H
#define MODEL_KNOWN_H

#include <stddef.h>

enum known_role {
	ROLE_AREA,	  /* a TLS variable that is an rseq area */
	ROLE_HANDLED,	  /* __rseq_handled: 1 once somebody registers (2019 drafts) */
	ROLE_REFCOUNT,	  /* __rseq_refcount: users of this thread's registration */
	ROLE_LIBC_OFFSET, /* the area of libc: from the thread pointer */
	ROLE_LIBC_SIZE,
	ROLE_LIBC_FLAGS,
	ROLE_LIBRSEQ_OFFSET, /* the area that librseq uses: libc's or its own */
	ROLE_LIBRSEQ_SIZE,
	ROLE_LIBRSEQ, /* tells librseq, no more */
	ROLE_SLABS,   /* tcmalloc's cached slab pointer: its upper half lies over cpu_id_start */
	ROLE_TCMALLOC,
	/* Not rseq, but needed to find it: never shown. */
	ROLE_GLIBC,		  /* defined by glibc only */
	ROLE_GLIBC_VERSION,
	ROLE_LINK_MAP_TLS_OFFSET, /* descriptors of glibc's private layouts, for debuggers */
	ROLE_LINK_MAP_TLS_MODID,
	ROLE_PTHREAD_DTVP,
	ROLE_PTHREAD_TID,
	ROLE_PTHREAD_LIST,
	ROLE_SIZEOF_PTHREAD,
	ROLE_STACK_USED,
	ROLE_STACK_USER,
	ROLE_RTLD_GLOBAL, /* what those two offsets count from */
	ROLE_STACK_USED_LIST, /* the list itself, where it is a variable of its own */
	ROLE_STACK_USER_LIST,
	ROLE_RTLD_DEBUG,  /* where the dynamic linker's list begins */
	ROLE_MUSL,	  /* defined by musl only */
	ROLE_MUSL_DEBUG,  /* the same, and points to where its dynamic linker's list begins */
};

enum { KNOWN_SYMBOLS_MAX = 64 };

struct known_symbol {
	const char *name;
	enum known_role role;
};

extern const struct known_symbol known_symbols[];
extern const size_t known_symbols_n;

static inline int known_is_private(enum known_role role)
{
	return role >= ROLE_GLIBC;
}

#endif
