/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that would use rseq if its libc had it, and asks by a weak reference to __rseq_offset.
 * Whether the reference leads anywhere was decided when the program was linked: lld, for a program
 * of fixed position, makes it 0 for good, although the symbol is still in the table of dynamic
 * symbols and libc has it. Built in several ways under several names.
 *
 * usage: weakref
 */
#include "testify.h"

#include <dlfcn.h>

#define THREADS 2

extern const ptrdiff_t __rseq_offset __attribute__((weak));

/* As libc has them, whatever became of the reference. */
static void prepare(struct lab_thread *self)
{
#ifdef LAB_STATIC
	lab_prepare_libc(self);
#else
	static const unsigned int lengths[] = { LAB_RSEQ_LENGTH, LAB_RSEQ_LENGTH + 1 };
	const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");

	for (size_t i = 0; offset && i < sizeof(lengths) / sizeof(*lengths); i++) {
		uintptr_t area = self->tp + (uintptr_t)*offset;

		if (!lab_rseq_is_registered((void *)area, lengths[i]))
			continue;
		self->area = area;
		self->length = lengths[i];
		self->place = "libc";
	}
#endif
}

int main(void)
{
	static const struct lab_role role = { .prepare = prepare };
	struct lab_thread *threads = lab_crew_start(THREADS, &role);

	lab_testimony();
	json_bool("bound", &__rseq_offset != NULL);
	lab_testify_threads(threads, THREADS, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
