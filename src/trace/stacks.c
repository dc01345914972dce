/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/stacks.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "trace/kernel.h"

enum { STACKS_MAX = 32768 };

/* From 6.19 on the kernel's stack begins in the abort handler: one of its stacks is several here. */
struct stack_key {
	struct trace_stack_key key;
	uint64_t first;
};

struct stack {
	struct stack_key key;
	struct code_place frames[TRACE_STACK_DEPTH];
	size_t n;
};

struct stacks {
	struct service *kernel;
	struct symbolizer *symbolizer;
	void *tree;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct stack_key));
}

struct stacks *stacks_new(struct service *kernel, struct symbolizer *symbolizer)
{
	struct stacks *s = calloc(1, sizeof(*s));

	if (s) {
		s->kernel = kernel;
		s->symbolizer = symbolizer;
	}
	return s;
}

void stacks_free(struct stacks *s)
{
	if (!s)
		return;
	tdestroy(s->tree, free);
	free(s);
}

static void fill(struct stacks *s, struct stack *stack)
{
	const struct trace_stack_key *key = &stack->key.key;
	struct service_request request = { TRACE_OP_FRAMES, &key->stack_id, sizeof(key->stack_id) };
	_cleanup_strbuf_ struct strbuf reply = { 0 };
	struct place places[TRACE_STACK_DEPTH];
	uint64_t addresses[TRACE_STACK_DEPTH];

	if (service_call(s->kernel, &request, &reply, NULL) < 0)
		return;
	stack->n = reply.len / sizeof(uint64_t);
	if (stack->n > TRACE_STACK_DEPTH)
		stack->n = TRACE_STACK_DEPTH;
	if (!stack->n)
		return;
	memcpy(addresses, reply.data, stack->n * sizeof(uint64_t));
	addresses[0] = stack->key.first;
	symbolizer_resolve(s->symbolizer, key->tgid, key->generation, addresses, stack->n, places);
	for (size_t i = 0; i < stack->n; i++)
		stack->frames[i] = (struct code_place){
			.has = places[i].object ? PLACE_OFFSET : 0,
			.object = places[i].object,
			.function = places[i].function,
			.address = addresses[i],
			.offset = places[i].offset,
		};
}

const struct code_place *stacks_get(struct stacks *s, const struct trace_stack_key *key, uint64_t first,
				    size_t *ret_n)
{
	const struct stack_key wanted = { *key, first };
	void *node = tfind(&wanted, &s->tree, compare);
	struct stack *stack = node ? *(struct stack **)node : NULL;

	*ret_n = 0;
	if (!stack && s->n < STACKS_MAX && key->stack_id >= 0) {
		stack = calloc(1, sizeof(*stack));
		if (!stack)
			return NULL;
		stack->key = wanted;
		if (!tsearch(stack, &s->tree, compare)) {
			free(stack);
			return NULL;
		}
		s->n++;
		fill(s, stack);
	}
	if (!stack || !stack->n)
		return NULL;
	*ret_n = stack->n;
	return stack->frames;
}
