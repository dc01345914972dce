/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocator that wants rseq for itself, as Google's tcmalloc has done since September 2023. It
 * never looks at libc's symbols; when its registration is refused it marks its own area with -2
 * and goes on in per-thread mode. When it succeeds it keeps a pointer in the eight bytes at
 * area - 4, so that the upper half lies over cpu_id_start: as long as bit 63 stands, the kernel has
 * not written there and the pointer is good. The area sits in the upper half of a cache line, which
 * makes any length above 32 impossible.
 */
#include "libtcmalloc_like.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define MEMBARRIER_REGISTER_RSEQ (1 << 8)
#define CACHED_BIT (1ULL << 63)
#define MAX_CPUS 4096
#define SLAB_SIZE 4096 /* the shift in the critical section */
#define SLAB_ITEMS ((SLAB_SIZE - 16) / 8)

/*
 * One block, because the distances are the story:
 *	area - 40	tcmalloc_sampler, 32 bytes
 *	area - 8	tcmalloc_cached_vcpu
 *	area - 4	tcmalloc_slabs, 8 bytes, ends in the area
 *	area		__rseq_abi, at 32 modulo 64; its last four bytes say "no virtual CPU" twice
 */
__asm__(".pushsection .tdata, \"awT\", %progbits\n"
	".p2align 6\n"
	".zero 56\n"
	".globl tcmalloc_sampler\n"
	".type tcmalloc_sampler, %object\n"
	".size tcmalloc_sampler, 32\n"
	"tcmalloc_sampler:\n"
	".zero 32\n"
	".globl tcmalloc_cached_vcpu\n"
	".type tcmalloc_cached_vcpu, %object\n"
	".size tcmalloc_cached_vcpu, 4\n"
	"tcmalloc_cached_vcpu:\n"
	".long 0\n"
	".globl tcmalloc_slabs\n"
	".type tcmalloc_slabs, %object\n"
	".size tcmalloc_slabs, 8\n"
	"tcmalloc_slabs:\n"
	".long 0\n"
	".globl __rseq_abi\n"
	".type __rseq_abi, %object\n"
	".size __rseq_abi, 32\n"
	"__rseq_abi:\n"
	".long 0\n"
	".long 0xffffffff\n"
	".zero 20\n"
	".short 0xffff, 0xffff\n"
	".popsection\n");

/*
 * size_t TcmallocSlab_Internal_PushBatch(uintptr_t item, unsigned char *slabs)
 *
 * A slab is {u64 current; u64 end; u64 items[]}, one per CPU. The committing store is the last
 * instruction before commit; the result is 1, or 0 when the slab is full. The trampoline is global
 * and so preemptible: the descriptor's abort_ip needs a symbolic relocation, as in the original.
 */
#define DESCRIPTOR                                                              \
	".pushsection __rseq_cs, \"aw\"\n"                                      \
	".balign 32\n"                                                          \
	".protected __rseq_cs_TcmallocSlab_Internal_PushBatch\n"                \
	".type __rseq_cs_TcmallocSlab_Internal_PushBatch, %object\n"            \
	".size __rseq_cs_TcmallocSlab_Internal_PushBatch, 32\n"                 \
	"__rseq_cs_TcmallocSlab_Internal_PushBatch:\n"                          \
	".long 0, 0\n"                                                          \
	".quad .Lpush_start\n"                                                  \
	".quad .Lpush_commit - .Lpush_start\n"                                  \
	".quad TcmallocSlab_Internal_PushBatch_trampoline\n"                    \
	".popsection\n"                                                         \
	".pushsection __rseq_cs_ptr_array, \"aw\"\n"                            \
	".quad __rseq_cs_TcmallocSlab_Internal_PushBatch\n"                     \
	".popsection\n"

#define FUNCTION_BEGIN(name)                                                    \
	".globl " name "\n"                                                     \
	".type " name ", %function\n"                                           \
	name ":\n"

#define FUNCTION_END(name) ".size " name ", . - " name "\n"

#if defined(__x86_64__)

__asm__(".pushsection google_malloc, \"ax\"\n"
	".p2align 6\n"
	FUNCTION_BEGIN("TcmallocSlab_Internal_PushBatch")
	".Lpush_abort:\n"
	"movq __rseq_abi@gottpoff(%rip), %rax\n"
	"leaq __rseq_cs_TcmallocSlab_Internal_PushBatch(%rip), %rcx\n"
	"movq %rcx, %fs:8(%rax)\n"
	".Lpush_start:\n"
	"movl %fs:4(%rax), %ecx\n"
	"shlq $12, %rcx\n"
	"addq %rsi, %rcx\n"
	"movq (%rcx), %rdx\n"
	"cmpq 8(%rcx), %rdx\n"
	"jae .Lpush_full\n"
	"movq %rdi, 16(%rcx,%rdx,8)\n"
	"incq %rdx\n"
	"movq %rdx, (%rcx)\n"
	".Lpush_commit:\n"
	"movl $1, %eax\n"
	"ret\n"
	".Lpush_full:\n"
	"xorl %eax, %eax\n"
	"ret\n"
	FUNCTION_END("TcmallocSlab_Internal_PushBatch")
	/* nopl SIGNATURE(%rip): four bytes that also decode. */
	".byte 0x0f, 0x1f, 0x05\n"
	".long 0x53053053\n"
	FUNCTION_BEGIN("TcmallocSlab_Internal_PushBatch_trampoline")
	"jmp .Lpush_abort\n"
	FUNCTION_END("TcmallocSlab_Internal_PushBatch_trampoline")
	DESCRIPTOR
	".popsection\n");

#elif defined(__aarch64__)

__asm__(".pushsection google_malloc, \"ax\"\n"
	".p2align 6\n"
	FUNCTION_BEGIN("TcmallocSlab_Internal_PushBatch")
	".Lpush_abort:\n"
	"mrs x2, tpidr_el0\n"
	"adrp x3, :gottprel:__rseq_abi\n"
	"ldr x3, [x3, :gottprel_lo12:__rseq_abi]\n"
	"add x2, x2, x3\n"
	"adrp x3, __rseq_cs_TcmallocSlab_Internal_PushBatch\n"
	"add x3, x3, :lo12:__rseq_cs_TcmallocSlab_Internal_PushBatch\n"
	"str x3, [x2, #8]\n"
	".Lpush_start:\n"
	"ldr w3, [x2, #4]\n"
	"add x3, x1, x3, lsl #12\n"
	"ldr x4, [x3]\n"
	"ldr x5, [x3, #8]\n"
	"cmp x4, x5\n"
	"b.hs .Lpush_full\n"
	"add x5, x3, x4, lsl #3\n"
	"str x0, [x5, #16]\n"
	"add x4, x4, #1\n"
	"str x4, [x3]\n"
	".Lpush_commit:\n"
	"mov x0, #1\n"
	"ret\n"
	".Lpush_full:\n"
	"mov x0, #0\n"
	"ret\n"
	FUNCTION_END("TcmallocSlab_Internal_PushBatch")
	".inst 0xd428bc00\n"
	FUNCTION_BEGIN("TcmallocSlab_Internal_PushBatch_trampoline")
	"b .Lpush_abort\n"
	FUNCTION_END("TcmallocSlab_Internal_PushBatch_trampoline")
	DESCRIPTOR
	".popsection\n");

#else
#error "tcmalloc uses rseq on x86-64 and aarch64 only"
#endif

/* At 4 modulo 8 on purpose. */
struct unaligned_word {
	uint64_t value;
} __attribute__((packed, aligned(4)));

extern __thread struct lab_rseq __rseq_abi __attribute__((tls_model("initial-exec")));
extern __thread volatile struct unaligned_word tcmalloc_slabs
	__attribute__((tls_model("initial-exec")));
size_t TcmallocSlab_Internal_PushBatch(uintptr_t item, unsigned char *slabs);

enum init_status {
	INIT_NOT_TRIED,
	INIT_PER_CPU,
	INIT_SLOW_MODE,
};

static _Atomic(enum init_status) init_status;
static unsigned char *_Atomic slabs;

static uint32_t own_cpu_id(void)
{
	return ((volatile struct lab_rseq *)&__rseq_abi)->cpu_id;
}

static void map_slabs(void)
{
	unsigned char *memory, *expected = NULL;

	memory = mmap(NULL, MAX_CPUS * SLAB_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		__builtin_trap();
	for (size_t cpu = 0; cpu < MAX_CPUS; cpu++)
		((uint64_t *)(memory + cpu * SLAB_SIZE))[1] = SLAB_ITEMS;
	if (!atomic_compare_exchange_strong(&slabs, &expected, memory))
		munmap(memory, MAX_CPUS * SLAB_SIZE);
}

static void become_per_cpu(void)
{
	if (atomic_load(&slabs))
		return;
	syscall(SYS_membarrier, MEMBARRIER_REGISTER_RSEQ, 0, 0);
	map_slabs();
	atomic_store(&init_status, INIT_PER_CPU);
}

static void become_slow(void)
{
	enum init_status expected = INIT_NOT_TRIED;

	((volatile struct lab_rseq *)&__rseq_abi)->cpu_id = LAB_CPU_ID_FAILED;
	/* The original checks that no thread fails after the first has succeeded, and aborts. */
	if (!atomic_compare_exchange_strong(&init_status, &expected, INIT_SLOW_MODE) &&
	    expected == INIT_PER_CPU)
		__builtin_trap();
}

int tcm_init_thread(void)
{
	if ((int32_t)own_cpu_id() >= 0)
		return 0;
	if (atomic_load(&init_status) == INIT_SLOW_MODE ||
	    lab_rseq_register(&__rseq_abi, LAB_RSEQ_LENGTH)) {
		become_slow();
		return -1;
	}
	become_per_cpu();
	return 0;
}

void tcm_cache_slab(void)
{
	tcmalloc_slabs.value = (uintptr_t)atomic_load(&slabs) | CACHED_BIT;
}

size_t tcm_push(uintptr_t item)
{
	return TcmallocSlab_Internal_PushBatch(item, atomic_load(&slabs));
}

uint64_t tcm_held(void)
{
	unsigned char *memory = atomic_load(&slabs);
	uint64_t held = 0;

	for (size_t cpu = 0; memory && cpu < MAX_CPUS; cpu++)
		held += *(volatile uint64_t *)(memory + cpu * SLAB_SIZE);
	return held;
}

struct lab_rseq *tcm_area(void)
{
	return &__rseq_abi;
}
