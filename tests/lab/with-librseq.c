/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program linked with the well-behaved library. Under libc's default every thread's area is
 * libc's and the library's own stays untouched in every thread; without libc each thread
 * registers through the library, or, with --forget, each but the last.
 *
 * Built once more as with-selftest, where the library is a part of the program: so the kernel's selftests,
 * and most programs that use librseq, are made.
 *
 * usage: with-librseq [THREADS] [--forget]
 */
#include "testify.h"

#include <stdlib.h>
#include <string.h>

#ifndef LIBRARY
#define LIBRARY "librseq_like.so"
#endif
#define MAX_THREADS 64

extern ptrdiff_t rseq_offset;
extern unsigned int rseq_size;
int rseq_register_current_thread(void);
struct lab_rseq *librseq_like_own_area(void);
int librseq_like_ownership(void);

static unsigned int thread_count = 3;
static bool last_forgets;

static bool does_forget(const struct lab_thread *self)
{
	return last_forgets && self->index && self->index == thread_count - 1;
}

static void register_by_library(struct lab_thread *self)
{
	if (!does_forget(self) && rseq_register_current_thread())
		lab_fail(LAB_EXIT_FAILED, "the library could not register");
	lab_library_area(self, librseq_like_own_area(), LIBRARY);
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--forget"))
			last_forgets = true;
		else
			thread_count = lab_count_argument(argv[i], MAX_THREADS);
	}
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = register_by_library };
	struct lab_thread *threads;

	parse(argc, argv);
	threads = lab_crew_start(thread_count, &role);
	lab_testimony();
	json_number("ownership", librseq_like_ownership());
	json_number("librseq_offset", rseq_offset);
	json_number("librseq_size", rseq_size);
	lab_testify_threads(threads, thread_count, lab_testify_library_area);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
