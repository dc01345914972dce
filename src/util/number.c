/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/number.h"

#include <string.h>

size_t number_decimal(char *out, uint64_t value)
{
	char digits[NUMBER_MAX], *p = digits + sizeof(digits);
	size_t n;

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	n = (size_t)(digits + sizeof(digits) - p);
	memcpy(out, p, n);
	return n;
}

size_t number_hex(char *out, uint64_t value)
{
	size_t n = 3;

	for (uint64_t rest = value >> 4; rest; rest >>= 4)
		n++;
	out[0] = '0';
	out[1] = 'x';
	for (size_t i = n; i-- > 2; value >>= 4)
		out[i] = "0123456789abcdef"[value & 15];
	return n;
}
