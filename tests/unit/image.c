/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ELF reader on the test's own file, and on that file broken in every way that is cheap to make. */
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
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/image.h"
#include "model/abi.h"
#include "model/known.h"
#include "util/cleanup.h"

/* What the scan of this program must find; the compiler may not drop it. */
__attribute__((used, aligned(32))) _Thread_local unsigned char __rseq_abi[32];
__attribute__((used)) int __rseq_handled = 1;

static char *read_file(const char *path, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY);
	struct stat st;
	char *bytes;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	bytes = malloc((size_t)st.st_size);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

static int scan_bytes(const char *bytes, size_t size, struct image *ret)
{
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	const char *what;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return image_scan(fd, ret, &what);
}

static void finds_symbols(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY);
	const struct image_symbol *area, *handled;
	struct image image;
	const char *what;

	(void)state;
	assert_int_equal(image_scan(fd, &image, &what), 0);
	area = image_find(&image, "__rseq_abi");
	handled = image_find(&image, "__rseq_handled");
	assert_non_null(area);
	assert_non_null(handled);
	assert_int_equal(area->type, STT_TLS);
	assert_int_equal(area->size, 32);
	assert_false(area->exported);
	assert_int_equal(handled->type, STT_OBJECT);
	assert_null(image_find(&image, "__rseq_refcount"));
	assert_true(image.tls && image.tls_memsz >= 32 && image.tls_align >= 32);
	assert_true(image.n_segments > 0 && image.dynamic);
}

static void reads_libc(void **state)
{
	_cleanup_close_ int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY);
	struct image image;
	const char *what;

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(image_scan(fd, &image, &what), 0);
	assert_string_equal(image.soname, "libc.so.6");
	assert_non_null(image_find(&image, "gnu_get_libc_version"));
	assert_non_null(strstr(image.banner, "release version"));
	assert_true(image.build_id_len == 20);
	assert_int_equal(image.libc, IMAGE_GLIBC);
}

/* libc.so.6 refers to a variable of ld.so: the word where it is told which. */
static void finds_slots(void **state)
{
	_cleanup_close_ int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY);
	bool found = false;
	struct image image;
	const char *what;

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(image_scan(fd, &image, &what), 0);
	for (uint32_t i = 0; i < image.n_symbols; i++) {
		const struct image_symbol *s = &image.symbols[i];

		if (s->defined)
			continue;
		assert_int_equal(s->slot_kind, SLOT_ADDRESS);
		assert_true(s->slot > 0);
		found = true;
	}
	if (!found)
		skip(); /* up to 2.34 it refers to none of those that are known */
}

static void no_libc(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY);
	struct image image;
	const char *what;

	(void)state;
	assert_int_equal(image_scan(fd, &image, &what), 0);
	assert_int_equal(image.libc, IMAGE_NO_LIBC);
	assert_true(image.interpreter);
}

/* As aarch64's linker lays it out: what is only read lies in one segment with the code. */
static void reads_libc_without_separate_code(void **state)
{
	Dl_info libc = { 0 };
	struct image image;
	size_t size;
	char *bytes;
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;

	(void)state;
	assert_true(dladdr((void *)gnu_get_libc_version, &libc));
	bytes = read_file(libc.dli_fname, &size);
	eh = (void *)bytes;
	ph = (void *)(bytes + eh->e_phoff);
	for (size_t i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && !(ph[i].p_flags & PF_W))
			ph[i].p_flags |= PF_X;
	assert_int_equal(scan_bytes(bytes, size, &image), 0);
	assert_non_null(strstr(image.banner, "release version"));
	free(bytes);
}

static void refuses_others(void **state)
{
	struct image image;

	(void)state;
	assert_int_equal(scan_bytes("", 0, &image), -ENOEXEC);
	assert_int_equal(scan_bytes("#!/bin/sh\n", 10, &image), -ENOEXEC);
	assert_int_equal(scan_bytes("!<arch>\n", 8, &image), -ENOEXEC);
}

/* Cut at any length: an answer or an error, never a crash. */
static void survives_truncation(void **state)
{
	size_t size, step;
	char *bytes = read_file("/proc/self/exe", &size);
	struct image image;

	(void)state;
	step = size / 300 + 1;
	for (size_t len = 0; len < size; len += len < 1024 ? 1 : step)
		scan_bytes(bytes, len, &image);
	free(bytes);
}

static void spoil(char *bytes, size_t size, size_t from, size_t to, unsigned char value, struct image *image)
{
	for (size_t at = from; at < to && at < size; at++) {
		char before = bytes[at];

		bytes[at] = (char)value;
		scan_bytes(bytes, size, image);
		bytes[at] = before;
	}
}

/* Symbols, hashes, versions and relocations lie at the beginning of a file; the dynamic section does not. */
static void survives_wild_tables(void **state)
{
	struct image *image = malloc(sizeof(*image));
	const Elf64_Ehdr *eh;
	const Elf64_Phdr *ph;
	size_t size;
	char *bytes = read_file("/proc/self/exe", &size);

	(void)state;
	assert_non_null(image);
	eh = (const void *)bytes;
	ph = (const void *)(bytes + eh->e_phoff);
	size = size < 131072 ? size : 131072;
	spoil(bytes, size, 1024, 8192, 0xff, image);
	for (size_t i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC || ph[i].p_type == PT_NOTE)
			spoil(bytes, size, ph[i].p_offset, ph[i].p_offset + ph[i].p_filesz, 0xff, image);
	free(image);
	free(bytes);
}

/* Every byte of the headers set to extremes in turn. */
static void survives_wild_values(void **state)
{
	static const unsigned char values[] = { 0x00, 0x7f, 0xff };
	size_t size;
	char *bytes = read_file("/proc/self/exe", &size);
	struct image *image = malloc(sizeof(*image));

	(void)state;
	assert_non_null(image);
	for (size_t at = 16; at < 1024 && at < size; at++)
		for (size_t v = 0; v < sizeof(values); v++) {
			char before = bytes[at];

			bytes[at] = (char)values[v];
			scan_bytes(bytes, size < 65536 ? size : 65536, image);
			bytes[at] = before;
		}
	free(image);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_symbols),       cmocka_unit_test(reads_libc),
		cmocka_unit_test(refuses_others),      cmocka_unit_test(survives_truncation),
		cmocka_unit_test(survives_wild_values), cmocka_unit_test(survives_wild_tables), cmocka_unit_test(finds_slots),
		cmocka_unit_test(no_libc),
		cmocka_unit_test(reads_libc_without_separate_code),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
