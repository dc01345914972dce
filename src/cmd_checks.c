/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_checks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_check_rooms.h"
#include "stress/stress.h"
#include "util/array.h"

/* Stress finds within 20 s that nothing goes on; loading BPF programs takes long in an emulated machine. */
enum { LONG_LIMITS = 4 };

static const struct check_fault faults[] = {
	[PROBE_FAULT_NO_SECTION - 1] = { "no-section", "critical sections are not published: nothing is ever aborted" },
	[PROBE_FAULT_UNREGISTERED - 1] = { "unregistered", "threads give their registration back before they are looked at" },
};

const struct check_fault *check_fault_at(size_t i)
{
	return i < ARRAY_SIZE(faults) ? &faults[i] : NULL;
}

static struct check_entry *add(struct check_list *l, const struct probe *p, unsigned int limits)
{
	struct check_entry *e = ARRAY_ADD(l->items, l->n);

	if (e)
		*e = (struct check_entry){ .probe = *p, .limits = limits };
	return e;
}

static int add_workload(struct check_list *l, size_t workload)
{
	const struct stress_choice *w = stress_workload(workload);
	struct check_entry *e = add(l, &(struct probe){
		.id = arena_printf(&l->arena, "stress-%s", w->name),
		.title = arena_printf(&l->arena, "half a second of stress: %s", w->summary),
		.run = check_stress,
	}, LONG_LIMITS);

	if (!e)
		return -ENOMEM;
	e->workload = workload;
	return 0;
}

int check_list_make(struct check_list *ret)
{
	static const struct probe *const rooms[] = { &check_tracepoints, &check_iterator, &check_ptrace };
	const struct probe *p;
	int r = 0;

	*ret = (struct check_list){ 0 };
	for (size_t i = 0; r == 0 && (p = probe_at(i)); i++)
		r = add(ret, p, 1) ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rooms); i++)
		r = add(ret, rooms[i], LONG_LIMITS) ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && stress_workload(i); i++)
		if (stress_workload(i)->by_default)
			r = add_workload(ret, i);
	return r;
}

void check_list_done(struct check_list *l)
{
	free(l->items);
	arena_done(&l->arena);
	*l = (struct check_list){ 0 };
}

const struct check_entry *check_list_find(const struct check_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].probe.id, id))
			return &l->items[i];
	return NULL;
}

bool check_list_means(const struct check_list *l, const char *word, size_t i)
{
	const struct check_entry *exact = check_list_find(l, word);

	return exact ? exact == &l->items[i] : *word && check_id_matches(l->items[i].probe.id, word, strlen(word));
}

const char *check_list_nearest(struct check_list *l, const char *word)
{
	const char **words = calloc(2 * l->n + 1, sizeof(*words)), *near = NULL;
	size_t n = 0;

	for (size_t i = 0; words && i < l->n; i++) {
		const char *id = l->items[i].probe.id;

		words[n++] = id;
		words[n++] = arena_strndup(&l->arena, id, strcspn(id, "-"));
	}
	if (words)
		near = common_nearest(word, words, n);
	free(words);
	return near;
}

int check_list_run(const struct check_entry *entry, const struct probe_options *options, struct arena *arena,
		   struct check_result *ret)
{
	struct check_data data = {
		.workload = entry->workload,
		.fault = options->fault ? faults[options->fault - 1].name : NULL,
	};
	struct probe_options own = *options;

	own.limit_ns *= entry->limits;
	own.data = &data;
	return probe_run(&entry->probe, &own, arena, ret);
}
