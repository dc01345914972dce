/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rseq() answers, in words, and questions whose answer may be the end of the process that asks. */
#ifndef PROBE_ANSWER_H
#define PROBE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

/* 0 or -errno; above ANSWER_SIGNAL: the process was killed, by that signal. ANSWER_NONE: there was no process to ask, or no memory. */
enum { ANSWER_NONE = 1 << 15, ANSWER_SIGNAL = 1 << 16 };
enum { ANSWER_WORD_MAX = 32 };

/* rseq(): flags of all kinds, and any signature. 0 or -errno. */
int answer_rseq(const void *area, uint32_t length, int flags, uint32_t signature);
enum { ANSWER_UNREGISTER = 1 };

/*
 * What ask says, 0 or -errno, in a copy of this process and its calling thread. Killed by a signal is an answer;
 * nothing of it is written to the kernel's log.
 */
int answer_in_child(int (*ask)(void *data), void *data);

/* "0", "EINVAL", "SIGSEGV"; into word where it is none of these. */
const char *answer_name(int answer, char word[ANSWER_WORD_MAX]);

/* Whether seen is one of expected: "EINVAL", "EFAULT or SIGSEGV". */
bool answer_is_one_of(const char *seen, const char *expected);

#endif
