/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many objects with the symbol __rseq_abi: which definition does each reference lead to? Every
 * object says where its own definition is and where its reference leads; the one that has its own
 * there is what the dynamic linker chose. Threads register nothing, unless one object is to own.
 *
 * LOOK_LENGTH and LOOK_REFERS make programs that define or refer to the symbol themselves.
 *
 * With "long" the owner asks for 64 bytes and is content with 32 where the kernel says no, whatever
 * the definition holds: it was compiled against newer headers than the winner.
 *
 * usage: lookup [global:LIBRARY | local:LIBRARY | deep:LIBRARY | own:OBJECT | long:OBJECT]...
 */
#include "lookup.h"
#include "testify.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OBJECTS 32

struct object {
	char name[64];
	struct look look;
};

static struct object objects[MAX_OBJECTS];
static unsigned int object_count;

#if defined(LOOK_LENGTH)
LOOK_DEFINE(LOOK_LENGTH);
#elif defined(LOOK_REFERS)
extern __thread struct lab_rseq __rseq_abi[];
#endif

static void ask_self(struct look *look)
{
	(void)look;
#ifdef LOOK_LENGTH
	look->own = look_own;
#endif
#if defined(LOOK_LENGTH) || defined(LOOK_REFERS)
	look->refers = 1;
	look->reference = __rseq_abi;
#endif
}

static void ask_library(const char *path, const char *name, struct look *look)
{
	void (*ask)(struct look *look);
	void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	char function[96];

	if (!handle)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	snprintf(function, sizeof(function), "%s%.*s", LOOK_PREFIX,
		 (int)strcspn(name + strlen("liblookup_"), "."), name + strlen("liblookup_"));
	ask = (void (*)(struct look *))dlsym(handle, function);
	if (!ask)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	ask(look);
	dlclose(handle);
}

/* Link order: the program, what was preloaded, what it needs, what was opened. */
static void ask_all(void)
{
	const struct link_map *first = _r_debug.r_map;

	for (const struct link_map *map = first; map && object_count < MAX_OBJECTS; map = map->l_next) {
		struct object *object = &objects[object_count];
		const char *slash = strrchr(map->l_name, '/');
		const char *name = map == first ? lab_program() : slash ? slash + 1 : map->l_name;

		if (map != first && strncmp(name, "liblookup_", strlen("liblookup_")))
			continue;
		snprintf(object->name, sizeof(object->name), "%s", name);
		if (map == first)
			ask_self(&object->look);
		else
			ask_library(map->l_name, name, &object->look);
		object_count++;
	}
}

static const char *binds(const struct look *look)
{
	for (unsigned int i = 0; i < object_count; i++)
		if (look->reference && objects[i].look.own == look->reference)
			return objects[i].name;
	return NULL;
}

static void testify_looks(void)
{
	json_array("looks");
	for (unsigned int i = 0; i < object_count; i++) {
		const struct look *look = &objects[i].look;

		json_object(NULL);
		json_text("object", objects[i].name);
		json_bool("defines", look->own);
		json_bool("refers", look->refers);
		json_address("own", (uintptr_t)look->own);
		json_address("reference", (uintptr_t)look->reference);
		json_text("binds", binds(look));
		json_object_end();
	}
	json_array_end();
}

static const char *owner;
static bool wants_long;

static void register_reference(struct lab_thread *self, const struct look *look)
{
	unsigned int length = wants_long ? lab_long_length(look->reference) : LAB_RSEQ_LENGTH;

	lab_register_area(self, look->reference, length, LAB_RSEQ_SIGNATURE);
	self->place = "tls-symbol";
	self->object = binds(look);
}

/* The others too: each thread has an area of its own in every object. */
static void prepare_owner(struct lab_thread *self)
{
	object_count = 0;
	ask_all();
	for (unsigned int i = 0; i < object_count; i++) {
		if (!strcmp(objects[i].name, owner))
			register_reference(self, &objects[i].look);
	}
	if (!self->area)
		lab_fail(LAB_EXIT_USAGE, "%s is not loaded", owner);
}

static void open_library(const char *name, int scope)
{
	char *path = lab_sibling(name);

	if (!dlopen(path, RTLD_NOW | scope))
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	free(path);
}

static void obey_argument(const char *argument)
{
	const char *colon = strchr(argument, ':');
	const char *name = colon ? colon + 1 : argument;

	if (!strncmp(argument, "global:", strlen("global:")))
		open_library(name, RTLD_GLOBAL);
	else if (!strncmp(argument, "local:", strlen("local:")))
		open_library(name, RTLD_LOCAL);
	else if (!strncmp(argument, "deep:", strlen("deep:")))
		open_library(name, RTLD_LOCAL | RTLD_DEEPBIND);
	else if (!strncmp(argument, "own:", strlen("own:")))
		owner = name;
	else if (!strncmp(argument, "long:", strlen("long:")))
		owner = name, wants_long = true;
	else
		lab_fail(LAB_EXIT_USAGE, "usage: lookup [global:LIBRARY | local:LIBRARY | deep:LIBRARY | "
					 "own:OBJECT | long:OBJECT]...");
}

int main(int argc, char **argv)
{
	static const struct lab_role owning = { .prepare = prepare_owner };
	struct lab_thread *threads;

	for (int i = 1; i < argc; i++)
		obey_argument(argv[i]);
	if (owner)
		lab_require_no_libc_owner();
	threads = lab_crew_start(owner ? 2 : 1, owner ? &owning : &lab_role_libc);
	object_count = 0;
	ask_all();
	lab_testimony();
	testify_looks();
	lab_testify_threads(threads, owner ? 2 : 1, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
