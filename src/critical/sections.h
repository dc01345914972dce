/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The body of a function that is one section, the same for every architecture. The file that includes this
 * says before what ENTER, LEAVE, INPUTS and CLOBBERS are.
 */
#ifndef CRITICAL_SECTIONS_H
#define CRITICAL_SECTIONS_H

#define SECTION(ways, body, ...)                                                                   \
	do {                                                                                       \
		asm goto(ENTER body LEAVE : : INPUTS, __VA_ARGS__ : CLOBBERS : ways##_LABELS);     \
		return CRITICAL_DONE;                                                              \
		ways                                                                               \
	} while (0)

#define TWO_WAYS_LABELS aborted, moved
#define TWO_WAYS                                                                                   \
aborted:                                                                                           \
	return c->ignore_aborts ? CRITICAL_DONE : CRITICAL_ABORTED;                                \
moved:                                                                                             \
	return CRITICAL_MOVED;

#define THREE_WAYS_LABELS aborted, moved, other
#define THREE_WAYS                                                                                 \
	TWO_WAYS                                                                                   \
other:                                                                                             \
	return CRITICAL_OTHER;

#endif
