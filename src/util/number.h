/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as text, for where printf is too slow. */
#ifndef UTIL_NUMBER_H
#define UTIL_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_MAX = 24 };

/* Both write at most NUMBER_MAX characters, no NUL, and return how many. */
size_t number_decimal(char *out, uint64_t value);
size_t number_hex(char *out, uint64_t value); /* "0x", lower case, no leading zeros */

#endif
