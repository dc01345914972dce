/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Areas whose memory was taken away, or changed its nature, after the registration. The kernel finds
 * out when the thread next returns to user space with something to write down, and kills the
 * process; a thread that sleeps lives on. Every thread has a mapping of its own, and the last one
 * is the victim; main's stays good, as main has to talk.
 *
 * usage: lost-area CASE
 */
#include "testify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 3

static size_t page_size;
/* As /proc/self/maps has it, without its folder; NULL for memory without a file. */
static __thread char *file_name;

static void *map_or_fail(int flags, int fd)
{
	void *page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (page == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
	return page;
}

static void *map_private(void)
{
	return map_or_fail(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void *map_shared(void)
{
	file_name = (char *)"zero";
	return map_or_fail(MAP_SHARED | MAP_ANONYMOUS, -1);
}

static void *map_file(int fd)
{
	void *page;

	if (fd < 0 || ftruncate(fd, (off_t)page_size))
		lab_fail(LAB_EXIT_FAILED, "no file to map: %s", strerror(errno));
	page = map_or_fail(MAP_SHARED, fd);
	close(fd);
	return page;
}

static void *map_memfd(void)
{
	file_name = (char *)"memfd:areas";
	return map_file(memfd_create("areas", MFD_CLOEXEC));
}

static int new_file(bool is_unlinked)
{
	const char *folder = getenv("TMPDIR");
	char *path;
	int fd;

	if (asprintf(&path, "%s/areas.XXXXXX", folder ? folder : "/tmp") < 0)
		lab_fail(LAB_EXIT_FAILED, "out of memory");
	fd = mkostemp(path, O_CLOEXEC);
	/* The test's folder is removed as a whole. */
	if (fd >= 0 && is_unlinked)
		unlink(path);
	file_name = strrchr(path, '/') + 1;
	return fd;
}

static void *map_deleted(void)
{
	return map_file(new_file(true));
}

static void *map_kept(void)
{
	return map_file(new_file(false));
}

static void unmap(void *page)
{
	if (munmap(page, page_size))
		lab_fail(LAB_EXIT_FAILED, "cannot unmap: %s", strerror(errno));
}

static void protect(void *page)
{
	if (mprotect(page, page_size, PROT_READ))
		lab_fail(LAB_EXIT_FAILED, "cannot protect: %s", strerror(errno));
}

static void protect_from_all(void *page)
{
	if (mprotect(page, page_size, PROT_NONE))
		lab_fail(LAB_EXIT_FAILED, "cannot protect: %s", strerror(errno));
}

/* The area's page is there, and what used to be in it is not: the kernel would not mind. */
static void map_anew(void *page)
{
	if (mmap(page, page_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map anew: %s", strerror(errno));
}

static const struct story {
	const char *name;
	void *(*map)(void);
	void (*spoil)(void *page);
} stories[] = {
	{ "unmapped", map_private, unmap },
	{ "read-only", map_private, protect },
	{ "no-access", map_private, protect_from_all },
	{ "deleted-file", map_deleted, NULL },
	{ "file", map_kept, NULL },
	{ "memfd", map_memfd, NULL },
	{ "shared", map_shared, NULL },
	{ "replaced", map_private, map_anew },
	{ "private", map_private, NULL },
};

static const struct story *story;

static const struct story *find_story(const char *name)
{
	for (size_t i = 0; name && i < sizeof(stories) / sizeof(*stories); i++) {
		if (!strcmp(stories[i].name, name))
			return &stories[i];
	}
	lab_fail(LAB_EXIT_USAGE, "usage: lost-area unmapped|read-only|no-access|deleted-file|file|memfd|"
				 "shared|replaced|private");
}

static void own_page(struct lab_thread *self)
{
	void *page = story->map();

	lab_own_area(self, page, file_name ? "file" : "anonymous", file_name);
}

static void spoil(struct lab_thread *victim)
{
	story->spoil((void *)victim->area);
	if (story->spoil == unmap)
		victim->place = "unmapped";
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = own_page };
	struct lab_thread *threads, *victim;

	story = find_story(argc > 1 ? argv[1] : NULL);
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	lab_require_no_libc_owner();
	threads = lab_crew_start(THREADS, &role);
	victim = &threads[THREADS - 1];
	if (story->spoil)
		spoil(victim);
	lab_testimony();
	json_text("case", story->name);
	json_number("victim", victim->tid);
	lab_testify_threads(threads, THREADS, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
