/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting this program again with libc's registration turned off, for nothing else can do that. */
#ifndef STRESS_AGAIN_H
#define STRESS_AGAIN_H

/*
 * As it was started, by the command line of the process; says so on standard error, after who. Comes back
 * only when it could not be: -errno, and why. -EALREADY: it was started so, and libc registered in spite of it.
 */
int again_without_libc(const char *who, const char **ret_why);

#endif
