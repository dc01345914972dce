/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constants of the rseq ABI, and what differs per architecture; all rows are always compiled. */
#ifndef MODEL_ABI_H
#define MODEL_ABI_H

#include <stdbool.h>
#include <stdint.h>

/* Values of cpu_id in an area that is not registered; the last one is written by user space. */
enum {
	RSEQ_CPU_ID_UNINITIALIZED = -1,
	RSEQ_CPU_ID_REGISTRATION_FAILED = -2,
};

/* The length of the first ABI, which is also what an area is aligned to, and what of it was in use. */
enum { RSEQ_FIRST_LENGTH = 32, RSEQ_FIRST_ACTIVE = 20 };

/* sizeof(struct rseq_cs) */
enum { RSEQ_DESCRIPTOR_SIZE = 32 };

struct arch_abi {
	uint16_t machine;   /* EM_* */
	uint8_t word;	    /* bytes */
	uint8_t variant;    /* of TLS: 1 blocks above the thread pointer, 2 below it */
	const char *name;   /* as uname -m says it */
	uint32_t signature; /* RSEQ_SIG by convention */
	uint32_t tp_offset; /* variant 1: the thread pointer is this far behind the first block's frame */
	uint32_t tcb_size;  /* variant 1: between thread pointer and the first block */
	/* Relocations by which the dynamic linker writes down which definition a reference got. */
	uint32_t reloc_module;	/* the number of its module, of a TLS variable */
	uint32_t reloc_tpoff;	/* its distance from the thread pointer */
	uint32_t reloc_address[2];
	uint32_t reloc_copy; /* the definition is a copy of a library's, made for an executable */
};

/* What a word written by a relocation tells. */
enum slot_kind { SLOT_NONE, SLOT_MODULE, SLOT_TPOFF, SLOT_ADDRESS };

enum slot_kind arch_slot_kind(const struct arch_abi *abi, uint32_t relocation);

/* NULL for a machine that is not known. */
const struct arch_abi *arch_abi_find(uint16_t machine, uint8_t word);

/*
 * Where a module's TLS block begins: thread pointer and l_tls_offset. False when the offset says
 * that the block is not static (NO_TLS_OFFSET, FORCED_DYNAMIC_TLS_OFFSET of glibc).
 */
bool arch_static_tls(const struct arch_abi *abi, uint64_t tp, uint64_t tls_offset, uint64_t *ret);

/* The same for the executable of a static program, which has no link map: by its TLS segment alone. */
uint64_t arch_executable_tls(const struct arch_abi *abi, uint64_t tp, uint64_t memsz, uint64_t align,
			     uint64_t vaddr);

#endif
