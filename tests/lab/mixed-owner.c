/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two owners in one process, one per thread: main and thread A register the executable's area,
 * thread B registers the area of a library. Legal for the kernel, and what happens when two copies
 * of an rseq library each register "their" threads while libc stays away.
 */
#include "testify.h"

#include <dlfcn.h>
#include <stdlib.h>

static __thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;
static struct lab_rseq *(*other_area)(void);

static void own_exe(struct lab_thread *self)
{
	lab_own_area(self, &__rseq_abi, "tls-symbol", lab_program());
}

static void own_other(struct lab_thread *self)
{
	lab_own_area(self, other_area(), "tls-symbol", "libother.so");
}

static void open_other(void)
{
	char *path = lab_sibling("libother.so");
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	other_area = (struct lab_rseq * (*)(void)) dlsym(library, "other_area");
	if (!other_area)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	free(path);
}

int main(void)
{
	static const struct lab_role exe_role = { .prepare = own_exe };
	static const struct lab_role other_role = { .prepare = own_other };
	static struct lab_thread threads[] = { { .index = 0 }, { .index = 1 }, { .index = 2 } };

	lab_require_no_libc_owner();
	open_other();
	lab_thread_adopt(&threads[0], &exe_role);
	lab_thread_start(&threads[1], &exe_role);
	lab_thread_start(&threads[2], &other_role);
	lab_thread_settle(&threads[1]);
	lab_thread_settle(&threads[2]);
	lab_testimony();
	lab_testify_threads(threads, 3, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
