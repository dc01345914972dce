/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pointer to a critical section that outlived its section. Threads leave it behind in rseq_cs, the
 * kernel clears it only at the next preemption or signal, and whoever unloads the code in between
 * has the process killed then. Here main writes the pointer into the area of a thread that sleeps
 * and never returns, so that it stays for as long as one likes to look. One look by ptrace is the
 * last: the stop makes the kernel read what the pointer leads to.
 *
 * usage: descriptor CASE
 */
#include "section.h"
#include "testify.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *library;
static const struct section *valid;
static void (*section_sleep)(void);

static void open_library(void)
{
	char *path = lab_sibling("libsection.so");
	const void *(*descriptor)(void);

	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	descriptor = (const void *(*)(void))dlsym(library, "section_descriptor");
	section_sleep = (void (*)(void))dlsym(library, "section_sleep");
	if (!descriptor || !section_sleep)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	valid = descriptor();
	free(path);
}

static const struct section *outside(void)
{
	return valid;
}

/* Up to a page's end, where the mapping ends as well. */
static struct section *new_page(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
	return page;
}

/* As a just-in-time compiler makes them. */
static const struct section *copy(void)
{
	struct section *page = new_page();

	*page = *valid;
	return page;
}

static const struct section *version(void)
{
	struct section *page = (struct section *)copy();

	page->version = 1;
	return page;
}

static const struct section *abort_inside(void)
{
	struct section *page = (struct section *)copy();

	page->abort = page->start + 1;
	return page;
}

/* In memory that can be read and not executed: the page itself. */
static const struct section *not_code(void)
{
	struct section *page = (struct section *)copy();

	page->start = (uintptr_t)page + 64;
	return page;
}

static const struct section *zeroes(void)
{
	return new_page();
}

static const struct section *unmapped(void)
{
	struct section *page = (struct section *)copy();

	munmap(page, (size_t)sysconf(_SC_PAGESIZE));
	return page;
}

/* The story of the books: code that ran, and was unloaded. */
static const struct section *unloaded(void)
{
	uintptr_t page = (uintptr_t)valid & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);

	if (dlclose(library))
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	if (!msync((void *)page, 1, MS_ASYNC) || errno != ENOMEM)
		lab_fail(LAB_EXIT_FAILED, "the library did not go away");
	return valid;
}

static const struct section *freed_code(void)
{
	const struct section *page = copy();

	unloaded();
	return page;
}

static const struct story {
	const char *name;
	const struct section *(*make)(void);
	bool is_inside;
} stories[] = {
	{ "unloaded", unloaded, false },
	{ "unmapped", unmapped, false },
	{ "zeroes", zeroes, false },
	{ "version", version, false },
	{ "abort-inside", abort_inside, false },
	{ "not-code", not_code, false },
	{ "freed-code", freed_code, false },
	{ "copy", copy, false },
	{ "outside", outside, false },
	{ "inside", outside, true },
};

static const struct story *story;

static const struct story *find_story(const char *name)
{
	for (size_t i = 0; name && i < sizeof(stories) / sizeof(*stories); i++) {
		if (!strcmp(stories[i].name, name))
			return &stories[i];
	}
	lab_fail(LAB_EXIT_USAGE, "usage: descriptor unloaded|unmapped|zeroes|version|abort-inside|not-code|"
				 "freed-code|copy|outside|inside");
}

static void rest(struct lab_thread *self)
{
	if (story->is_inside)
		section_sleep();
	lab_rest(self);
}

static struct lab_thread *threads;

static volatile struct lab_rseq *victim_area(void)
{
	return (volatile struct lab_rseq *)threads[1].area;
}

static void report(void)
{
	json_address("rseq_cs", victim_area()->rseq_cs);
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = lab_prepare_libc, .rest = rest };

	story = find_story(argc > 1 ? argv[1] : NULL);
	lab_require_libc_owner();
#if !defined(__x86_64__) && !defined(__aarch64__)
	if (story->is_inside)
		lab_skip("no section to sleep in on this architecture");
#endif
	open_library();
	threads = lab_crew_start(2, &role);
	victim_area()->rseq_cs = (uintptr_t)story->make();
	lab_testimony();
	json_text("case", story->name);
	json_number("victim", threads[1].tid);
	json_address("rseq_cs", victim_area()->rseq_cs);
	json_bool("inside", story->is_inside);
	lab_testify_threads(threads, 2, NULL);
	lab_testimony_end();
	lab_obey(report);
	return 0;
}
