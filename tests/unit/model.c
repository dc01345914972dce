/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables and arithmetic that need no process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "model/abi.h"
#include "model/facts.h"
#include "model/field.h"
#include "model/known.h"

static void active_fields(void **state)
{
	(void)state;
	assert_int_equal(rseq_active_size(32, 0), 20);	/* up to 6.2 */
	assert_int_equal(rseq_active_size(32, 28), 28); /* 6.3 to 6.19 */
	assert_int_equal(rseq_active_size(32, 33), 32); /* 7.0 on, legacy */
	assert_int_equal(rseq_active_size(33, 33), 33); /* 7.0 on, optimized */
}

/* userspace.md of glibc: variant 2 below the thread pointer, variant 1 above it */
static void static_tls(void **state)
{
	const struct arch_abi *x86 = arch_abi_find(EM_X86_64, 8), *arm = arch_abi_find(EM_AARCH64, 8),
			      *ppc = arch_abi_find(EM_PPC64, 8), *i386 = arch_abi_find(EM_386, 4);
	uint64_t at = 0;

	(void)state;
	assert_true(arch_static_tls(x86, 0x10000, 0x40, &at));
	assert_int_equal(at, 0x10000 - 0x40);
	assert_false(arch_static_tls(x86, 0x10000, 0, &at));
	assert_false(arch_static_tls(x86, 0x10000, UINT64_MAX, &at));
	assert_true(arch_static_tls(arm, 0x10000, 16, &at));
	assert_int_equal(at, 0x10010);
	assert_false(arch_static_tls(arm, 0x10000, UINT64_MAX, &at));
	assert_false(arch_static_tls(arm, 0x10000, UINT64_MAX - 1, &at));
	assert_true(arch_static_tls(ppc, 0x10000, 16, &at));
	assert_int_equal(at, 0x10000 - 0x7000 + 16);
	assert_false(arch_static_tls(i386, 0x10000, UINT32_MAX, &at));
	assert_null(arch_abi_find(EM_X86_64, 4));
}

/* The TLS block of a static program: checked against what the linker makes of alignment. */
static void executable_tls(void **state)
{
	const struct arch_abi *x86 = arch_abi_find(EM_X86_64, 8), *arm = arch_abi_find(EM_AARCH64, 8);

	(void)state;
	assert_int_equal(arch_executable_tls(x86, 0x10000, 0x48, 64, 0x1000), 0x10000 - 0x80);
	assert_int_equal(arch_executable_tls(x86, 0x10000, 0x48, 64, 0x1010), 0x10000 - 0x70);
	assert_int_equal(arch_executable_tls(arm, 0x10000, 0x48, 64, 0x1000), 0x10000 + 64);
}

static void known_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < known_symbols_n; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(known_symbols[i].name, known_symbols[k].name);
}

static void assert_keys_unique(const struct record_type *type)
{
	for (size_t i = 0; i < type->n; i++) {
		assert_ptr_equal(field_find(type, type->fields[i].key), &type->fields[i]);
		if (type->fields[i].bit)
			assert_true(type->has != RECORD_NO_HAS);
		if (type->fields[i].type)
			assert_keys_unique(type->fields[i].type);
	}
}

static void field_tables(void **state)
{
	(void)state;
	assert_keys_unique(&process_type);
	assert_keys_unique(&host_type);
	assert_keys_unique(&finding_type);
	assert_keys_unique(&event_abort_type);
	assert_keys_unique(&event_call_type);
	assert_keys_unique(&event_fault_type);
	assert_keys_unique(&tally_type);
}

static void unknown_is_said_once(void **state)
{
	struct process_facts p = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		process_unknown(&p, "threads[].area", "%s", "EPERM");
	process_unknown(&p, "threads[].area", "%s", "ESRCH");
	assert_int_equal(p.n_unknown, 2);
	process_facts_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_fields), cmocka_unit_test(static_tls),
		cmocka_unit_test(executable_tls), cmocka_unit_test(known_names),
		cmocka_unit_test(field_tables),	 cmocka_unit_test(unknown_is_said_once),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
