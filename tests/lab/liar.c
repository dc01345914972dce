/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes what the dynamic linker and libc keep in its memory for debuggers: lists that bend back,
 * lead nowhere, never end, are said to be in change for ever or cannot be found (the program's
 * DT_DEBUG zeroed or removed). The kernel's record and libc's area stay as they were.
 */
#include "testify.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void bend_threads(void)
{
	const uint32_t *user = dlsym(RTLD_DEFAULT, "_thread_db_rtld_global__dl_stack_user");
	const uint32_t *list = dlsym(RTLD_DEFAULT, "_thread_db_pthread_list");
	const uint32_t *tid = dlsym(RTLD_DEFAULT, "_thread_db_pthread_tid");
	char *global = dlsym(RTLD_DEFAULT, "_rtld_global");
	static char fake[8192];
	void **head, **node;

	if (!user || !list || !tid || !global)
		lab_skip("this libc keeps no list of threads that is known");
	head = (void **)(global + user[2]);
	node = (void **)(fake + list[2]);
	*node = node; /* of thread 0, again and again */
	memset(fake + tid[2], 0, 4);
	*head = node;
}

/* No tag of anybody's, in the range that systems may use for their own. */
#define TAG_OF_NOBODY 0x6ffff001

static ElfW(Dyn) *debug_entry(void)
{
	for (ElfW(Dyn) *entry = _DYNAMIC; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_DEBUG)
			return entry;
	lab_fail(LAB_EXIT_FAILED, "there is no DT_DEBUG");
}

/* It is read-only by now, as nearly all programs are linked. */
static ElfW(Dyn) *writable_debug_entry(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start;
	ElfW(Dyn) *entry = debug_entry();

	start = (uintptr_t)entry & ~(page - 1);
	if (mprotect((void *)start, (uintptr_t)(entry + 1) - start, PROT_READ | PROT_WRITE))
		lab_fail(LAB_EXIT_FAILED, "cannot write to the dynamic section");
	return entry;
}

int main(int argc, char **argv)
{
	struct link_map *first = _r_debug.r_map, *last = first;
	struct lab_thread *threads = lab_crew_start(3, &lab_role_libc);

	while (last->l_next)
		last = last->l_next;
	if (argc != 2)
		lab_fail(LAB_EXIT_USAGE, "usage: liar cycle|self|wild|threads|adding|zeroed|removed");
	if (!strcmp(argv[1], "cycle"))
		last->l_next = first;
	else if (!strcmp(argv[1], "self"))
		first->l_next = first;
	else if (!strcmp(argv[1], "wild"))
		first->l_next = (void *)0x1234;
	else if (!strcmp(argv[1], "threads"))
		bend_threads();
	else if (!strcmp(argv[1], "adding"))
		/* Not _r_debug by its name: that is this program's own copy. */
		((struct r_debug *)debug_entry()->d_un.d_ptr)->r_state = RT_ADD;
	else if (!strcmp(argv[1], "zeroed"))
		writable_debug_entry()->d_un.d_ptr = 0;
	else if (!strcmp(argv[1], "removed"))
		writable_debug_entry()->d_tag = TAG_OF_NOBODY;
	else
		lab_fail(LAB_EXIT_USAGE, "no such lie");
	lab_testimony();
	json_text("lie", argv[1]);
	lab_testify_threads(threads, 3, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	_exit(0);
}
