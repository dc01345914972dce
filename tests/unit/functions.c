/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function lies where: in the test's own file, in that file changed, and in others' that linkers made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/demangle.h"
#include "image/descriptors.h"
#include "image/functions.h"
#include "util/cleanup.h"

/* What is to be found. Compilers mangle; here the assembler's names are given by hand. */
void test_plain(void);
__attribute__((used, noinline)) void test_plain(void)
{
	__asm__ volatile("nop\n nop\n nop\n nop\n nop\n nop");
}
void test_cxx(void) __asm__("_ZN3lab5queue4pushEi");
__attribute__((used, noinline)) void test_cxx(void)
{
	__asm__ volatile("nop");
}
void test_rust(void) __asm__("_ZN5queue4push17h0123456789abcdefE");
__attribute__((used, noinline)) void test_rust(void)
{
	__asm__ volatile("nop");
}
void test_alias(void) __attribute__((alias("test_plain")));
void __test_alias(void) __attribute__((alias("test_plain")));
static void test_a(void) __attribute__((used, alias("test_plain")));

/* Symbols without a size, a nested one, code without any, and descriptors with and without a name. */
__asm__(".pushsection .text\n"
	"test_unsized:\n"
	".skip 16, 0x90\n"
	".globl test_outer\n"
	".type test_outer, %function\n"
	"test_outer:\n"
	".skip 8, 0x90\n"
	"test_inner:\n"
	".skip 8, 0x90\n"
	".size test_inner, 8\n"
	".skip 8, 0x90\n"
	".size test_outer, 24\n"
	".skip 16, 0x90\n"
	".popsection\n"
	".pushsection test_bare, \"ax\", %progbits\n"
	".skip 16, 0x90\n"
	".popsection\n"
	".pushsection test_descriptors, \"a\", %progbits\n"
	"test_first:\n"
	".skip 32\n"
	".skip 32\n"
	".type test_third, %object\n"
	".size test_third, 32\n"
	"test_third:\n"
	".skip 32\n"
	".popsection\n");

/* Sections that descriptors tell of: named, unnamed, in the middle of something, two of one, and one that is no section. */
#define DESCRIBE(start) ".long 0, 0\n.quad " start ", 8, test_unsized\n"
__asm__(".pushsection .text\n"
	"test_cs_named: .skip 16, 0x90\n"
	"test_cs_unnamed: .skip 16, 0x90\n"
	"test_cs_inside: .skip 16, 0x90\n"
	"test_cs_twice: .skip 16, 0x90\n"
	".popsection\n"
	".pushsection __rseq_cs, \"aw\", %progbits\n"
	".balign 32\n"
	".type __rseq_cs_test_named, %object\n"
	".size __rseq_cs_test_named, 32\n"
	"__rseq_cs_test_named:\n" DESCRIBE("test_cs_named")
	DESCRIBE("test_cs_unnamed")
	".type test_cs_array, %object\n"
	".size test_cs_array, 64\n"
	"test_cs_array:\n" DESCRIBE("test_cs_twice")
	DESCRIBE("test_cs_inside")
	".type test_cs_second, %object\n"
	".size test_cs_second, 32\n"
	"test_cs_second:\n" DESCRIBE("test_cs_twice")
	".popsection\n");

struct file {
	char *bytes;
	size_t size;
};

static struct file read_file(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY);
	struct file f = { 0 };
	struct stat st;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	f.size = (size_t)st.st_size;
	f.bytes = malloc(f.size);
	assert_non_null(f.bytes);
	assert_int_equal(pread(fd, f.bytes, f.size, 0), f.size);
	return f;
}

static int find_bytes(struct file f, struct function *functions, size_t n)
{
	_cleanup_close_ int fd = memfd_create("functions", MFD_CLOEXEC);
	const char *what;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f.bytes, f.size), f.size);
	return functions_find(fd, functions, n, &what);
}

/* The reader's own way to a symbol: independent of what is tested. */
static const Elf64_Shdr *section_headers(struct file f)
{
	return (const void *)(f.bytes + ((const Elf64_Ehdr *)f.bytes)->e_shoff);
}

static size_t sections(struct file f)
{
	return ((const Elf64_Ehdr *)f.bytes)->e_shnum;
}

static uint64_t offset_of_vaddr(struct file f, uint64_t vaddr)
{
	const Elf64_Ehdr *eh = (const void *)f.bytes;
	const Elf64_Phdr *ph = (const void *)(f.bytes + eh->e_phoff);

	for (size_t i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && vaddr >= ph[i].p_vaddr && vaddr - ph[i].p_vaddr < ph[i].p_filesz)
			return vaddr - ph[i].p_vaddr + ph[i].p_offset;
	fail_msg("no segment has %#llx", (unsigned long long)vaddr);
	return 0;
}

static Elf64_Sym find_symbol(struct file f, uint32_t table, const char *name)
{
	const Elf64_Shdr *sh = section_headers(f);

	for (size_t i = 0; i < sections(f); i++) {
		const Elf64_Sym *symbols = (const void *)(f.bytes + sh[i].sh_offset);
		const char *names = sh[i].sh_type == table ? f.bytes + sh[sh[i].sh_link].sh_offset : NULL;

		for (size_t k = 0; names && k < sh[i].sh_size / sizeof(*symbols); k++)
			if (!strcmp(names + symbols[k].st_name, name))
				return symbols[k];
	}
	fail_msg("no symbol %s", name);
	return (Elf64_Sym){ 0 };
}

static uint64_t place(struct file f, const char *name)
{
	return offset_of_vaddr(f, find_symbol(f, SHT_SYMTAB, name).st_value);
}

static uint64_t section_place(struct file f, const char *name)
{
	const Elf64_Shdr *sh = section_headers(f);
	const char *names = f.bytes + sh[((const Elf64_Ehdr *)f.bytes)->e_shstrndx].sh_offset;

	for (size_t i = 0; i < sections(f); i++)
		if (!strcmp(names + sh[i].sh_name, name))
			return sh[i].sh_offset;
	fail_msg("no section %s", name);
	return 0;
}

static struct function find_one(struct file f, uint64_t offset)
{
	struct function function = { .offset = offset };

	assert_int_equal(find_bytes(f, &function, 1), 0);
	assert_int_equal(function.offset, offset);
	assert_true(function.low <= offset && offset < function.high);
	return function;
}

static void assert_found(struct file f, uint64_t offset, const char *name, uint64_t distance)
{
	struct function function = find_one(f, offset);

	assert_string_equal(function.name, name);
	assert_int_equal(function.vaddr - function.start, distance);
}

static void assert_descriptor(struct file f, const char *start, uint64_t distance, uint64_t length, const char *symbol)
{
	struct descriptor d = { .offset = place(f, start) + distance, .length = length, .symbol = "?" };
	_cleanup_close_ int fd = memfd_create("descriptors", MFD_CLOEXEC);
	const char *what;

	assert_int_equal(write(fd, f.bytes, f.size), f.size);
	assert_int_equal(descriptors_find(fd, &d, &what), 0);
	assert_string_equal(d.symbol, symbol);
}

static void finds_descriptors(void **state)
{
	struct file f = read_file("/proc/self/exe");

	(void)state;
	assert_descriptor(f, "test_cs_named", 0, 8, "__rseq_cs_test_named");
	/* another one starts there, or ends there */
	assert_descriptor(f, "test_cs_named", 1, 8, "");
	assert_descriptor(f, "test_cs_named", 0, 9, "");
	/* no name of its own; part of something; not to be told apart; none */
	assert_descriptor(f, "test_cs_unnamed", 0, 8, "");
	assert_descriptor(f, "test_cs_inside", 0, 8, "");
	assert_descriptor(f, "test_cs_twice", 0, 8, "");
	assert_descriptor(f, "test_plain", 0, 8, "");
	free(f.bytes);
}

static void broken_descriptors(void **state)
{
	struct file f = read_file("/proc/self/exe");
	uint64_t offset = place(f, "test_cs_named");
	Elf64_Shdr *sh = (Elf64_Shdr *)section_headers(f);
	const char *what;

	(void)state;
	/* with all sections as large as can be, and cut in many places: any answer, at once */
	for (size_t i = 0; i < sections(f); i++)
		if (sh[i].sh_type == SHT_PROGBITS || sh[i].sh_type == SHT_RELA)
			sh[i].sh_size = UINT64_MAX;
	for (size_t cut = f.size; cut > 64; cut -= cut / 3) {
		_cleanup_close_ int fd = memfd_create("descriptors", MFD_CLOEXEC);
		struct descriptor d = { .offset = offset, .length = 8 };

		assert_int_equal(write(fd, f.bytes, cut), cut);
		(void)!descriptors_find(fd, &d, &what);
		assert_true(memchr(d.symbol, '\0', sizeof(d.symbol)) != NULL);
	}
	free(f.bytes);
}

static void finds_functions(void **state)
{
	struct file f = read_file("/proc/self/exe");
	Elf64_Sym plain = find_symbol(f, SHT_SYMTAB, "test_plain");
	struct function function;

	(void)state;
	function = find_one(f, place(f, "test_plain") + 3);
	/* of its names: for others before local, then fewer underscores, then the shorter one */
	assert_string_equal(function.name, "test_alias");
	assert_int_equal(function.start, plain.st_value);
	assert_int_equal(function.size, plain.st_size);
	assert_int_equal(function.vaddr, plain.st_value + 3);
	assert_int_equal(function.high - function.low, plain.st_size);
	free(f.bytes);
}

static void demangles(void **state)
{
	struct file f = read_file("/proc/self/exe");
	char text[16], many[4096] = "_Z1f";

	(void)state;
	assert_found(f, place(f, "_ZN3lab5queue4pushEi"), "lab::queue::push(int)", 0);
	assert_found(f, place(f, "_ZN5queue4push17h0123456789abcdefE"), "queue::push", 0);
	demangle("_RNvC4lab14push", text, sizeof(text));
	assert_string_equal(text, "lab1::push");
	demangle("memcpy@@GLIBC_2.14", text, sizeof(text));
	assert_string_equal(text, "memcpy");
	demangle("", text, sizeof(text));
	assert_string_equal(text, "");
	/* the name where its parameters do not fit */
	demangle("_ZN3lab5queue4pushEiiiii", text, sizeof(text));
	assert_string_equal(text, "lab::queue::pus");
	/* what is no mangled name stays, cut */
	memset(many + 4, '?', sizeof(many) - 5);
	demangle(many, text, sizeof(text));
	assert_string_equal(text, "_Z1f???????????");
	free(f.bytes);
}

static void takes_what_covers(void **state)
{
	struct file f = read_file("/proc/self/exe");
	uint64_t unsized_place = place(f, "test_unsized"), outer = place(f, "test_outer");

	(void)state;
	assert_found(f, unsized_place, "test_unsized", 0);
	assert_found(f, unsized_place + 15, "test_unsized", 15);
	assert_found(f, outer + 7, "test_outer", 7);
	assert_found(f, outer + 8, "test_inner", 0);
	assert_found(f, outer + 15, "test_inner", 7);
	assert_found(f, outer + 16, "test_outer", 16);
	/* what is below it has an end; that something without one lies further below does not matter */
	assert_string_equal(find_one(f, outer + 24).name, "");
	assert_string_equal(find_one(f, outer + 39).name, "");
	free(f.bytes);
}

/* Where abort handlers live: nothing of the neighbouring section, and not the linker's marks. */
static void names_no_neighbour(void **state)
{
	struct file f = read_file("/proc/self/exe");
	struct function function = find_one(f, section_place(f, "test_bare") + 4);

	(void)state;
	assert_string_equal(function.name, "");
	assert_int_equal(function.high - function.low, 16);
	free(f.bytes);
}

extern char __start_test_descriptors[], __stop_test_descriptors[];

static void names_descriptors(void **state)
{
	struct file f = read_file("/proc/self/exe");
	uint64_t at = section_place(f, "test_descriptors");

	(void)state;
	/* refers to the marks, so that they are there */
	assert_int_equal(__stop_test_descriptors - __start_test_descriptors, 96);
	assert_found(f, at, "test_first", 0);
	assert_string_equal(find_one(f, at + 1).name, "");
	assert_string_equal(find_one(f, at + 32).name, "");
	assert_found(f, at + 64, "test_third", 0);
	assert_found(f, at + 95, "test_third", 31);
	free(f.bytes);
}

/* Many at once, in any order, are the same as one by one. */
static void answers_in_any_order(void **state)
{
	struct file f = read_file("/proc/self/exe");
	uint64_t text = section_place(f, ".text"), step = 37;
	struct function *many = calloc(FUNCTIONS_MAX, sizeof(*many));

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i < FUNCTIONS_MAX; i++)
		many[i].offset = text + i * 7919 % FUNCTIONS_MAX * step;
	many[1].offset = many[0].offset;
	assert_int_equal(find_bytes(f, many, FUNCTIONS_MAX), 0);
	for (size_t i = 0; i < FUNCTIONS_MAX; i += 5) {
		struct function one = find_one(f, many[i].offset);

		assert_string_equal(one.name, many[i].name);
		assert_int_equal(one.start, many[i].start);
		/* the whole range has one answer */
		assert_string_equal(find_one(f, many[i].low).name, one.name);
		assert_string_equal(find_one(f, many[i].high - 1).name, one.name);
		assert_true(many[i].low == one.low && many[i].high == one.high);
	}
	assert_true(functions_find(0, many, FUNCTIONS_MAX + 1, &(const char *){ NULL }) < 0);
	free(many);
	free(f.bytes);
}

/* Stripped: .dynsym is there, and has less. */
static void finds_in_stripped(void **state)
{
	struct file f = read_file("/proc/self/exe");
	Elf64_Shdr *sh = (Elf64_Shdr *)section_headers(f);
	uint64_t plain = place(f, "test_plain"), headers = 0;
	Dl_info libc = { 0 };

	(void)state;
	for (size_t i = 0; i < sections(f); i++)
		if (sh[i].sh_type == SHT_SYMTAB)
			sh[i].sh_type = SHT_NULL;
	assert_string_equal(find_one(f, plain).name, "");
	/* without section headers: no name, and the address is still known */
	headers = find_one(f, plain).vaddr;
	((Elf64_Ehdr *)f.bytes)->e_shoff = ((Elf64_Ehdr *)f.bytes)->e_shnum = 0;
	assert_string_equal(find_one(f, plain).name, "");
	assert_int_equal(find_one(f, plain).vaddr, headers);
	free(f.bytes);
	assert_true(dladdr((void *)gnu_get_libc_version, &libc));
	f = read_file(libc.dli_fname);
	assert_found(f, offset_of_vaddr(f, find_symbol(f, SHT_DYNSYM, "__write").st_value) + 2, "write", 2);
	free(f.bytes);
}

static struct file lab(const char *name)
{
	char path[4096], exe[2048] = "";
	const char *dir = getenv("LAB");
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(n > 0);
	*strstr(exe, "/tests/unit/") = '\0';
	snprintf(path, sizeof(path), dir ? "%s/%s" : "%s/lab/%s", dir ? dir : exe, name);
	if (access(path, R_OK) < 0)
		skip();
	return read_file(path);
}

static void finds_in_others(void **state)
{
	static const char *const names[] = { "threads", "threads-static", "threads-static-pie", "weakref-nopie" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct file f = lab(names[i]);

		assert_found(f, place(f, "main") + 1, "main", 1);
		assert_found(f, place(f, "_start"), "_start", 0);
		free(f.bytes);
	}
}

/* Cut at any length; wild headers; wild symbols. An answer or an error, never a crash, and ranges that hold. */
static void try_wild(struct file f)
{
	struct function functions[3] = { { .offset = 0x1100 }, { .offset = 0 }, { .offset = UINT64_MAX } };

	if (find_bytes(f, functions, 3) == 0)
		for (size_t i = 0; i < 3; i++)
			assert_true(strnlen(functions[i].name, FUNCTION_NAME_MAX) < FUNCTION_NAME_MAX);
}

static void survives_truncation(void **state)
{
	struct file f = read_file("/proc/self/exe"), cut = f;

	(void)state;
	for (cut.size = 0; cut.size < f.size; cut.size += cut.size < 1024 ? 1 : f.size / 300 + 1)
		try_wild(cut);
	assert_int_equal(find_bytes((struct file){ f.bytes, 3 }, &(struct function){ 0 }, 1), -ENOEXEC);
	free(f.bytes);
}

static void spoil(struct file f, size_t from, size_t to)
{
	static const unsigned char values[] = { 0x00, 0x7f, 0xff };

	for (size_t at = from; at < to && at < f.size; at++)
		for (size_t v = 0; v < sizeof(values); v++) {
			char before = f.bytes[at];

			f.bytes[at] = (char)values[v];
			try_wild(f);
			f.bytes[at] = before;
		}
}

static void survives_wild_values(void **state)
{
	struct file f = lab("weakref-nopie");
	const Elf64_Ehdr *eh = (const void *)f.bytes;
	const Elf64_Shdr *sh = section_headers(f);

	(void)state;
	spoil(f, 16, sizeof(*eh) + eh->e_phnum * sizeof(Elf64_Phdr));
	for (size_t i = 0; i < eh->e_shnum; i++) {
		spoil(f, eh->e_shoff + i * sizeof(*sh), eh->e_shoff + (i + 1) * sizeof(*sh));
		if (sh[i].sh_type == SHT_SYMTAB)
			spoil(f, sh[i].sh_offset, sh[i].sh_offset + 100 * sizeof(Elf64_Sym));
	}
	free(f.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_functions),    cmocka_unit_test(demangles),
		cmocka_unit_test(takes_what_covers),  cmocka_unit_test(names_no_neighbour),
		cmocka_unit_test(names_descriptors),
		cmocka_unit_test(finds_descriptors),  cmocka_unit_test(broken_descriptors),
		  cmocka_unit_test(answers_in_any_order),
		cmocka_unit_test(finds_in_stripped),  cmocka_unit_test(finds_in_others),
		cmocka_unit_test(survives_truncation), cmocka_unit_test(survives_wild_values),
	};

	return cmocka_run_group_tests_name("functions", tests, NULL, NULL);
}
