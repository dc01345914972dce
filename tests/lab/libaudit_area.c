/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A module for LD_AUDIT with an rseq area of its own, as tracers load themselves: the dynamic linker
 * gives it a link namespace. It asks for the main thread before the program's first instruction;
 * libc, where it owns rseq, was faster all the same. Other threads ask by a function of the program
 * that this module puts itself in place of.
 */
#include "area.h"

#include <link.h>
#include <string.h>

extern __thread struct lab_rseq __rseq_abi;

__thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;

static struct lab_rseq *claim(void)
{
	lab_rseq_claim(&__rseq_abi);
	return &__rseq_abi;
}

unsigned int la_version(unsigned int version)
{
	return version < LAV_CURRENT ? version : LAV_CURRENT;
}

/* Not in la_version: main's thread-local storage is made anew when all libraries are there. */
void la_preinit(uintptr_t *cookie)
{
	(void)cookie;
	claim();
}

unsigned int la_objopen(struct link_map *map, Lmid_t namespace, uintptr_t *cookie)
{
	(void)map;
	(void)cookie;
	return namespace == LM_ID_BASE ? LA_FLG_BINDTO | LA_FLG_BINDFROM : 0;
}

#if UINTPTR_MAX > 0xffffffff
uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned int index, uintptr_t *from, uintptr_t *to,
		       unsigned int *flags, const char *name)
#else
uintptr_t la_symbind32(Elf32_Sym *symbol, unsigned int index, uintptr_t *from, uintptr_t *to,
		       unsigned int *flags, const char *name)
#endif
{
	(void)index;
	(void)from;
	(void)to;
	(void)flags;
	return strcmp(name, "audit_claim") ? symbol->st_value : (uintptr_t)claim;
}
