/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin loaded into a link namespace of its own, as hosts do that must not mix symbols. Every
 * thread registers the plugin's area; where libc owns rseq the plugin loses in silence. With --twice
 * the same file is in the program's namespace as well, where every thread has a second area of the
 * same name that nobody registers.
 *
 * usage: dlmopen [THREADS] [--twice]
 */
#include "testify.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libinner.so"
#define MAX_THREADS 64

typedef struct lab_rseq *(*area_function)(void);

static area_function claim, outer_area;
static struct lab_rseq *outer_areas[MAX_THREADS];

static area_function open_inner(Lmid_t namespace, const char *name)
{
	char *path = lab_sibling(LIBRARY);
	void *library = dlmopen(namespace, path, RTLD_NOW | RTLD_LOCAL);
	area_function found;

	if (!library)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	found = (area_function)dlsym(library, name);
	if (!found)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	free(path);
	return found;
}

static void prepare(struct lab_thread *self)
{
	if (outer_area)
		outer_areas[self->index] = outer_area();
	lab_library_area(self, claim(), LIBRARY);
}

static void testify_areas(const struct lab_thread *thread)
{
	lab_testify_library_area(thread);
	json_address("outer_area", (uintptr_t)outer_areas[thread->index]);
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = prepare };
	struct lab_thread *threads;
	unsigned int count = 3;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--twice"))
			outer_area = open_inner(LM_ID_BASE, "inner_area");
		else
			count = lab_count_argument(argv[i], MAX_THREADS);
	}
	claim = open_inner(LM_ID_NEWLM, "inner_claim");
	threads = lab_crew_start(count, &role);
	lab_testimony();
	lab_testify_threads(threads, count, testify_areas);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
