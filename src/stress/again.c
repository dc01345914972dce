/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stress/again.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "util/array.h"
#include "util/io.h"

enum { COMMAND_LINE_MAX = 1 << 20 };

/* The words of the command line, which stay in line; NULL at the end. 0 or -errno. */
static int read_words(struct strbuf *line, char ***ret)
{
	_cleanup_close_ int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char **words = NULL, **slot;
	size_t n = 0;
	int r = fd < 0 ? -errno : io_read_file(fd, COMMAND_LINE_MAX, line);

	if (r < 0)
		return r;
	for (char *p = line->data; line->len && p < line->data + line->len; p += strlen(p) + 1) {
		slot = ARRAY_ADD(words, n);
		if (!slot)
			break;
		*slot = p;
	}
	slot = ARRAY_ADD(words, n);
	if (!slot || n == 1) {
		free(words);
		return slot ? -ENODATA : -ENOMEM;
	}
	*ret = words;
	return 0;
}

/* By its name, for that is what ps(1) then shows; the link works for a deleted file, too. */
static int start(char **words)
{
	char path[PATH_MAX] = "";

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0)
		execv(path, words);
	execv("/proc/self/exe", words);
	return -errno;
}

int again_without_libc(const char *who, const char **ret_why)
{
	static const char off[] = "glibc.pthread.rseq=0";
	const char *old = getenv("GLIBC_TUNABLES");
	_cleanup_strbuf_ struct strbuf tunables = { 0 }, line = { 0 };
	char **words = NULL;
	int r;

	*ret_why = "this libc registers in spite of GLIBC_TUNABLES";
	if (old && strstr(old, off))
		return -EALREADY;
	/* There the word is thrown away, and starting again would never end. */
	*ret_why = "this program has privileges of its own file, and libc then ignores GLIBC_TUNABLES";
	if (getauxval(AT_SECURE))
		return -EPERM;
	*ret_why = "cannot read the own command line";
	r = read_words(&line, &words);
	if (r < 0)
		return r;
	strbuf_printf(&tunables, "%s%s%s", old ? old : "", old && *old ? ":" : "", off);
	fprintf(stderr, "%s: starting again with GLIBC_TUNABLES=%s\n", who, strbuf_str(&tunables));
	setenv("GLIBC_TUNABLES", strbuf_str(&tunables), 1);
	*ret_why = "cannot start again";
	r = start(words);
	free(words);
	return r;
}
