/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library with one critical section that is really entered: see aborts.c. */
#include "section.h"

section_code *aborts_library_section(const struct section **ret_descriptor);

#ifdef LAB_HAS_SECTIONS
SECTION_SPIN("aborts_library_pop", "aborts_library_pop_cs", SECTION_FAR);

extern section_code aborts_library_pop;
SECTION_EXTERN aborts_library_pop_cs;

section_code *aborts_library_section(const struct section **ret_descriptor)
{
	*ret_descriptor = &aborts_library_pop_cs;
	return aborts_library_pop;
}
#else
section_code *aborts_library_section(const struct section **ret_descriptor)
{
	*ret_descriptor = NULL;
	return NULL;
}
#endif
