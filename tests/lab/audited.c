/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program with a module of LD_AUDIT that wants rseq for itself: in every thread the module
 * registers its area, or loses to libc.
 *
 * usage: LD_AUDIT=libaudit_area.so audited [THREADS]
 */
#include "testify.h"

#include <dlfcn.h>

#define LIBRARY "libaudit_area.so"
#define MAX_THREADS 64

struct lab_rseq *audit_claim(void);

static struct lab_rseq *(*claim)(void);

/* Exported, for the module to take its place in dlsym(). */
struct lab_rseq *audit_claim(void)
{
	return NULL;
}

static void prepare(struct lab_thread *self)
{
	lab_library_area(self, claim(), LIBRARY);
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = prepare };
	unsigned int count = argc > 1 ? lab_count_argument(argv[1], MAX_THREADS) : 3;
	struct lab_thread *threads;

	claim = (struct lab_rseq * (*)(void)) dlsym(RTLD_DEFAULT, "audit_claim");
	if (!claim || !claim())
		lab_fail(LAB_EXIT_USAGE, "run with LD_AUDIT=" LIBRARY);
	threads = lab_crew_start(count, &role);
	lab_testimony();
	lab_testify_threads(threads, count, lab_testify_library_area);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
