/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/kernel_symbols.h"

#include <string.h>

#include "util/array.h"
#include "util/parse.h"

/*
 * A general protection fault, a bad frame for sigreturn and some more are SIGSEGV with the same code
 * and address as one by rseq. On the way out of an exception rseq may be what kills, so it is not
 * enough that one is on the stack: it must be what called for the signal.
 */
static bool is_exception(const char *name)
{
	static const char *const prefixes[] = { "exc_", "do_trap", "do_error_trap", "gp_user_", "arm64_", "do_el0_" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return strstr(name, "sigreturn") != NULL;
}

static void open_range(struct kernel_ranges *r, uint64_t start)
{
	if (r->n == KERNEL_RANGES_MAX)
		return;
	r->items[r->n].start = start;
	r->items[r->n++].end = 0;
}

/* A function ends where the next one begins; the last one is open. */
static void close_ranges(struct kernel_ranges *r, uint64_t address)
{
	for (size_t i = r->n; i-- && !r->items[i].end;)
		if (address > r->items[i].start)
			r->items[i].end = address;
}

static void take(struct kernel_symbols *s, uint64_t address, const char *name)
{
	close_ranges(&s->senders, address);
	close_ranges(&s->exceptions, address);
	if (!strcmp(name, "ipi_rseq"))
		s->ipi_rseq = address;
	else if (!strcmp(name, "rseq_syscall"))
		s->debug_rseq = true;
	else if (!strncmp(name, "force_sig", 9) || !strncmp(name, "force_fatal_sig", 15))
		open_range(&s->senders, address);
	else if (is_exception(name))
		open_range(&s->exceptions, address);
}

static void take_line(struct kernel_symbols *s, const char *text)
{
	struct span line = { text, strlen(text) }, address, type, name;
	char copy[64];
	uint64_t at;

	if (!parse_word(&line, &address) || !parse_word(&line, &type) || !parse_word(&line, &name) ||
	    !parse_u64(address, 16, &at) || !at)
		return;
	/* Longer names are none that is asked for, but end a range all the same. */
	snprintf(copy, sizeof(copy), "%.*s", (int)name.len, name.p);
	copy[strcspn(copy, "\n")] = '\0';
	if (type.len == 1 && (*type.p == 't' || *type.p == 'T'))
		take(s, at, copy);
}

void kernel_symbols_read(FILE *file, struct kernel_symbols *ret)
{
	char line[512];

	*ret = (struct kernel_symbols){ 0 };
	while (fgets(line, sizeof(line), file))
		take_line(ret, line);
}

static bool holds(const struct kernel_ranges *r, uint64_t address)
{
	for (size_t i = 0; i < r->n; i++)
		if (address >= r->items[i].start && address < r->items[i].end)
			return true;
	return false;
}

enum trace_sender kernel_symbols_sender(const struct kernel_symbols *symbols, const uint64_t *stack, size_t n)
{
	bool sends = false;

	for (size_t i = 0; i < n; i++) {
		/* A return address may lie just behind a function that does not return. */
		if (holds(&symbols->senders, stack[i] - 1)) {
			sends = true;
			continue;
		}
		if (sends)
			return holds(&symbols->exceptions, stack[i] - 1) ? TRACE_SENDER_EXCEPTION :
									   TRACE_SENDER_OTHER;
	}
	return TRACE_SENDER_UNKNOWN;
}
