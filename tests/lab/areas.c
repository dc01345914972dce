/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registrations that are legal for the kernel and a surprise for everybody who looks at the area:
 * of another length, with another signature, at another offset, in place of libc's, or only in
 * memory. Main is always as the case has it for everybody; "one" differs in the last thread only.
 * A library may be opened as well: one with a critical section.
 *
 * usage: areas CASE [LIBRARY]
 */
#include "testify.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 3

/* Static: local, as librseq and tcmalloc have it. Room for two places, either long enough. */
#define PLACE_STRIDE 64
#define PLACES 2
static __thread unsigned char __rseq_abi[PLACES * PLACE_STRIDE] __attribute__((aligned(64)));

static bool is_last(const struct lab_thread *self)
{
	return self->index == THREADS - 1;
}

/* The program's areas --- */

static void own(struct lab_thread *self, unsigned int length, uint32_t signature)
{
	lab_register_area(self, __rseq_abi, length, signature);
	self->place = "tls-symbol";
	self->object = lab_program();
}

static unsigned int long_length_or_skip(void *area)
{
	unsigned int length = lab_long_length(area);

	if (length == LAB_RSEQ_LENGTH)
		lab_skip("this kernel takes 32 bytes only");
	return length;
}

static void own_standard(struct lab_thread *self)
{
	own(self, LAB_RSEQ_LENGTH, LAB_RSEQ_SIGNATURE);
}

static void own_long(struct lab_thread *self)
{
	own(self, long_length_or_skip(__rseq_abi), LAB_RSEQ_SIGNATURE);
}

static void own_one_long(struct lab_thread *self)
{
	if (is_last(self))
		own_long(self);
	else
		own_standard(self);
}

static void own_signature(struct lab_thread *self)
{
	own(self, LAB_RSEQ_LENGTH, LAB_OWN_SIGNATURE);
}

static void own_one_signature(struct lab_thread *self)
{
	if (is_last(self))
		own_signature(self);
	else
		own_standard(self);
}

/* Inside the symbol, and not where it starts. */
static void own_second_place(struct lab_thread *self)
{
	lab_register_area(self, __rseq_abi + PLACE_STRIDE, LAB_RSEQ_LENGTH, LAB_RSEQ_SIGNATURE);
	self->object = lab_program();
}

static void own_one_place(struct lab_thread *self)
{
	if (is_last(self))
		own_second_place(self);
	else
		own_standard(self);
}

/* libc's area --- */

static void take_from_libc(struct lab_thread *self)
{
	int err;

	lab_prepare_libc(self);
	err = lab_rseq_unregister((void *)self->area, self->length);
	if (err)
		lab_fail(LAB_EXIT_FAILED, "cannot unregister: %s", strerror(err));
	self->area = 0;
	self->place = NULL;
}

/* A length that libc's public size does not lead anybody to expect. */
static void libc_other_length(struct lab_thread *self)
{
	unsigned int length;
	void *area;

	take_from_libc(self);
	area = lab_libc_area(self->tp);
	length = self->length > LAB_RSEQ_LENGTH ? LAB_RSEQ_LENGTH : long_length_or_skip(area);
	lab_register_area(self, area, length, LAB_RSEQ_SIGNATURE);
	self->place = "libc";
}

static void libc_same_length(struct lab_thread *self)
{
	take_from_libc(self);
	lab_register_area(self, lab_libc_area(self->tp), self->length, LAB_RSEQ_SIGNATURE);
	self->place = "libc";
}

static void abandon_libc(struct lab_thread *self)
{
	take_from_libc(self);
	own_standard(self);
}

static void abandon_libc_in_one(struct lab_thread *self)
{
	if (is_last(self))
		abandon_libc(self);
	else
		lab_prepare_libc(self);
}

static void leave_libc(struct lab_thread *self)
{
	take_from_libc(self);
	self->length = 0;
}

static void leave_libc_in_one(struct lab_thread *self)
{
	if (is_last(self))
		leave_libc(self);
	else
		lab_prepare_libc(self);
}

/* What a checkpoint restored without the kernel's part looks like, or a debugger that plays kernel. */
static void emulate(struct lab_thread *self)
{
	volatile struct lab_rseq *area = lab_libc_area(self->tp);

	leave_libc(self);
	area->cpu_id_start = 0;
	area->cpu_id = 0;
}

static void emulate_in_one(struct lab_thread *self)
{
	if (is_last(self))
		emulate(self);
	else
		lab_prepare_libc(self);
}

enum libc_role {
	LIBC_AWAY,
	LIBC_OWNS,
};

static const struct story {
	const char *name;
	enum libc_role libc;
	const struct lab_role role;
} stories[] = {
	{ "standard", LIBC_AWAY, { .prepare = own_standard } },
	{ "long", LIBC_AWAY, { .prepare = own_long } },
	{ "long-one", LIBC_AWAY, { .prepare = own_one_long } },
	{ "signature", LIBC_AWAY, { .prepare = own_signature } },
	{ "signature-one", LIBC_AWAY, { .prepare = own_one_signature } },
	{ "offset-one", LIBC_AWAY, { .prepare = own_one_place } },
	{ "libc-length", LIBC_OWNS, { .prepare = libc_other_length } },
	{ "libc-again", LIBC_OWNS, { .prepare = libc_same_length } },
	{ "abandoned", LIBC_OWNS, { .prepare = abandon_libc } },
	{ "abandoned-one", LIBC_OWNS, { .prepare = abandon_libc_in_one } },
	{ "left", LIBC_OWNS, { .prepare = leave_libc } },
	{ "left-one", LIBC_OWNS, { .prepare = leave_libc_in_one } },
	{ "emulated", LIBC_OWNS, { .prepare = emulate } },
	{ "emulated-one", LIBC_OWNS, { .prepare = emulate_in_one } },
};

static const struct story *find_story(const char *name)
{
	for (size_t i = 0; name && i < sizeof(stories) / sizeof(*stories); i++) {
		if (!strcmp(stories[i].name, name))
			return &stories[i];
	}
	lab_fail(LAB_EXIT_USAGE, "usage: areas standard|long|long-one|signature|signature-one|offset-one|"
				 "libc-length|libc-again|abandoned|abandoned-one|left|left-one|"
				 "emulated|emulated-one [LIBRARY]");
}

static void open_library(const char *name)
{
	char *path = lab_sibling(name);

	if (!dlopen(path, RTLD_NOW | RTLD_LOCAL))
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	free(path);
}

int main(int argc, char **argv)
{
	const struct story *story = find_story(argc > 1 ? argv[1] : NULL);
	/* The crew is fetched first: a thread made by an unregistered one is libc's no more. */
	static struct lab_thread threads[THREADS];

	if (story->libc == LIBC_OWNS)
		lab_require_libc_owner();
	else
		lab_require_no_libc_owner();
	if (argc > 2)
		open_library(argv[2]);
	for (unsigned int i = 1; i < THREADS; i++) {
		threads[i].index = i;
		lab_thread_start(&threads[i], &story->role);
	}
	for (unsigned int i = 1; i < THREADS; i++)
		lab_thread_settle(&threads[i]);
	lab_thread_adopt(&threads[0], &story->role);
	lab_testimony();
	json_text("case", story->name);
	lab_testify_threads(threads, THREADS, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
