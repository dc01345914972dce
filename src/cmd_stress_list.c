/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd_stress_list.h"

#include "cmd.h"
#include "cmd_stress_wish.h"
#include "report/jsonw.h"
#include "util/array.h"

static const struct {
	const char *key, *kind, *title;
	cmd_stress_table *table;
} lists[] = {
	{ "workloads", "workload", "Workloads (--workload)", stress_workload },
	{ "disturbers", "disturber", "Disturbers (--disturb)", stress_disturber },
	{ "indexes", "index", "Indexes (--index)", stress_index },
	{ "faults", "fault", "Faults (--inject)", stress_fault },
};

/* For scripts and completions. */
static void list_lines(const struct output *o)
{
	const struct stress_choice *c;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
		for (size_t i = 0; (c = lists[k].table(i)); i++)
			fprintf(o->file, "%s %s\n", lists[k].kind, c->name);
}

static void list_text(const struct output *o)
{
	const struct stress_choice *c;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		fprintf(o->file, "%s%s\n", k ? "\n" : "", lists[k].title);
		for (size_t i = 0; (c = lists[k].table(i)); i++)
			fprintf(o->file, "  %-15s %s\n", c->name, c->summary);
	}
}

static void list_json(const struct output *o)
{
	struct jsonw j = { .file = o->file, .first = true };
	const struct stress_choice *c;

	jsonw_open(&j, NULL, '{');
	jsonw_number(&j, "schema", 1);
	jsonw_string(&j, "command", "stress");
	jsonw_string(&j, "version", RSEQCTL_VERSION);
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		jsonw_open(&j, lists[k].key, '[');
		for (size_t i = 0; (c = lists[k].table(i)); i++) {
			jsonw_open(&j, NULL, '{');
			jsonw_string(&j, "name", c->name);
			jsonw_string(&j, "summary", c->summary);
			jsonw_bool(&j, "default", c->by_default);
			jsonw_close(&j, '}');
		}
		jsonw_close(&j, ']');
	}
	jsonw_close(&j, '}');
}

void cmd_stress_list(const struct output *o)
{
	if (o->format == FORMAT_JSON)
		list_json(o);
	else if (o->verbosity < 0)
		list_lines(o);
	else
		list_text(o);
}
