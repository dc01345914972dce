/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library with one critical section, in the ELF sections that librseq and tcmalloc use. Nobody
 * enters it: what counts is that it is mapped, what stands before its abort handler, and that a
 * thread can sleep inside it. SECTION_SIGNATURE is what its abort handler carries.
 */
#include "area.h"

#ifndef SECTION_SIGNATURE
#define SECTION_SIGNATURE LAB_RSEQ_SIGNATURE
#endif

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

#if __SIZEOF_POINTER__ == 8
#define WORD(x) ".quad " x "\n"
#else
#define WORD(x) ".long " x ", 0\n"
#endif

const void *section_descriptor(void);
void section_sleep(void);

/*
 * ppoll(NULL, 0, NULL, NULL, 0), which only a signal ends. A system call has no business in a
 * critical section; the thread publishes none before it sleeps, and never comes back.
 */
#if defined(__x86_64__)
#define SLEEP                                                                                      \
	"xor %edi, %edi\n xor %esi, %esi\n xor %edx, %edx\n xor %r10d, %r10d\n xor %r8d, %r8d\n"    \
	"mov $271, %eax\n syscall\n nop\n"
#elif defined(__aarch64__)
#define SLEEP                                                                                      \
	"mov x0, #0\n mov x1, #0\n mov x2, #0\n mov x3, #0\n mov x4, #0\n"                          \
	"mov x8, #73\n svc #0\n nop\n"
#else
#define SLEEP "nop\n"
#endif

#if defined(__aarch64__) || defined(__x86_64__) || defined(__i386__) || defined(__riscv)
#define RETURN "ret\n"
#else
#define RETURN "nop\n"
#endif

__asm__(".pushsection __rseq_cs, \"aw\"\n"
	".balign 32\n"
	"the_descriptor:\n"
	".long 0, 0\n"
	WORD(".Lstart") WORD(".Lcommit - .Lstart") WORD(".Labort")
	".popsection\n"
	".pushsection __rseq_cs_ptr_array, \"aw\"\n"
	WORD("the_descriptor")
	".popsection\n"
	".pushsection .text\n"
	".balign 16\n"
	"section_code:\n"
	".Lstart:\n"
	SLEEP
	".Lcommit:\n"
	RETURN
	".balign 4\n"
	".long " TEXT(SECTION_SIGNATURE) "\n"
	".Labort:\n"
	RETURN
	".popsection\n");

extern const char the_descriptor[] __attribute__((visibility("hidden")));
void section_code(void) __attribute__((visibility("hidden")));

const void *section_descriptor(void)
{
	return the_descriptor;
}

void section_sleep(void)
{
	section_code();
}
