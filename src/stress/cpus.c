/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/cpus.h"

#include <string.h>

#include "util/parse.h"

static bool take(struct span *s, char c)
{
	if (!s->len || *s->p != c)
		return false;
	s->p++;
	s->len--;
	return true;
}

bool cpus_parse(const char *text, cpu_set_t *ret)
{
	struct span s = { text, strlen(text) };

	CPU_ZERO(ret);
	do {
		uint64_t first, last;

		if (!parse_take_u64(&s, 10, &first))
			return false;
		last = first;
		if (take(&s, '-') && !parse_take_u64(&s, 10, &last))
			return false;
		if (last < first || last >= CPU_SETSIZE)
			return false;
		for (uint64_t cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, ret);
	} while (take(&s, ','));
	return !s.len;
}

uint32_t cpus_nth(const cpu_set_t *cpus, uint32_t n)
{
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus) && !n--)
			return cpu;
	return 0;
}
