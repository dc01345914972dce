/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event as a line of text: columns two blanks apart, for people and for awk. */
#ifndef REPORT_EVENT_LINE_H
#define REPORT_EVENT_LINE_H

#include <stdbool.h>

#include "model/event.h"
#include "report/output.h"
#include "util/strbuf.h"

/* Columns are as wide as their widest text so far. All zero but the first three at first. */
struct event_lines {
	const struct output *output;
	int64_t realtime_offset_ns;
	bool stack; /* below each abort */
	size_t ids, comm, type, why;
	int64_t second; /* that clock stands for */
	char clock[16];
};

/* Appends it, with the lines of its stack. */
void event_line(struct event_lines *l, const struct event *e, struct strbuf *out);

/* The file's name alone; names in brackets as they are. Borrowed from path. */
const char *event_object_name(const char *path);

/* Where a section is: "libx.so push+0x12", with what is known; `at` is an offset in the section. */
void event_section_text(const struct event_section *s, uint64_t at, struct strbuf *out);

/* The same of a place: "libx.so push+0x12", or its address. */
void event_place_text(const struct code_place *p, struct strbuf *out);

#endif
