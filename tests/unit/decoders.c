/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoders of text and bytes that come from a target: what they take, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proc/maps.h"
#include "proc/status.h"
#include "proc/unmapped.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/text.h"

#define SPAN(s) ((struct span){ (s), sizeof(s) - 1 })

static const char mounts_text[] =
	"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
	"23 22 0:21 / /proc rw - proc proc rw\n"
	"31 22 8:1 / /home rw - ext4 /dev/sda1 rw\n"
	"32 22 8:1 /lib\\040x /mnt/a\\011b rw - ext4 /dev/sda1 rw\n"
	"33 22 8:1 /lib\\040x/y.so /one rw - ext4 /dev/sda1 rw\n"
	"34 22 8:1\n"
	"35 22 8 / /x\n"
	"x 22 8:1 / /x rw\n"
	"36 22 8:1 // /bad rw\n"
	"37 22 8:1 / relative rw\n";

/* Where a file of a file system shows: below each of its mounts that has it. */
static void mounts(void **state)
{
	struct span text = SPAN(mounts_text);
	struct mount_place m;
	char long_path[4100];

	(void)state;
	assert_true(mounts_next(&text, 8ull << 32 | 1, "/lib x/y.so", &m));
	assert_int_equal(m.id, 31);
	assert_string_equal(m.path, "/home/lib x/y.so");
	assert_true(mounts_next(&text, 8ull << 32 | 1, "/lib x/y.so", &m));
	assert_string_equal(m.path, "/mnt/a\tb/y.so");
	assert_true(mounts_next(&text, 8ull << 32 | 1, "/lib x/y.so", &m));
	assert_int_equal(m.id, 33);
	assert_string_equal(m.path, "/one");
	assert_false(mounts_next(&text, 8ull << 32 | 1, "/lib x/y.so", &m));
	text = SPAN(mounts_text);
	assert_true(mounts_next(&text, 254ull << 32, "/a", &m));
	assert_string_equal(m.path, "/a");
	assert_false(mounts_next(&text, 254ull << 32, "/a", &m));
	/* a name that only begins so */
	text = SPAN(mounts_text);
	assert_true(mounts_next(&text, 8ull << 32 | 1, "/lib xx", &m));
	assert_false(mounts_next(&text, 8ull << 32 | 1, "/lib xx", &m));
	/* what does not fit is no path */
	memset(long_path, 'a', sizeof(long_path));
	long_path[0] = '/';
	long_path[4095] = '\0';
	text = SPAN(mounts_text);
	assert_true(mounts_next(&text, 254ull << 32, long_path, &m));
	text = SPAN(mounts_text);
	assert_false(mounts_next(&text, 8ull << 32 | 1, long_path, &m));
}

static void numbers(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(parse_str_u64("18446744073709551615", 10, &v));
	assert_int_equal(v, UINT64_MAX);
	assert_true(parse_str_u64("fF", 16, &v));
	assert_int_equal(v, 255);
	v = 7;
	assert_false(parse_str_u64("18446744073709551616", 10, &v));
	assert_false(parse_str_u64("", 10, &v));
	assert_false(parse_str_u64("-1", 10, &v));
	assert_false(parse_str_u64(" 1", 10, &v));
	assert_false(parse_str_u64("1x", 10, &v));
	assert_false(parse_str_u64("0x10", 16, &v));
	assert_int_equal(v, 7);
}

static void seconds(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "1", 1000000000 },     { "0", 0 },	      { "0.5", 500000000 },
		     { ".25", 250000000 },    { "1.000000001", 1000000001 },
		     { "007.10", 7100000000 }, { "1000000000", 1000000000000000000 } };
	static const char *const bad[] = { "", ".", "1.", "-1", "+1", "1s", "1.5s", "1e3", "1..5", "1.-5", "1,5",
					   " 1", "1 ", "0x1", "1.0000000001", "1000000001", "99999999999999999999" };
	uint64_t ns = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(parse_str_seconds(good[i].text, &ns));
		assert_true(ns == good[i].ns);
	}
	ns = 7;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_str_seconds(bad[i], &ns));
	assert_int_equal(ns, 7);
}

static void assert_escaped(const char *in, size_t len, const char *terminal, const char *utf8)
{
	struct strbuf out = { 0 };

	text_escape(&out, in, len);
	assert_string_equal(strbuf_str(&out), terminal);
	strbuf_clear(&out);
	text_utf8(&out, in, len);
	assert_string_equal(strbuf_str(&out), utf8);
	strbuf_done(&out);
}

static void escapes(void **state)
{
	(void)state;
	assert_escaped("a\033[31mb", 7, "a\\x1b[31mb", "a\033[31mb");
	assert_escaped("gr\xc3\xbcn", 5, "gr\xc3\xbcn", "gr\xc3\xbcn");
	/* no UTF-8: a lone continuation, a cut character, overlong, a surrogate, beyond Unicode */
	assert_escaped("\x80", 1, "\\x80", "\\x80");
	assert_escaped("\xe2\x82", 2, "\\xe2\\x82", "\\xe2\\x82");
	assert_escaped("\xc0\xaf", 2, "\\xc0\\xaf", "\\xc0\\xaf");
	assert_escaped("\xed\xa0\x80", 3, "\\xed\\xa0\\x80", "\\xed\\xa0\\x80");
	assert_escaped("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80", "\\xf5\\x80\\x80\\x80");
	/* valid, but it clears the screen (C1 CSI) or turns the line round (RLO) */
	assert_escaped("\xc2\x9b", 2, "\\xc2\\x9b", "\xc2\x9b");
	assert_escaped("\xe2\x80\xae", 3, "\\xe2\\x80\\xae", "\xe2\x80\xae");
	/* no character at all, which XML has no place for */
	assert_escaped("\xef\xbf\xbe", 3, "\\xef\\xbf\\xbe", "\xef\xbf\xbe");
	assert_int_equal(text_width("gr\xc3\xbcn"), 4);
}

static const char maps_text[] =
	"55a0-55b0 r--p 00001000 fe:01 42                         /usr/bin/a b\n"
	"55b0-55c0 rw-p 00002000 fe:01 42                         /usr/bin/a b\n"
	"not a mapping\n"
	"6000-5000 rw-p 00000000 00:00 0\n"
	"7000-8000 rw-p 00000000 00:00 0                          [heap]\n"
	"9000-a000 rw-s 00000000 00:05 7                          /x\\012y (deleted)\n"
	"b000-c000 rw-p 00000000 00:00 0 \n"
	"d000-e000 rw-p 00000000";

static void maps(void **state)
{
	struct arena arena = { 0 };
	struct maps m;

	(void)state;
	assert_int_equal(maps_parse(SPAN(maps_text), &arena, &m), 0);
	assert_int_equal(m.n, 5);
	assert_string_equal(m.items[0].path, "/usr/bin/a b");
	assert_true(m.items[0].readable && !m.items[0].writable);
	assert_int_equal(m.items[0].offset, 0x1000);
	assert_int_equal(m.items[0].inode, 42);
	assert_int_equal(m.items[0].dev_major, 0xfe);
	assert_string_equal(m.items[3].path, "/x\ny");
	assert_true(m.items[3].deleted);
	assert_string_equal(m.items[4].path, "");
	assert_ptr_equal(maps_find(&m, 0x55b0), &m.items[1]);
	assert_ptr_equal(maps_find(&m, 0x55bf), &m.items[1]);
	assert_null(maps_find(&m, 0x55c0));
	assert_null(maps_find(&m, 0));
	assert_null(maps_find(&m, UINT64_MAX));
	maps_done(&m);
	arena_done(&arena);
}

static void stat_with_hostile_name(void **state)
{
	static const char text[] = "12 (a) R (b) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 3 0 98765 0\n";
	struct proc_stat s;

	(void)state;
	assert_true(status_parse_stat(SPAN(text), &s));
	assert_int_equal(s.comm_len, 7);
	assert_memory_equal(s.comm, "a) R (b", 7);
	assert_int_equal(s.state, 'S');
	assert_int_equal(s.flags, 4194560);
	assert_int_equal(s.start_ticks, 98765);
	/* cut anywhere before the start time */
	for (size_t len = 0; len <= strlen(text) - strlen("98765 0\n"); len++)
		assert_false(status_parse_stat((struct span){ text, len }, &s));
}

static void status_lines(void **state)
{
	static const char text[] = "Name:\tSeccomp:\t9\nSeccomp:\t2\nSeccomp_filters:\t3\n";
	uint64_t v;

	(void)state;
	assert_true(status_find_u64(SPAN(text), "Seccomp", &v));
	assert_int_equal(v, 2);
	assert_false(status_find_u64(SPAN(text), "Filters", &v));
	assert_false(status_find_u64(SPAN(text), "Name", &v));
}

static void inner_ids(void **state)
{
	(void)state;
	assert_int_equal(status_inner_id(SPAN("Name:\tx\nNSpid:\t4711\t12\t1\nNSpgid:\t9\n")), 1);
	assert_int_equal(status_inner_id(SPAN("NSpid:\t4711\n")), 4711);
	assert_int_equal(status_inner_id(SPAN("Name:\tx\n")), 0);
	assert_int_equal(status_inner_id(SPAN("NSpid:\t47x11\n")), 0);
	assert_int_equal(status_inner_id(SPAN("NSpid:\t99999999999\n")), 0);
}

static void auxiliary_vector(void **state)
{
	const uint64_t wide[] = { 27, 28, 28, 32, 0, 0, 3, 4 };
	const uint32_t narrow[] = { 27, 28, 0, 0 };
	struct span span = { (const char *)wide, sizeof(wide) };
	uint64_t v;

	(void)state;
	assert_true(status_find_auxv(span, 8, 28, &v));
	assert_int_equal(v, 32);
	assert_false(status_find_auxv(span, 8, 3, &v)); /* after the end */
	span.len = 31;					/* cut in its second entry */
	assert_false(status_find_auxv(span, 8, 28, &v));
	span = (struct span){ (const char *)narrow, sizeof(narrow) };
	assert_true(status_find_auxv(span, 4, 27, &v));
	assert_int_equal(v, 28);
}

static void environment(void **state)
{
	static const char text[] = "GLIBC_TUNABLES_X=1\0GLIBC_TUNABLES=first\0GLIBC_TUNABLES=second";
	struct span v;

	(void)state;
	assert_true(status_find_env(SPAN(text), "GLIBC_TUNABLES", &v));
	assert_true(parse_equals(v, "first"));
	assert_false(status_find_env(SPAN(text), "GLIBC", &v));
	assert_false(status_find_env((struct span){ NULL, 0 }, "X", &v));
}

static void environment_is_intact(void **state)
{
	static const char whole[] = "A=1\0B=\0C=x=y", title[] = "mysqld: idle   ", part[] = "A=1\0le: idle\0B=2",
			  zeroed[] = "\0\0\0";

	(void)state;
	assert_true(status_env_is_intact((struct span){ whole, sizeof(whole) }));
	assert_true(status_env_is_intact((struct span){ NULL, 0 }));
	assert_false(status_env_is_intact((struct span){ whole, sizeof(whole) - 1 }));
	assert_false(status_env_is_intact((struct span){ title, sizeof(title) }));
	assert_false(status_env_is_intact((struct span){ part, sizeof(part) }));
	assert_false(status_env_is_intact((struct span){ zeroed, sizeof(zeroed) - 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),	    cmocka_unit_test(seconds),	    cmocka_unit_test(escapes),
		cmocka_unit_test(maps),		    cmocka_unit_test(mounts),
		cmocka_unit_test(stat_with_hostile_name),
		cmocka_unit_test(status_lines),	    cmocka_unit_test(auxiliary_vector),
		cmocka_unit_test(inner_ids),	    cmocka_unit_test(environment),	    cmocka_unit_test(environment_is_intact),
	};

	return cmocka_run_group_tests_name("decoders", tests, NULL, NULL);
}
