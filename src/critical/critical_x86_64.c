/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clobbers rax, rcx, rdx, r8, r9. The signature is the operand of "ud1 x(%rip), %edi", as in the kernel's selftests. */
#include "critical/critical.h"

#if defined(__x86_64__) && defined(__LP64__)

#define SIGNATURE "0x53053053"

#define DELAY(n)                                                                                   \
	"movl %c[delay] + 4 * " #n "(%[c]), %%ecx\n\t"                                             \
	"testl %%ecx, %%ecx\n\t"                                                                   \
	"jz 7f\n"                                                                                  \
	"6:\n\t"                                                                                   \
	"decl %%ecx\n\t"                                                                           \
	"jnz 6b\n"                                                                                 \
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

#define ENTER                                                                                      \
	DESCRIPTORS WRONG_DESCRIPTORS DELAY(0)                                                     \
	"leaq 90b(%%rip), %%rax\n\t"                                                               \
	"movq %c[descriptor](%[c]), %%rdx\n\t"                                                     \
	"testq %%rdx, %%rdx\n\t"                                                                   \
	"jz 8f\n\t"                                                                                \
	"leaq 91b - 32(%%rip), %%rax\n\t"                                                          \
	"addq %%rdx, %%rax\n"                                                                      \
	"8:\n\t"                                                                                   \
	"movq %c[publish](%[c]), %%rdx\n\t"                                                        \
	"movq %%rax, (%%rdx)\n"                                                                    \
	"10:\n\t" DELAY(1) COMPARE("moved") DELAY(2)

#define COMPARE(label)                                                                             \
	"movq %c[key](%[c]), %%rdx\n\t"                                                            \
	"cmpl %[index], (%%rdx)\n\t"                                                               \
	"jne %l[" label "]\n\t"

#define LOADED DELAY(3) "11:\n\t"
#define COMMIT "19:\n\t" DELAY(5)

#define HANDLER                                                                                    \
	".pushsection __rseq_failure, \"ax\"\n\t"                                                  \
	".byte 0x0f, 0xb9, 0x3d\n\t"                                                               \
	".long " SIGNATURE "\n"                                                                    \
	"40:\n\t"                                                                                  \
	"incq %c[aborts](%[c])\n\t"                                                                \
	"jmp %l[aborted]\n\t"                                                                      \
	".popsection\n\t"

#define LEAVE "\n20:\n\t" DELAY(6) "21:\n\t" HANDLER

#define AT(member) [member] "i"(offsetof(struct critical, member))
#define INPUTS                                                                                     \
	[c] "r"(c), [index] "r"(index), AT(delay), AT(descriptor), AT(publish), AT(key), AT(aborts)
#define CLOBBERS "rax", "rcx", "rdx", "r8", "r9", "memory", "cc"

#include "critical/sections.h"

bool critical_is_supported(void)
{
	return true;
}

uint32_t critical_signature(void)
{
	return 0x53053053;
}

enum critical_result critical_add(struct critical *c, uint32_t index, uint64_t *counter, uint64_t n)
{
	SECTION(TWO_WAYS, "movq (%[counter]), %%r8\n\t" LOADED
		"addq %[n], %%r8\n" COMMIT
		"movq %%r8, (%[counter])",
		[counter] "r"(counter), [n] "r"(n));
}

enum critical_result critical_push(struct critical *c, uint32_t index, struct critical_node **head,
				   struct critical_node *node)
{
	SECTION(TWO_WAYS, "movq (%[head]), %%r8\n\t" LOADED
		"movq %%r8, (%[node])\n" COMMIT
		"movq %[node], (%[head])",
		[head] "r"(head), [node] "r"(node));
}

enum critical_result critical_pop(struct critical *c, uint32_t index, struct critical_node **head,
				  struct critical_node **ret)
{
	SECTION(THREE_WAYS, "movq (%[head]), %%r8\n\t"
		"testq %%r8, %%r8\n\t"
		"jz %l[other]\n\t"
		"movq (%%r8), %%r9\n\t" LOADED
		"movq %%r8, (%[ret])\n" COMMIT
		"movq %%r9, (%[head])",
		[head] "r"(head), [ret] "r"(ret));
}

enum critical_result critical_put(struct critical *c, uint32_t index, struct critical_ring *ring,
				  uint64_t word)
{
	SECTION(THREE_WAYS, "movq (%[ring]), %%r8\n\t"
		"cmpq 8(%[ring]), %%r8\n\t"
		"jae %l[other]\n\t" LOADED
		"movq 16(%[ring]), %%r9\n\t"
		"movq %[word], (%%r9, %%r8, 8)\n\t"
		"incq %%r8\n" COMMIT
		"movq %%r8, (%[ring])",
		[ring] "r"(ring), [word] "r"(word));
}

enum critical_result critical_take(struct critical *c, uint32_t index, struct critical_ring *ring,
				   uint64_t *ret)
{
	SECTION(THREE_WAYS, "movq (%[ring]), %%r8\n\t"
		"testq %%r8, %%r8\n\t"
		"jz %l[other]\n\t"
		"decq %%r8\n\t"
		"movq 16(%[ring]), %%r9\n\t"
		"movq (%%r9, %%r8, 8), %%rax\n\t" LOADED
		"movq %%rax, (%[ret])\n" COMMIT
		"movq %%r8, (%[ring])",
		[ring] "r"(ring), [ret] "r"(ret));
}

#define COPY_WORDS(from, to)                                                                       \
	"xorl %%edx, %%edx\n"                                                                      \
	"5:\n\t"                                                                                   \
	"movq (" from ", %%rdx, 8), %%rax\n\t"                                                     \
	"movq %%rax, (" to ", %%rdx, 8)\n\t" DELAY(4)                                              \
	"incl %%edx\n\t"                                                                           \
	"cmpl $8, %%edx\n\t"                                                                       \
	"jb 5b\n\t"

_Static_assert(CRITICAL_RECORD_WORDS == 8, "written into the assembly");

enum critical_result critical_copy_in(struct critical *c, uint32_t index, struct critical_ring *ring,
				      const uint64_t *record)
{
	SECTION(THREE_WAYS, "movq (%[ring]), %%r8\n\t"
		"cmpq 8(%[ring]), %%r8\n\t"
		"jae %l[other]\n\t" LOADED
		"movq %%r8, %%r9\n\t"
		"shlq $6, %%r9\n\t"
		"addq 16(%[ring]), %%r9\n\t" COPY_WORDS("%[record]", "%%r9")
		"incq %%r8\n" COMMIT
		"movq %%r8, (%[ring])",
		[ring] "r"(ring), [record] "r"(record));
}

enum critical_result critical_copy_out(struct critical *c, uint32_t index, struct critical_ring *ring,
				       uint64_t *ret)
{
	SECTION(THREE_WAYS, "movq (%[ring]), %%r8\n\t"
		"testq %%r8, %%r8\n\t"
		"jz %l[other]\n\t"
		"decq %%r8\n\t" LOADED
		"movq %%r8, %%r9\n\t"
		"shlq $6, %%r9\n\t"
		"addq 16(%[ring]), %%r9\n\t" COPY_WORDS("%%r9", "%[ret]") COMMIT
		"movq %%r8, (%[ring])",
		[ring] "r"(ring), [ret] "r"(ret));
}

enum critical_result critical_lock(struct critical *c, uint32_t index, uint64_t *lock)
{
	SECTION(THREE_WAYS, "cmpq $0, (%[lock])\n\t"
		"jne %l[other]\n\t" LOADED COMMIT
		"movq $1, (%[lock])",
		[lock] "r"(lock));
}

enum critical_result critical_window(struct critical *c, uint32_t index, uint64_t *mark, uint64_t own,
				     uint64_t *counter, uint64_t n)
{
	SECTION(THREE_WAYS, "movq %[own], (%[mark])\n\t"
		"movq (%[counter]), %%r8\n\t" LOADED
		"addq %[n], %%r8\n" COMMIT
		"movq (%[mark]), %%rax\n\t"
		"movq %%rax, %c[seen](%[c])\n\t"
		"cmpq %[own], %%rax\n\t"
		"jne %l[other]\n\t" COMPARE("other")
		"movq %%r8, (%[counter])",
		[mark] "r"(mark), [own] "r"(own), [counter] "r"(counter), [n] "r"(n), AT(seen));
}

enum critical_result critical_deref(struct critical *c, uint32_t index, uint64_t *const *active,
				    uint64_t *counter, uint64_t n)
{
	SECTION(THREE_WAYS, "movq (%[active]), %%r9\n\t"
		"movq (%[counter]), %%r8\n\t" LOADED
		"addq %[n], %%r8\n" COMMIT
		"movq (%%r9), %%rax\n\t"
		"movq %%rax, %c[seen](%[c])\n\t"
		"testq %%rax, %%rax\n\t"
		"jnz %l[other]\n\t"
		"movq %%r8, (%[counter])",
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
			 "leaq 90b(%%rip), %%rax\n\t"
			 "movq %%rax, (%[publish])\n"
			 "10:\n\t"
			 "cmpl %[index], (%[key])\n\t"
			 "jne %l[again]\n\t"
			 "incq (%[counter])\n"
			 "20:\n\t" HANDLER
			 : : [c] "r"(c), AT(aborts), [index] "r"(index), [counter] "r"(counter),
			     [publish] "r"(publish), [key] "r"(key)
			 : "rax", "memory", "cc" : aborted, again);
		n--;
aborted:
again:
		;
	}
}

#endif
