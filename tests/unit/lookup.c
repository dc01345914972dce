/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which definition a name means, on made-up objects. The lab has the real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "collect/lookup.h"
#include "model/abi.h"
#include "util/array.h"

enum { OBJECTS = 6 };

struct world {
	struct process_facts facts;
	struct target target;
	struct object objects[OBJECTS];
	struct image images[OBJECTS];
};

static struct image_symbol *add(struct world *w, size_t object, bool defined, const char *version)
{
	struct image_symbol *s = &w->images[object].symbols[w->images[object].n_symbols++];

	*s = (struct image_symbol){ .defined = defined, .exported = 1 };
	strcpy(s->version, version);
	return s;
}

static void needs(struct world *w, size_t object, const char *soname)
{
	strcpy(w->images[object].needed[w->images[object].n_needed++], soname);
}

/* A program (0) that needs 1 and 2; 3 came by dlopen and brought 4; 5 by another one. */
static struct world *make(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->target = (struct target){ .facts = &w->facts, .objects = w->objects, .n_objects = OBJECTS,
				     .abi = arch_abi_find(EM_X86_64, 8), .dynamic = true };
	for (int i = 0; i < OBJECTS; i++) {
		w->objects[i].image = &w->images[i];
		snprintf(w->images[i].soname, sizeof(w->images[i].soname), "%d.so", i);
	}
	needs(w, 0, "1.so");
	needs(w, 0, "2.so");
	needs(w, 3, "4.so");
	return w;
}

static void done(struct world *w)
{
	for (int i = 0; i < OBJECTS; i++) {
		free(w->objects[i].needs);
		free(w->objects[i].bound);
	}
	process_facts_done(&w->facts);
	free(w);
}

static size_t found(struct world *w, size_t from, size_t symbol)
{
	return lookup_find(&w->target, from, &w->images[from].symbols[symbol]);
}

static void order(void **state)
{
	struct world *w = make();

	(void)state;
	add(w, 2, true, "");
	add(w, 1, true, "");
	add(w, 4, true, "");
	add(w, 5, false, "");
	lookup_prepare(&w->target);
	assert_true(w->objects[2].startup && !w->objects[3].startup);
	assert_int_equal(found(w, 5, 0), 1);
	assert_int_equal(found(w, 2, 0), 1);
	assert_int_equal(found(w, 4, 0), 1);
	assert_string_equal(lookup_reason(&w->target, 1), "dependency order");
	done(w);
}

static void local_scopes(void **state)
{
	struct world *w = make();

	(void)state;
	add(w, 4, true, "");
	add(w, 3, false, "");
	add(w, 5, false, "");
	add(w, 0, false, "");
	lookup_prepare(&w->target);
	assert_int_equal(found(w, 3, 0), 4); /* what it brought */
	assert_int_equal(found(w, 4, 0), 4);
	assert_int_equal(found(w, 5, 0), SIZE_MAX); /* another's is not for it */
	assert_int_equal(found(w, 0, 0), SIZE_MAX);
	done(w);
}

/* ld.so's own list says that 3 and 4 were opened for all. */
static void global_scope(void **state)
{
	struct world *w = make();

	(void)state;
	add(w, 4, true, "");
	add(w, 5, false, "");
	add(w, 2, false, "");
	for (uint32_t i = 0; i < 5; i++)
		w->objects[i].scope = i + 1;
	w->target.scoped = true;
	lookup_prepare(&w->target);
	assert_int_equal(found(w, 5, 0), 4);
	assert_string_equal(lookup_reason(&w->target, 4), "global scope");
	assert_int_equal(found(w, 2, 0), SIZE_MAX); /* that was looked up before 4 was there */
	done(w);
}

static void versions(void **state)
{
	struct world *w = make();

	(void)state;
	add(w, 1, true, "V1");
	add(w, 2, true, "V2")->hidden = 1;
	add(w, 5, false, "V2");
	add(w, 5, false, "");
	add(w, 5, false, "V3");
	lookup_prepare(&w->target);
	assert_int_equal(found(w, 5, 0), 2);
	assert_int_equal(found(w, 5, 1), 1);
	assert_int_equal(found(w, 5, 2), SIZE_MAX);
	w->images[1].symbols[0].version[0] = '\0'; /* without versions it serves all */
	assert_int_equal(found(w, 5, 2), 1);
	done(w);
}

static void namespaces(void **state)
{
	struct world *w = make();

	(void)state;
	add(w, 1, true, "");
	add(w, 5, false, "");
	w->objects[5].namespace = 1;
	lookup_prepare(&w->target);
	assert_int_equal(found(w, 5, 0), SIZE_MAX);
	done(w);
}

/* The word wins over what a look-up would give now. */
static void written_down(void **state)
{
	struct world *w = make();
	struct image_symbol *winner, *loser;

	(void)state;
	winner = add(w, 1, true, "");
	loser = add(w, 4, true, "");
	add(w, 5, false, "");
	lookup_prepare(&w->target);
	assert_int_equal(lookup_bound(&w->target, 5, &w->images[5].symbols[0]), 1);
	assert_true(lookup_is_used(&w->target, 1, winner));
	assert_false(lookup_is_used(&w->target, 4, loser));
	w->objects[5].bound = malloc(sizeof(uint32_t));
	assert_non_null(w->objects[5].bound);
	w->objects[5].bound[0] = 4;
	assert_int_equal(lookup_bound(&w->target, 5, &w->images[5].symbols[0]), 4);
	assert_true(lookup_is_used(&w->target, 4, loser));
	done(w);
}

/* Objects and definitions without end were made to: the work is bounded, and said to be. */
static void bounded(void **state)
{
	struct world *w = make();

	(void)state;
	add(w, 1, true, "");
	add(w, 5, false, "");
	lookup_prepare(&w->target);
	w->target.lookup_steps = 3;
	assert_int_equal(found(w, 5, 0), 1);
	assert_int_equal(found(w, 5, 0), SIZE_MAX);
	assert_int_equal(w->facts.n_unknown, 1);
	done(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),	cmocka_unit_test(local_scopes), cmocka_unit_test(global_scope),
		cmocka_unit_test(versions),	cmocka_unit_test(namespaces),	cmocka_unit_test(written_down),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
