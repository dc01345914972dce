/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Critical sections that spin until they are aborted or told to leave, written by hand so that their
 * names, addresses and lengths are known to the byte. Each use of a macro makes one function and its
 * descriptor, in the ELF sections that librseq and tcmalloc use.
 */
#ifndef LAB_SECTION_H
#define LAB_SECTION_H

#include "area.h"

#include <stdbool.h>

#if defined(__x86_64__) || defined(__aarch64__)
#define LAB_HAS_SECTIONS 1
#endif

/* What the kernel reads. */
struct section {
	uint32_t version;
	uint32_t flags;
	uint64_t start;
	uint64_t length;
	uint64_t abort;
} __attribute__((aligned(32)));

/* What the code itself saw: cpu_id at the start of the section and in the abort handler. */
struct section_cpus {
	uint32_t entered; /* (uint32_t)-1: aborted before it was read */
	uint32_t aborted;
};

/*
 * Publishes the descriptor and stays in the section until *leave is not 0 (false) or until it is
 * aborted (true, and cpus is filled in). The code is position-independent and in one piece unless
 * its abort handler lies elsewhere, so a copy of it works as well, with a descriptor of its own.
 */
typedef bool section_code(volatile struct lab_rseq *area, const void *leave,
			  struct section_cpus *cpus, const struct section *descriptor);

#define SECTION_TEXT_OF(x) #x
#define SECTION_TEXT(x) SECTION_TEXT_OF(x)

#define SECTION_DESCRIPTOR(function, name)                                                         \
	".pushsection __rseq_cs, \"aw\"\n"                                                         \
	".balign 32\n"                                                                             \
	".globl " name "\n"                                                                        \
	".hidden " name "\n"                                                                       \
	".type " name ", %object\n"                                                                \
	".size " name ", 32\n"                                                                     \
	name ":\n"                                                                                 \
	".long 0, 0\n"                                                                             \
	".quad .Lstart_" function ", .Lcommit_" function " - .Lstart_" function "\n"                 \
	".quad .Labort_" function "\n"                                                             \
	".popsection\n"                                                                            \
	".pushsection __rseq_cs_ptr_array, \"aw\"\n"                                               \
	".quad " name "\n"                                                                         \
	".popsection\n"

/* Where the abort handler lies: behind the function, or where librseq puts its own. */
#define SECTION_NEAR ".text"
#define SECTION_FAR "__rseq_failure, \"ax\""

/* The arguments are kept where a system call leaves them alone. */
#if defined(__x86_64__)
#define SECTION_ENTRY                                                                              \
	"mov %rdi, %r8\n mov %rsi, %r10\n mov $-1, %r9d\n"                                          \
	"mov %rcx, 8(%r8)\n"
#define SECTION_FIRST "mov 4(%r8), %r9d\n"
#define SECTION_PAUSE "pause\n"
#define SECTION_UNTIL_LEFT(again) "cmpl $0, (%r10)\n je " again "\n"
/* nanosleep(50 us) */
#define SECTION_SLEEP                                                                              \
	"lea section_nap(%rip), %rdi\n xor %esi, %esi\n mov $35, %eax\n syscall\n"
#define SECTION_LEAVE "xor %eax, %eax\n ret\n"
#define SECTION_SIGNATURE_INSN(signature)                                                          \
	".byte 0x0f, 0xb9, 0x3d\n"                                                                 \
	".long " signature "\n"
#define SECTION_ABORTED                                                                            \
	"mov %r9d, (%rdx)\n mov 4(%r8), %eax\n mov %eax, 4(%rdx)\n"                                \
	"mov $1, %eax\n ret\n"
#elif defined(__aarch64__)
#define SECTION_ENTRY                                                                              \
	"mov x11, x0\n mov x12, x1\n mov w9, #-1\n"                                                \
	"str x3, [x11, #8]\n"
#define SECTION_FIRST "ldr w9, [x11, #4]\n"
#define SECTION_PAUSE "yield\n"
#define SECTION_UNTIL_LEFT(again) "ldr w10, [x12]\n cbz w10, " again "\n"
#define SECTION_SLEEP                                                                              \
	"adrp x0, section_nap\n add x0, x0, :lo12:section_nap\n mov x1, #0\n"                      \
	"mov x8, #101\n svc #0\n"
#define SECTION_LEAVE "mov w0, #0\n ret\n"
#define SECTION_SIGNATURE_INSN(signature)                                                          \
	".balign 4\n"                                                                              \
	".long " signature "\n"
#define SECTION_ABORTED                                                                            \
	"str w9, [x2]\n ldr w10, [x11, #4]\n str w10, [x2, #4]\n"                                  \
	"mov w0, #1\n ret\n"
#endif

/*
 * How to declare a descriptor. Global, since an assembler may forget which local symbol a reference
 * through the global offset table is for (aarch64), and hidden, since nobody else has to know.
 */
#define SECTION_EXTERN extern __attribute__((visibility("hidden"))) const struct section

#ifdef LAB_HAS_SECTIONS
/* function and descriptor are the symbols' names; waiting is what one round of the wait does. */
#define SECTION_DEFINE(function, descriptor, place, signature, waiting)                            \
	__asm__(SECTION_DESCRIPTOR(function, descriptor)                                           \
		".pushsection .text\n"                                                             \
		".balign 16\n"                                                                     \
		".globl " function "\n"                                                            \
		".type " function ", %function\n"                                                  \
		function ":\n"                                                                     \
		SECTION_ENTRY                                                                      \
		".Lstart_" function ":\n"                                                          \
		SECTION_FIRST                                                                      \
		".Lagain_" function ":\n"                                                          \
		waiting                                                                            \
		SECTION_UNTIL_LEFT(".Lagain_" function)                                            \
		".Lcommit_" function ":\n"                                                         \
		SECTION_LEAVE                                                                      \
		".pushsection " place "\n"                                                         \
		SECTION_SIGNATURE_INSN(signature)                                                  \
		".Labort_" function ":\n"                                                          \
		SECTION_ABORTED                                                                    \
		".popsection\n"                                                                    \
		".size " function ", . - " function "\n"                                           \
		".popsection\n")
#else
#define SECTION_DEFINE(function, descriptor, place, signature, waiting)                            \
	_Static_assert(1, "no sections on this architecture")
#endif

#define SECTION_RSEQ_SIGNATURE SECTION_TEXT(LAB_RSEQ_SIGNATURE)

#define SECTION_SPIN(function, descriptor, place)                                                  \
	SECTION_DEFINE(function, descriptor, place, SECTION_RSEQ_SIGNATURE, SECTION_PAUSE)

/* For the sections that sleep: once in a source that has such a one. */
#define SECTION_NAP                                                                                \
	__asm__(".pushsection .rodata\n"                                                           \
		".balign 8\n"                                                                      \
		"section_nap: .quad 0, 50000\n"                                                    \
		".popsection\n")

#endif
