/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <errno.h>

#include "report/audit.h"
#include "report/jsonw.h"
#include "report/text.h"

struct report {
	const struct output *output;
	struct report_options options;
	struct jsonw json;
	struct audit *audit; /* NULL: text goes out as it comes */
	bool incomplete;
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
	if (!r)
		return;
	audit_free(r->audit);
	free(r);
}

void report_audit(struct report *r)
{
	/* Quiet is a line per process, as it comes. */
	if (r->output->format == FORMAT_JSON || r->output->verbosity < 0)
		return;
	r->audit = audit_new(r->output);
	r->incomplete = !r->audit;
}

void report_process(struct report *r, const struct process_facts *p, const char *verdict,
		    const struct findings *findings)
{
	if (r->output->format == FORMAT_JSON)
		jsonw_record(&r->json, NULL, &process_type, p);
	else if (r->audit)
		audit_process(r->audit, p, verdict, findings, r->options.threads);
	else
		text_process(r->output, p, verdict, findings, r->options.threads);
}

static void end_json(struct jsonw *j, const struct report_totals *t)
{
	jsonw_close(j, ']');
	jsonw_record(j, "host", &host_type, t->host);
	jsonw_open(j, "files", '[');
	jsonw_close(j, ']');
	jsonw_open(j, "errors", '[');
	for (size_t i = 0; i < t->n_failures; i++) {
		jsonw_open(j, NULL, '{');
		jsonw_string(j, "subject", t->failures[i].subject);
		jsonw_string(j, "what", t->failures[i].what);
		jsonw_string(j, "why", t->failures[i].why);
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
	jsonw_number(j, "vanished", t->vanished);
	jsonw_number(j, "unreadable", t->unreadable);
	jsonw_number(j, "skipped", t->skipped);
	jsonw_number(j, "ignored", (long)t->ignored);
	jsonw_record(j, "summary", &summary_type, t->summary);
	jsonw_records(j, "findings", &finding_type, t->findings->items, t->findings->n);
	jsonw_close(j, '}');
}

int report_end(struct report *r, const struct report_totals *totals)
{
	if (r->output->format == FORMAT_JSON)
		end_json(&r->json, totals);
	else if (r->audit)
		return audit_end(r->audit, totals);
	else
		text_end(r->output, totals);
	return r->incomplete ? -ENOMEM : 0;
}
