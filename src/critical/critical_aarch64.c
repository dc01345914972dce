/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clobbers x9 to x14. The signature is "brk #0x45e0", as in the kernel's selftests. */
#include "critical/critical.h"

#if defined(__aarch64__) && defined(__LP64__)

#define SIGNATURE "0xd428bc00"

#define DELAY(n)                                                                                   \
	"ldr w10, [%[c], %[delay] + 4 * " #n "]\n\t"                                               \
	"cbz w10, 7f\n"                                                                            \
	"6:\n\t"                                                                                   \
	"sub w10, w10, #1\n\t"                                                                     \
	"cbnz w10, 6b\n"                                                                           \
	"7:\n\t"

#define DESCRIPTOR(start, end) ".long 0, 0\n\t.quad " start ", " end " - " start ", 40f\n\t"

/* Wrong ones stand apart: a tool that lists a program's sections must not find them. */
#define DESCRIPTORS                                                                                \
	".pushsection __rseq_cs, \"aw\"\n\t"                                                       \
	".balign 32\n"                                                                             \
	"90:\n\t" DESCRIPTOR("10f", "20f")                                                         \
	".popsection\n\t"                                                                          \
	".pushsection __rseq_cs_ptr_array, \"aw\"\n\t"                                             \
	".quad 90b\n\t"                                                                            \
	".popsection\n\t"

#define WRONG_DESCRIPTORS                                                                          \
	".pushsection .data.rel.ro.rseq_faults, \"aw\"\n\t"                                        \
	".balign 32\n"                                                                             \
	"91:\n\t" DESCRIPTOR("11f", "20f") DESCRIPTOR("10f", "19f") DESCRIPTOR("10f", "21f")       \
	".popsection\n\t"

#define ADDRESS(reg, label) "adrp " reg ", " label "\n\tadd " reg ", " reg ", :lo12:" label "\n\t"

#define ENTER                                                                                      \
	DESCRIPTORS WRONG_DESCRIPTORS DELAY(0)                                                     \
	ADDRESS("x9", "90b")                                                                       \
	"ldr x10, [%[c], %[descriptor]]\n\t"                                                       \
	"cbz x10, 8f\n\t"                                                                          \
	ADDRESS("x9", "91b")                                                                       \
	"sub x10, x10, #32\n\t"                                                                    \
	"add x9, x9, x10\n"                                                                        \
	"8:\n\t"                                                                                   \
	"ldr x10, [%[c], %[publish]]\n\t"                                                          \
	"str x9, [x10]\n"                                                                          \
	"10:\n\t" DELAY(1) COMPARE("moved") DELAY(2)

#define COMPARE(label)                                                                             \
	"ldr x10, [%[c], %[key]]\n\t"                                                              \
	"ldr w10, [x10]\n\t"                                                                       \
	"cmp w10, %w[index]\n\t"                                                                   \
	"b.ne %l[" label "]\n\t"

#define LOADED DELAY(3) "11:\n\t"
#define COMMIT "19:\n\t" DELAY(5)

#define HANDLER                                                                                    \
	".pushsection __rseq_failure, \"ax\"\n\t"                                                  \
	".inst " SIGNATURE "\n"                                                                    \
	"40:\n\t"                                                                                  \
	"ldr x9, [%[c], %[aborts]]\n\t"                                                            \
	"add x9, x9, #1\n\t"                                                                       \
	"str x9, [%[c], %[aborts]]\n\t"                                                            \
	"b %l[aborted]\n\t"                                                                        \
	".popsection\n\t"

#define LEAVE "\n20:\n\t" DELAY(6) "21:\n\t" HANDLER

#define AT(member) [member] "i"(offsetof(struct critical, member))
#define INPUTS                                                                                     \
	[c] "r"(c), [index] "r"(index), AT(delay), AT(descriptor), AT(publish), AT(key), AT(aborts)
#define CLOBBERS "x9", "x10", "x11", "x12", "x13", "x14", "memory", "cc"

#include "critical/sections.h"

bool critical_is_supported(void)
{
	return true;
}

uint32_t critical_signature(void)
{
	return 0xd428bc00;
}

enum critical_result critical_add(struct critical *c, uint32_t index, uint64_t *counter, uint64_t n)
{
	SECTION(TWO_WAYS, "ldr x11, [%[counter]]\n\t" LOADED
		"add x11, x11, %[n]\n" COMMIT
		"str x11, [%[counter]]",
		[counter] "r"(counter), [n] "r"(n));
}

enum critical_result critical_push(struct critical *c, uint32_t index, struct critical_node **head,
				   struct critical_node *node)
{
	SECTION(TWO_WAYS, "ldr x11, [%[head]]\n\t" LOADED
		"str x11, [%[node]]\n" COMMIT
		"str %[node], [%[head]]",
		[head] "r"(head), [node] "r"(node));
}

enum critical_result critical_pop(struct critical *c, uint32_t index, struct critical_node **head,
				  struct critical_node **ret)
{
	SECTION(THREE_WAYS, "ldr x11, [%[head]]\n\t"
		"cbz x11, %l[other]\n\t"
		"ldr x12, [x11]\n\t" LOADED
		"str x11, [%[ret]]\n" COMMIT
		"str x12, [%[head]]",
		[head] "r"(head), [ret] "r"(ret));
}

enum critical_result critical_put(struct critical *c, uint32_t index, struct critical_ring *ring,
				  uint64_t word)
{
	SECTION(THREE_WAYS, "ldp x11, x12, [%[ring]]\n\t"
		"cmp x11, x12\n\t"
		"b.hs %l[other]\n\t" LOADED
		"ldr x12, [%[ring], #16]\n\t"
		"str %[word], [x12, x11, lsl #3]\n\t"
		"add x11, x11, #1\n" COMMIT
		"str x11, [%[ring]]",
		[ring] "r"(ring), [word] "r"(word));
}

enum critical_result critical_take(struct critical *c, uint32_t index, struct critical_ring *ring,
				   uint64_t *ret)
{
	SECTION(THREE_WAYS, "ldr x11, [%[ring]]\n\t"
		"cbz x11, %l[other]\n\t"
		"sub x11, x11, #1\n\t"
		"ldr x12, [%[ring], #16]\n\t"
		"ldr x13, [x12, x11, lsl #3]\n\t" LOADED
		"str x13, [%[ret]]\n" COMMIT
		"str x11, [%[ring]]",
		[ring] "r"(ring), [ret] "r"(ret));
}

#define COPY_WORDS(from, to)                                                                       \
	"mov x13, #0\n"                                                                            \
	"5:\n\t"                                                                                   \
	"ldr x14, [" from ", x13, lsl #3]\n\t"                                                     \
	"str x14, [" to ", x13, lsl #3]\n\t" DELAY(4)                                              \
	"add x13, x13, #1\n\t"                                                                     \
	"cmp x13, #8\n\t"                                                                          \
	"b.lo 5b\n\t"

_Static_assert(CRITICAL_RECORD_WORDS == 8, "written into the assembly");

enum critical_result critical_copy_in(struct critical *c, uint32_t index, struct critical_ring *ring,
				      const uint64_t *record)
{
	SECTION(THREE_WAYS, "ldp x11, x12, [%[ring]]\n\t"
		"cmp x11, x12\n\t"
		"b.hs %l[other]\n\t" LOADED
		"ldr x12, [%[ring], #16]\n\t"
		"add x12, x12, x11, lsl #6\n\t" COPY_WORDS("%[record]", "x12")
		"add x11, x11, #1\n" COMMIT
		"str x11, [%[ring]]",
		[ring] "r"(ring), [record] "r"(record));
}

enum critical_result critical_copy_out(struct critical *c, uint32_t index, struct critical_ring *ring,
				       uint64_t *ret)
{
	SECTION(THREE_WAYS, "ldr x11, [%[ring]]\n\t"
		"cbz x11, %l[other]\n\t"
		"sub x11, x11, #1\n\t" LOADED
		"ldr x12, [%[ring], #16]\n\t"
		"add x12, x12, x11, lsl #6\n\t" COPY_WORDS("x12", "%[ret]") COMMIT
		"str x11, [%[ring]]",
		[ring] "r"(ring), [ret] "r"(ret));
}

static enum critical_result lock_section(struct critical *c, uint32_t index, uint64_t *lock)
{
	SECTION(THREE_WAYS, "ldr x11, [%[lock]]\n\t"
		"cbnz x11, %l[other]\n\t" LOADED
		"mov x11, #1\n" COMMIT
		"str x11, [%[lock]]",
		[lock] "r"(lock));
}

enum critical_result critical_lock(struct critical *c, uint32_t index, uint64_t *lock)
{
	enum critical_result r = lock_section(c, index, lock);

	/* It may have been released on another CPU: acquire. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return r;
}

enum critical_result critical_window(struct critical *c, uint32_t index, uint64_t *mark, uint64_t own,
				     uint64_t *counter, uint64_t n)
{
	SECTION(THREE_WAYS, "str %[own], [%[mark]]\n\t"
		"ldr x11, [%[counter]]\n\t" LOADED
		"add x11, x11, %[n]\n" COMMIT
		"ldr x12, [%[mark]]\n\t"
		"str x12, [%[c], %[seen]]\n\t"
		"cmp x12, %[own]\n\t"
		"b.ne %l[other]\n\t" COMPARE("other")
		"str x11, [%[counter]]",
		[mark] "r"(mark), [own] "r"(own), [counter] "r"(counter), [n] "r"(n), AT(seen));
}

enum critical_result critical_deref(struct critical *c, uint32_t index, uint64_t *const *active,
				    uint64_t *counter, uint64_t n)
{
	SECTION(THREE_WAYS, "ldr x12, [%[active]]\n\t"
		"ldr x11, [%[counter]]\n\t" LOADED
		"add x11, x11, %[n]\n" COMMIT
		"ldr x13, [x12]\n\t"
		"str x13, [%[c], %[seen]]\n\t"
		"cbnz x13, %l[other]\n\t"
		"str x11, [%[counter]]",
		[active] "r"(active), [counter] "r"(counter), [n] "r"(n), AT(seen));
}

void critical_count(struct critical *c, void *base, unsigned int shift, uint64_t n)
{
	volatile uint64_t *publish = c->publish;
	const volatile uint32_t *start = c->start, *key = c->key;

	while (n) {
		uint32_t index = *start;
		uint64_t *counter = (uint64_t *)((char *)base + ((uint64_t)index << shift));

		asm goto(DESCRIPTORS
			 ADDRESS("x9", "90b")
			 "str x9, [%[publish]]\n"
			 "10:\n\t"
			 "ldr w10, [%[key]]\n\t"
			 "cmp w10, %w[index]\n\t"
			 "b.ne %l[again]\n\t"
			 "ldr x11, [%[counter]]\n\t"
			 "add x11, x11, #1\n\t"
			 "str x11, [%[counter]]\n"
			 "20:\n\t" HANDLER
			 : : [c] "r"(c), AT(aborts), [index] "r"(index), [counter] "r"(counter),
			     [publish] "r"(publish), [key] "r"(key)
			 : "x9", "x10", "x11", "memory", "cc" : aborted, again);
		n--;
aborted:
again:
		;
	}
}

#endif
