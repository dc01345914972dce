/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/caller.h"

#include <errno.h>
#include <string.h>

#include "trace/mapped.h"

/* Code that makes system calls for others. */
static bool is_stub(const struct code_place *p)
{
	return (p->function && !strcmp(p->function, "syscall")) || (p->object && !strcmp(p->object, "[vdso]"));
}

/*
 * x86: whether a call instruction ends there, so that this can be a return address: the words of a stack
 * are anything. 0, or -errno where the code cannot be read (any more), or -ENOENT.
 */
static int follows_call(struct symbolizer *s, const struct trace_header *h, uint64_t address)
{
	uint8_t code[7];
	int r = symbolizer_read(s, h->tgid, h->generation, address - sizeof(code), code, sizeof(code));

	if (r < 0)
		return r;
	/* call rel32; call through a register or memory, whose length depends on the operand */
	if (code[2] == 0xe8)
		return 0;
	for (size_t i = 0; i < 6; i++)
		if (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2)
			return 0;
	return -ENOENT;
}

static uint64_t word_at(const struct trace_call *call, size_t i)
{
	const uint32_t *halves = (const uint32_t *)call->words;

	return call->compat ? halves[i] : call->words[i];
}

/* Outwards from the stub: the first return address into something that is none. */
static bool search_stack(struct symbolizer *s, const struct trace_call *call, struct code_place *ret)
{
	size_t n = call->n_words / (call->compat ? sizeof(uint32_t) : sizeof(uint64_t));

	for (size_t i = 0; i < n; i++) {
		struct code_place p;
		uint64_t word = word_at(call, i);
		int r;

		if (word < 4096)
			continue;
		mapped_find(s, &call->header, i == 0 ? &call->outside : NULL, word, &p);
		if (!p.object || is_stub(&p) || p.object[0] == '[')
			continue;
		r = follows_call(s, &call->header, word);
		/* glibc's has no frame: there the first word is it, also of a library that is gone by now. */
		if (r == 0 || (i == 0 && !call->compat && r != -ENOENT)) {
			*ret = p;
			return true;
		}
	}
	return false;
}

void caller_find(struct symbolizer *s, const struct trace_call *call, struct code_place *ret)
{
	mapped_find(s, &call->header, &call->here, call->ip, ret);
	if (!is_stub(ret))
		return;
	if (call->link)
		mapped_find(s, &call->header, &call->outside, call->link, ret);
	else
		(void)!search_stack(s, call, ret);
}
