/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library like libaborts.c, with a longer section of another name: see unloader.c. */
#include "section.h"

section_code *turns_library_section(const struct section **ret_descriptor);

#ifdef LAB_HAS_SECTIONS
SECTION_DEFINE("turns_library_push", "turns_library_push_cs", SECTION_FAR, SECTION_RSEQ_SIGNATURE,
	       SECTION_PAUSE SECTION_PAUSE SECTION_PAUSE);

extern section_code turns_library_push;
SECTION_EXTERN turns_library_push_cs;

section_code *turns_library_section(const struct section **ret_descriptor)
{
	*ret_descriptor = &turns_library_push_cs;
	return turns_library_push;
}
#else
section_code *turns_library_section(const struct section **ret_descriptor)
{
	*ret_descriptor = NULL;
	return NULL;
}
#endif
