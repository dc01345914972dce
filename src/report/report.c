/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include "report/jsonw.h"
#include "report/text.h"

struct report {
	const struct output *output;
	struct report_options options;
	struct jsonw json;
};

struct report *report_new(const struct output *output, const struct report_options *options)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->output = output;
	r->options = *options;
	r->json = (struct jsonw){ .file = output->file, .first = true };
	if (output->format == FORMAT_JSON) {
		jsonw_open(&r->json, NULL, '{');
		jsonw_number(&r->json, "schema", 1);
		jsonw_string(&r->json, "command", options->command);
		jsonw_string(&r->json, "version", options->version);
		jsonw_open(&r->json, "processes", '[');
	}
	return r;
}

void report_free(struct report *r)
{
	free(r);
}

void report_process(struct report *r, const struct process_facts *p, const char *verdict,
		    const struct findings *findings)
{
	if (r->output->format == FORMAT_JSON)
		jsonw_record(&r->json, NULL, &process_type, p);
	else
		text_process(r->output, p, verdict, findings, r->options.threads);
}

static void end_json(struct jsonw *j, const struct host_facts *host, const struct findings *findings,
		     const struct failure *failures, size_t n_failures, const struct report_counts *counts)
{
	jsonw_close(j, ']');
	jsonw_record(j, "host", &host_type, host);
	jsonw_open(j, "files", '[');
	jsonw_close(j, ']');
	jsonw_open(j, "errors", '[');
	for (size_t i = 0; i < n_failures; i++) {
		jsonw_open(j, NULL, '{');
		jsonw_string(j, "subject", failures[i].subject);
		jsonw_string(j, "what", failures[i].what);
		jsonw_string(j, "why", failures[i].why);
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
	jsonw_number(j, "vanished", counts->vanished);
	jsonw_number(j, "unreadable", counts->unreadable);
	jsonw_number(j, "skipped", counts->skipped);
	jsonw_records(j, "findings", &finding_type, findings->items, findings->n);
	jsonw_close(j, '}');
}

void report_end(struct report *r, const struct host_facts *host, const struct findings *findings,
		const struct failure *failures, size_t n_failures, const struct report_counts *counts)
{
	if (r->output->format == FORMAT_JSON)
		end_json(&r->json, host, findings, failures, n_failures, counts);
	else
		text_end(r->output, host, findings, counts);
}
