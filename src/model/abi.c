/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signatures: glibc's sysdeps bits/rseq.h. TLS: TLS_TCB_AT_TP and TLS_DTV_AT_TP of glibc. */
#include "model/abi.h"

#include <elf.h>
#include <stddef.h>

#include "rseqctl/rseq_abi.h"
#include "util/array.h"

_Static_assert(sizeof(struct rseq_descriptor) == RSEQ_DESCRIPTOR_SIZE, "a wire format of the kernel");

_Static_assert((int)RSEQ_FIRST_LENGTH == (int)RSEQ_ORIGINAL_LENGTH &&
		       (int)RSEQ_FIRST_ACTIVE == (int)RSEQ_ORIGINAL_ACTIVE, "the same kernel");

static const struct arch_abi abis[] = {
	{ EM_X86_64, 8, 2, "x86_64", 0x53053053, 0, 0,
	  R_X86_64_DTPMOD64, R_X86_64_TPOFF64, { R_X86_64_GLOB_DAT, R_X86_64_64 }, R_X86_64_COPY },
	{ EM_386, 4, 2, "i686", 0x53053053, 0, 0,
	  R_386_TLS_DTPMOD32, R_386_TLS_TPOFF, { R_386_GLOB_DAT, R_386_32 }, R_386_COPY },
	{ EM_AARCH64, 8, 1, "aarch64", 0xd428bc00, 0, 16,
	  R_AARCH64_TLS_DTPMOD, R_AARCH64_TLS_TPREL, { R_AARCH64_GLOB_DAT, R_AARCH64_ABS64 }, R_AARCH64_COPY },
	{ EM_ARM, 4, 1, "arm", 0xe7f5def3, 0, 8,
	  R_ARM_TLS_DTPMOD32, R_ARM_TLS_TPOFF32, { R_ARM_GLOB_DAT, R_ARM_ABS32 }, R_ARM_COPY },
	{ EM_RISCV, 8, 1, "riscv64", 0xf1401073, 0, 0,
	  R_RISCV_TLS_DTPMOD64, R_RISCV_TLS_TPREL64, { R_RISCV_64, R_RISCV_64 }, R_RISCV_COPY },
	{ EM_PPC64, 8, 1, "ppc64le", 0x0fe5000b, 0x7000, 0,
	  R_PPC64_DTPMOD64, R_PPC64_TPREL64, { R_PPC64_GLOB_DAT, R_PPC64_ADDR64 }, R_PPC64_COPY },
	{ EM_S390, 8, 2, "s390x", 0xb2ff0fff, 0, 0,
	  R_390_TLS_DTPMOD, R_390_TLS_TPOFF, { R_390_GLOB_DAT, R_390_64 }, R_390_COPY },
	{ EM_LOONGARCH, 8, 1, "loongarch64", 0x002a0010, 0, 0,
	  R_LARCH_TLS_DTPMOD64, R_LARCH_TLS_TPREL64, { R_LARCH_64, R_LARCH_64 }, R_LARCH_COPY },
};

enum slot_kind arch_slot_kind(const struct arch_abi *abi, uint32_t relocation)
{
	if (relocation == abi->reloc_module)
		return SLOT_MODULE;
	if (relocation == abi->reloc_tpoff)
		return SLOT_TPOFF;
	return relocation == abi->reloc_address[0] || relocation == abi->reloc_address[1] ? SLOT_ADDRESS : SLOT_NONE;
}

const struct arch_abi *arch_abi_find(uint16_t machine, uint8_t word)
{
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		if (abis[i].machine == machine && abis[i].word == word)
			return &abis[i];
	return NULL;
}

bool arch_static_tls(const struct arch_abi *abi, uint64_t tp, uint64_t tls_offset, uint64_t *ret)
{
	uint64_t none = abi->variant == 2 ? 0 : UINT64_MAX;
	uint64_t forced_dynamic = abi->variant == 2 ? UINT64_MAX : UINT64_MAX - 1;

	if (abi->word == 4) {
		none &= UINT32_MAX;
		forced_dynamic &= UINT32_MAX;
	}
	if (tls_offset == none || tls_offset == forced_dynamic)
		return false;
	*ret = abi->variant == 2 ? tp - tls_offset : tp - abi->tp_offset + tls_offset;
	return true;
}

uint64_t arch_executable_tls(const struct arch_abi *abi, uint64_t tp, uint64_t memsz, uint64_t align,
			     uint64_t vaddr)
{
	uint64_t first = -vaddr & (align - 1);

	/* _dl_determine_tlsoffset, for the one module there is */
	if (abi->variant == 2)
		return tp - ((memsz - first + align - 1) / align * align + first);
	return tp - abi->tp_offset + (abi->tcb_size + align - 1) / align * align + first;
}
