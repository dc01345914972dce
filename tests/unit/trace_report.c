/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trace writes, on made-up events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>

#include "model/facts.h"
#include "report/event_line.h"
#include "report/trace.h"
#include "util/array.h"
#include "util/number.h"

/* --- a report into memory --- */

struct told {
	struct output output;
	struct trace_report *report;
	char *text;
	size_t len;
};

static const uint32_t asked = 1u << EVENT_ABORT | 1u << EVENT_FAULT;

static void begin(struct told *t, enum format format, struct trace_report_options options)
{
	static const struct host_facts host = { .kernel = "6.18.0", .arch = "x86_64" };
	const struct trace_start start = { 1000000000, &host };

	t->output.file = open_memstream(&t->text, &t->len);
	t->output.format = format;
	assert_non_null(t->output.file);
	options.command = "trace";
	options.version = "1";
	if (!options.types)
		options.types = asked;
	t->report = trace_report_new(&t->output, &options);
	assert_non_null(t->report);
	trace_report_start(t->report, &start);
}

/* What was written since the last time; the caller frees. */
static char *taken(struct told *t)
{
	char *text;

	fflush(t->output.file);
	text = strndup(t->text, t->len);
	fseeko(t->output.file, 0, SEEK_SET);
	assert_non_null(text);
	return text;
}

static void end(struct told *t)
{
	trace_report_free(t->report);
	fclose(t->output.file);
	free(t->text);
	*t = (struct told){ 0 };
}

/* The text of one event alone. */
static char *told_event(enum format format, const struct event *e)
{
	struct told t = { 0 };
	char *text;

	begin(&t, format, (struct trace_report_options){ .events = true, .stack = true });
	free(taken(&t));
	trace_report_event(t.report, e);
	text = taken(&t);
	end(&t);
	return text;
}

static char *told_summary(enum format format, const struct trace_tally *tally, int width, int verbosity)
{
	struct told t = { .output = { .width = width, .verbosity = verbosity } };
	char *text;

	begin(&t, format, (struct trace_report_options){ 0 });
	free(taken(&t));
	trace_report_summary(t.report, tally);
	text = taken(&t);
	end(&t);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in '%s'", part, text);
}

static json_object *parsed(const char *line)
{
	json_object *j = json_tokener_parse(line);

	if (!j)
		fail_msg("no JSON: %s", line);
	assert_string_equal(strchr(line, '\n'), "\n"); /* one line */
	return j;
}

static const char *text_at(json_object *j, const char *key)
{
	json_object *value = NULL;

	assert_true(json_object_object_get_ex(j, key, &value));
	return json_object_get_string(value);
}

/* --- events --- */

static struct code_place frames[] = {
	{ PLACE_OFFSET, "/usr/lib/libx.so.1", "push", NULL, 0x7f0000001012, 0x12 },
	{ PLACE_OFFSET, "/usr/lib/libx.so.1", NULL, NULL, 0x7f0000002000, 0x2000 },
	{ 0, NULL, NULL, NULL, 0x7f0000003000, 0 },
};

static struct event an_abort(void)
{
	return (struct event){
		.has = EVENT_SECTION | EVENT_STACK,
		.type = EVENT_ABORT,
		.time_ns = 5123456789,
		.pid = 4711,
		.tid = 4713,
		.comm = "mongod",
		.cpu = 1,
		.cause = CAUSE_MIGRATE,
		.section = { "/usr/lib/libx.so.1", NULL, "push", NULL, 0x7f000000100e, 0x18, 0xe, EVENT_SECTION_OFFSET },
		.ip_offset = 4,
		.stack = frames,
		.n_stack = ARRAY_SIZE(frames),
	};
}

static struct event a_refusal(void)
{
	return (struct event){
		.has = EVENT_AREA | EVENT_REGISTRATION | EVENT_CALLER,
		.type = EVENT_REGISTER_FAILED,
		.time_ns = 6000000000,
		.pid = 5,
		.tid = 5,
		.comm = "x",
		.cpu = 12,
		.area = 0x7f0000000020,
		.length = 32,
		.signature = 0x53053053,
		.error = "EINVAL",
		.reason = "other-area",
		.detail = "glibc has 0x7f0000000040",
		.caller = { PLACE_OFFSET, "/opt/libfoo.so", "tgt_reg", NULL, 0x7f0000004000, 0x2d },
	};
}

static void abort_json(void **state)
{
	struct event e = an_abort();
	char *line = told_event(FORMAT_JSON, &e);

	(void)state;
	assert_string_equal(
		line,
		"{\"type\":\"abort\",\"time_ns\":5123456789,\"pid\":4711,\"tid\":4713,\"comm\":\"mongod\","
		"\"cpu\":1,\"cause\":\"migrate\",\"section\":{\"object\":\"/usr/lib/libx.so.1\",\"symbol\":null,"
		"\"function\":\"push\",\"start\":\"0x7f000000100e\",\"length\":24,\"offset\":14,\"why\":null},\"ip_offset\":4,"
		"\"stack\":[{\"object\":\"/usr/lib/libx.so.1\",\"function\":\"push\",\"offset\":18,"
		"\"address\":\"0x7f0000001012\"},{\"object\":\"/usr/lib/libx.so.1\",\"function\":null,"
		"\"offset\":8192,\"address\":\"0x7f0000002000\"},{\"object\":null,\"function\":null,"
		"\"offset\":null,\"address\":\"0x7f0000003000\"}]}\n");
	free(line);
}

static void call_json(void **state)
{
	struct event e = a_refusal();
	char *line = told_event(FORMAT_JSON, &e);

	(void)state;
	assert_string_equal(
		line,
		"{\"type\":\"register-failed\",\"time_ns\":6000000000,\"pid\":5,\"tid\":5,\"comm\":\"x\",\"cpu\":12,"
		"\"area\":\"0x7f0000000020\",\"length\":32,\"signature\":\"0x53053053\",\"errno\":\"EINVAL\","
		"\"reason\":\"other-area\",\"detail\":\"glibc has 0x7f0000000040\",\"caller\":{"
		"\"object\":\"/opt/libfoo.so\",\"function\":\"tgt_reg\",\"offset\":45,\"address\":\"0x7f0000004000\",\"why\":null}}\n");
	free(line);
	e.type = EVENT_FAULT;
	e.has |= EVENT_SECTION;
	line = told_event(FORMAT_JSON, &e);
	assert_has(line, "{\"type\":\"fault\",");
	assert_has(line, ",\"section\":{\"object\":null,");
	free(line);
}

static void unknown_json(void **state)
{
	struct event e = { .type = EVENT_ABORT };
	char *line = told_event(FORMAT_JSON, &e);

	(void)state;
	assert_string_equal(line, "{\"type\":\"abort\",\"time_ns\":0,\"pid\":0,\"tid\":0,\"comm\":\"\",\"cpu\":0,"
				  "\"cause\":null,\"section\":null,\"ip_offset\":null,\"stack\":null}\n");
	free(line);
	e.type = EVENT_GONE;
	line = told_event(FORMAT_JSON, &e);
	assert_has(line, "\"area\":null,\"length\":null,\"signature\":null,\"errno\":null,\"reason\":null,"
			 "\"detail\":null,\"caller\":null}\n");
	free(line);
}

static void line_text(void **state)
{
	struct event e = an_abort();
	char *line = told_event(FORMAT_TEXT, &e);

	(void)state;
	/* in what zone it is, is not known here */
	assert_has(line + 5, ":06.123456  4711/4713  mongod  abort  cpu  1  migrate     "
			     "libx.so.1 push+0x12  (section +0x4 of 0x18)\n"
			     "        libx.so.1 push+0x12\n        libx.so.1+0x2000\n        0x7f0000003000\n");
	free(line);
	e = a_refusal();
	line = told_event(FORMAT_TEXT, &e);
	assert_has(line + 5, ":07.000000  5/5  x  register-failed  cpu 12  EINVAL other-area  area 0x7f0000000020 "
			     "length 32 signature 0x53053053  by libfoo.so tgt_reg+0x2d: glibc has 0x7f0000000040\n");
	free(line);
	e = (struct event){ .type = EVENT_ABORT };
	line = told_event(FORMAT_TEXT, &e);
	assert_has(line + 5, ":01.000000  0/0  -  abort  cpu  0  -           -\n        no stack\n");
	free(line);
	e.type = EVENT_GONE;
	line = told_event(FORMAT_TEXT, &e);
	assert_has(line + 5, ":01.000000  0/0  -  gone  cpu  0  -  -\n");
	free(line);
}

/* As far as it is known: function, descriptor's symbol, object, address. */
static void section_names(void **state)
{
	static const struct {
		struct event_section section;
		const char *text;
	} cases[] = {
		{ { "/a/b.so", "cs", "f", NULL, 0x1000, 8, 0x10, EVENT_SECTION_OFFSET }, "b.so f+0x12" },
		{ { "/a/b.so", "cs", "f", NULL, 0x1000, 8, 0, 0 }, "b.so f" },
		{ { "/a/b.so", "cs", NULL, NULL, 0x1000, 8, 0x500, EVENT_SECTION_OFFSET }, "b.so cs" },
		{ { "/a/b.so", NULL, NULL, NULL, 0x1000, 8, 0x500, EVENT_SECTION_OFFSET }, "b.so+0x502" },
		{ { "/a/b.so", NULL, NULL, NULL, 0x1000, 8, 0, 0 }, "b.so 0x1002" },
		{ { NULL, NULL, NULL, NULL, 0x1000, 8, 0x500, EVENT_SECTION_OFFSET }, "0x1002" },
		{ { "[vdso]", NULL, "f", NULL, 0x1000, 8, 0, EVENT_SECTION_OFFSET }, "[vdso] f+0x2" },
		{ { "[anon:a/b]", NULL, NULL, NULL, 0x1000, 8, 0, 0 }, "[anon:a/b] 0x1002" },
		{ { "/tmp/gone.so (deleted)", NULL, "f", NULL, 0x1000, 8, 0, 0 }, "gone.so (deleted) f" },
		{ { "/", NULL, NULL, NULL, 0x1000, 8, 0, 0 }, "/ 0x1002" },
		{ { "", NULL, NULL, NULL, 0, 0, 0, 0 }, " 0x2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strbuf_ struct strbuf b = { 0 };

		event_section_text(&cases[i].section, 2, &b);
		assert_string_equal(strbuf_str(&b), cases[i].text);
	}
}

/* Bytes of a target: one line, no controls, valid UTF-8. */
static void hostile(void **state)
{
	struct event e = an_abort();
	json_object *j;
	char *line;

	(void)state;
	strcpy(e.comm, "\033[2J\n\"\\\t\377\302\205e");
	e.section.object = "/tmp/\xe2\x80\xae" "cod\xc3\xa9\n{}";
	e.section.function = "f\r\n\x7f\x01\",\"x\":1";
	line = told_event(FORMAT_TEXT, &e);
	for (const char *p = line; *p; p++)
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
	assert_has(line, "\\x1b[2J\\x0a\"\\\\x09\\xff\\xc2\\x85e");
	assert_has(line, "\\xe2\\x80\\xaecod\xc3\xa9\\x0a{} f\\x0d\\x0a\\x7f\\x01\",\"x\":1+0x12");
	assert_ptr_equal(strchr(line, '\n') + 1, strstr(line, "        libx")); /* and then the stack */
	free(line);
	line = told_event(FORMAT_JSON, &e);
	j = parsed(line);
	assert_string_equal(text_at(j, "comm"), "\033[2J\n\"\\\t\\xff\302\205e");
	assert_string_equal(text_at(json_object_object_get(j, "section"), "function"), e.section.function);
	assert_null(json_object_object_get(j, "x"));
	json_object_put(j);
	free(line);
}

static void huge_numbers(void **state)
{
	struct event e = {
		.has = UINT64_MAX,
		.type = EVENT_ABORT,
		.time_ns = UINT64_MAX,
		.pid = INT32_MIN,
		.tid = INT32_MAX,
		.cpu = UINT32_MAX,
		.section = { .start = UINT64_MAX, .length = UINT64_MAX, .offset = UINT64_MAX, .has = UINT64_MAX },
		.ip_offset = UINT64_MAX,
	};
	char *line = told_event(FORMAT_JSON, &e);

	(void)state;
	json_object_put(parsed(line));
	assert_has(line, "\"time_ns\":18446744073709551615,\"pid\":-2147483648,\"tid\":2147483647,");
	assert_has(line, "\"cpu\":4294967295,");
	assert_has(line, "\"start\":\"0xffffffffffffffff\",\"length\":18446744073709551615,");
	assert_has(line, "\"stack\":[]}");
	free(line);
	line = told_event(FORMAT_TEXT, &e);
	assert_has(line, "  -2147483648/2147483647  -  abort  cpu 4294967295  -           0xfffffffffffffffe"
			 "  (section +0xffffffffffffffff of 0xffffffffffffffff)\n");
	free(line);
	e.type = EVENT_FAULT;
	e.length = UINT32_MAX;
	line = told_event(FORMAT_TEXT, &e);
	assert_has(line, "length 4294967295 ");
	free(line);
}

static void numbers(void **state)
{
	static const uint64_t values[] = { 0,	 1,	 9,	     10,	 15,	    16,
					   0xff, 0x100, UINT32_MAX, INT64_MAX, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		char want[32], got[NUMBER_MAX + 1] = "";

		snprintf(want, sizeof(want), "%llu", (unsigned long long)values[i]);
		got[number_decimal(got, values[i])] = '\0';
		assert_string_equal(got, want);
		snprintf(want, sizeof(want), "0x%llx", (unsigned long long)values[i]);
		got[number_hex(got, values[i])] = '\0';
		assert_string_equal(got, want);
	}
}

/* Where the n-th column begins: columns are two blanks apart, at least. */
static size_t column(const char *line, int n)
{
	const char *p = line;

	while (n--) {
		p = strstr(p, "  ");
		assert_non_null(p);
		p += strspn(p, " ");
	}
	return (size_t)(p - line);
}

static void columns_stay_aligned(void **state)
{
	struct told t = { 0 };
	struct event e = an_abort();
	char *a, *b;

	(void)state;
	begin(&t, FORMAT_TEXT, (struct trace_report_options){ .events = true });
	strcpy(e.comm, "a long name 123");
	e.pid = e.tid = 4194304;
	trace_report_event(t.report, &e);
	a = taken(&t);
	e.pid = e.tid = 1;
	strcpy(e.comm, "s");
	e.cause = CAUSE_MEMBARRIER;
	trace_report_event(t.report, &e);
	b = taken(&t);
	assert_memory_equal(a + column(a, 2), "a long name 123  abort  cpu  1  migrate  ", 41);
	assert_memory_equal(b + column(b, 2), "s                abort  cpu  1  membarrier  ", 44);
	assert_int_equal(column(a, 2), column(b, 2));
	assert_int_equal(strstr(a, "libx") - a, strstr(b, "libx") - b);
	free(a);
	free(b);
	end(&t);
}

static void colors(void **state)
{
	struct told t = { .output = { .color = true } };
	struct event e = a_refusal();
	char *line;

	(void)state;
	begin(&t, FORMAT_TEXT, (struct trace_report_options){ .events = true });
	e.type = EVENT_FAULT;
	trace_report_event(t.report, &e);
	line = taken(&t);
	assert_has(line, "\033[31;1mfault\033[0m  cpu 12  ");
	free(line);
	end(&t);
}

/* --- the summary --- */

enum { MANY = 45 };
static struct section_tally many[MANY];

static struct trace_tally a_tally(void)
{
	static struct offset_count offsets[] = { { 4, 600 }, { 8, 300 }, { 12, 50 }, { 16, 49 } };
	static struct stack_count stacks[] = { { 999, frames, ARRAY_SIZE(frames) } };
	static const struct reason_count reasons[] = {
		{ EVENT_REGISTER_FAILED, "other-area", 4 }, { EVENT_FAULT, "signature", 1 },
	};
	static const char *const notes[] = { "no csd tracepoint here" };

	for (size_t i = 0; i < MANY; i++)
		many[i] = (struct section_tally){
			.pid = 4711,
			.comm = "mongod",
			.section = { "/usr/lib/x86_64-linux-gnu/libtcmalloc.so.4", NULL,
				     "tcmalloc::tcmalloc_internal::subtle::percpu::TcmallocSlab_Push", NULL, 0x1000 + i,
				     0x18, 0x10, EVENT_SECTION_OFFSET },
			.aborts = i ? 1 : 1000,
			.causes = { [CAUSE_MIGRATE] = i ? 1 : 400, [CAUSE_PREEMPT] = i ? 0 : 600 },
			.per_second = 77,
			.offsets = offsets,
			.n_offsets = i ? 0 : ARRAY_SIZE(offsets),
			.offsets_other = i ? 1 : 1,
			.stacks = stacks,
			.n_stacks = i ? 0 : 1,
		};
	return (struct trace_tally){
		.has = TALLY_CAUSES | TALLY_COMMAND,
		.duration_ns = 10000000000,
		.events = { [EVENT_ABORT] = 1050, [EVENT_FAULT] = 1 },
		.causes = { [CAUSE_MIGRATE] = 450, [CAUSE_PREEMPT] = 600 },
		.lost = 7,
		.missed = 3,
		.sections = many,
		.n_sections = MANY,
		.other_sections = 6,
		.reasons = reasons,
		.n_reasons = ARRAY_SIZE(reasons),
		.command = { COMMAND_STATUS, 4711, 2, 0 },
		.notes = notes,
		.n_notes = 1,
	};
}

static void summary_text(void **state)
{
	struct trace_tally tally = a_tally();
	char *text = told_summary(FORMAT_TEXT, &tally, 0, 0);

	(void)state;
	assert_memory_equal(text, "1050 aborts, 1 fault in 10.0 s; 7 lost, 3 missed\n", 49);
	assert_has(text, "  causes: migrate 450 (42.9%), preempt 600 (57.1%), unknown 0 (0.0%)\n");
	assert_has(text, "  reasons: register-failed other-area 4, fault signature 1\n");
	assert_has(text, "ABORTS  /S     MIGRATE  PREEMPT  OBJECT ");
	/* of the whole time, not of its end */
	assert_has(text, "  1000    100.0  40.0%    60.0%    /usr/lib/");
	assert_has(text, "TcmallocSlab_Push+0x10  +0x4 60.0%, +0x8 30.0%, +0xc 5.0%  4711  mongod\n");
	assert_has(text, "  and 25 sections more, with 25 aborts\n");
	assert_has(text, "  and 6 aborts of sections that there was no room to count\n");
	assert_has(text, "  note: no csd tracepoint here\n");
	assert_has(text, "  command 4711 ended with status 2\n");
	free(text);
	tally.command = (struct trace_command){ COMMAND_SIGNAL, 9, 0, 11 };
	text = told_summary(FORMAT_TEXT, &tally, 0, 0);
	assert_has(text, "  command 9 was killed by SIGSEGV\n");
	free(text);
}

static void summary_quiet(void **state)
{
	struct trace_tally tally = a_tally();
	char *text = told_summary(FORMAT_TEXT, &tally, 0, -1);

	(void)state;
	assert_string_equal(text, "1050 aborts, 1 fault in 10.0 s; 7 lost, 3 missed\n");
	free(text);
}

static void summary_empty(void **state)
{
	struct trace_tally tally = { .has = TALLY_CAUSES, .duration_ns = 10000000000 };
	char *text = told_summary(FORMAT_TEXT, &tally, 0, 0);

	(void)state;
	assert_string_equal(text, "no aborts, no faults in 10.0 s; 0 lost, 0 missed\n");
	free(text);
	text = told_summary(FORMAT_JSON, &tally, 0, 0);
	json_object_put(parsed(text));
	assert_string_equal(
		text,
		"{\"type\":\"summary\",\"duration_ns\":10000000000,\"events\":{\"abort\":0,\"register\":0,"
		"\"unregister\":0,\"register-failed\":0,\"unregister-failed\":0,\"gone\":0,\"fault\":0},"
		"\"causes\":{\"syscall\":0,\"signal\":0,\"membarrier\":0,\"migrate\":0,\"preempt\":0,"
		"\"unknown\":0},\"reasons\":[],\"lost\":0,\"missed\":0,\"stacks_lost\":0,\"other_sections\":0,\"sections\":[],"
		"\"command\":null,\"notes\":[]}\n");
	free(text);
}

/* Nothing that happened is shown as never, and not all as always. */
static void shares(void **state)
{
	struct trace_tally tally = { .has = TALLY_CAUSES, .duration_ns = 1, .events = { [EVENT_ABORT] = 100001 },
				     .causes = { [CAUSE_SIGNAL] = 100000, [CAUSE_UNKNOWN] = 1 } };
	char *text = told_summary(FORMAT_TEXT, &tally, 0, 0);

	(void)state;
	assert_has(text, "causes: signal 100000 (>99.9%), unknown 1 (<0.1%)\n");
	free(text);
}

static void no_cause(void **state)
{
	struct section_tally section = { .aborts = 5, .causes = { [CAUSE_NONE] = 5 } };
	struct trace_tally tally = { .duration_ns = 1, .events = { [EVENT_ABORT] = 5 },
				     .causes = { [CAUSE_NONE] = 5 }, .sections = &section, .n_sections = 1 };
	char *text = told_summary(FORMAT_TEXT, &tally, 0, 0);

	(void)state;
	assert_has_not(text, "cause");
	assert_has_not(text, "UNKNOWN");
	free(text);
	text = told_summary(FORMAT_JSON, &tally, 0, 0);
	json_object_put(parsed(text));
	assert_has(text, "\"fault\":0},\"causes\":null,");
	assert_has(text, "\"per_second\":5000000000.000,\"occupancy\":null,\"causes\":null,\"offsets\":[]");
	free(text);
}

static void summary_json(void **state)
{
	struct trace_tally tally = a_tally();
	char *text = told_summary(FORMAT_JSON, &tally, 0, -1);
	json_object *j = parsed(text), *sections, *first;

	(void)state;
	assert_true(json_object_object_get_ex(j, "sections", &sections));
	assert_int_equal(json_object_array_length(sections), MANY);
	first = json_object_array_get_idx(sections, 0);
	assert_string_equal(text_at(first, "start"), "0x1000");
	assert_string_equal(text_at(first, "per_second"), "100.000");
	assert_has(text, "\"offsets\":[{\"offset\":4,\"count\":600},");
	assert_has(text, "\"offsets_other\":1,\"stacks\":[{\"count\":999,\"frames\":[{\"object\":");
	assert_has(text, "\"command\":{\"pid\":4711,\"status\":2,\"signal\":null},"
			 "\"notes\":[\"no csd tracepoint here\"]}\n");
	json_object_put(j);
	free(text);
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	for (; *text; text++) {
		size_t len = strcspn(text, "\n");

		longest = len > longest ? len : longest;
		text += len;
	}
	return longest;
}

static void narrow(void **state)
{
	struct trace_tally tally = a_tally();
	char *text;

	(void)state;
	many[0].causes[CAUSE_SYSCALL] = many[0].causes[CAUSE_SIGNAL] = many[0].causes[CAUSE_MEMBARRIER] = 1;
	for (int width = 60; width < 200; width += 7) {
		text = told_summary(FORMAT_TEXT, &tally, width, 0);
		assert_in_range(longest_line(text), 40, width);
		free(text);
	}
	text = told_summary(FORMAT_TEXT, &tally, 100, 0);
	assert_has(text, "  1000 aborts, 100.0/s  4711 mongod  <loc::tcmalloc_internal::");
	assert_has(text, "    syscall 0.1%, signal 0.1%, membarrier 0.1%, migrate 40.0%, preempt 60.0%; at +0x4 60.0%,");
	free(text);
}

static void start_json(void **state)
{
	struct told t = { 0 };
	char *text;

	(void)state;
	begin(&t, FORMAT_JSON, (struct trace_report_options){ 0 });
	text = taken(&t);
	json_object_put(parsed(text));
	assert_memory_equal(text, "{\"type\":\"start\",\"schema\":1,\"command\":\"trace\",\"version\":\"1\",\"host\":{", 67);
	assert_has(text, "\"clock\":\"boottime\",\"realtime_offset_ns\":1000000000}\n");
	free(text);
	end(&t);
}

/* --- the live summary --- */

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void live(void **state)
{
	struct trace_tally tally = a_tally();
	struct told t = { 0 };
	struct event e = a_refusal(), one = an_abort();
	char *text, up[16];

	(void)state;
	begin(&t, FORMAT_TEXT, (struct trace_report_options){ 0 });
	trace_report_event(t.report, &one); /* only counted */
	trace_report_event(t.report, &e);
	trace_report_live(t.report, &tally, 200, 20);
	text = taken(&t);
	assert_memory_equal(text, "\033[?7l1050 aborts", 16);
	assert_in_range(count(text, "\n"), 15, 19);
	assert_has(text, "last events");
	assert_int_equal(count(text, "  register-failed  "), 1);
	assert_has_not(text, "migrate     libx");
	snprintf(up, sizeof(up), "\033[%zuA\r", count(text, "\n"));
	assert_string_equal(text + strlen(text) - 8, "\033[J\033[?7h");
	free(text);
	/* the next one begins where the first one did, and is cut to the terminal */
	trace_report_live(t.report, &tally, 30, 5);
	text = taken(&t);
	assert_memory_equal(text, up, strlen(up));
	assert_int_equal(count(text, "\n"), 4);
	free(text);
	trace_report_resized(t.report);
	trace_report_live(t.report, &tally, 80, 24);
	text = taken(&t);
	assert_memory_equal(text, "\033[H\033[2J", 7);
	snprintf(up, sizeof(up), "\033[%zuA\r", count(text, "\n"));
	free(text);
	/* the end erases it */
	trace_report_summary(t.report, &tally);
	text = taken(&t);
	assert_memory_equal(text, up, strlen(up));
	assert_has(text, "\033[J\033[?7h1050 aborts");
	assert_has(text, "last events\n");
	free(text);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_json),	 cmocka_unit_test(abort_json),	  cmocka_unit_test(call_json),
		cmocka_unit_test(unknown_json),	 cmocka_unit_test(line_text),	  cmocka_unit_test(section_names),
		cmocka_unit_test(hostile),	 cmocka_unit_test(huge_numbers),  cmocka_unit_test(numbers),
		cmocka_unit_test(columns_stay_aligned), cmocka_unit_test(colors), cmocka_unit_test(summary_text),
		cmocka_unit_test(summary_quiet), cmocka_unit_test(summary_empty), cmocka_unit_test(shares),
		cmocka_unit_test(no_cause),	 cmocka_unit_test(summary_json),  cmocka_unit_test(narrow),
		cmocka_unit_test(live),
	};

	return cmocka_run_group_tests_name("trace_report", tests, NULL, NULL);
}
