/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of every command: its row in the table, its exit status, the options all have. */
#ifndef CMD_H
#define CMD_H

#include <argp.h>
#include <stdint.h>

#include "model/names.h"
#include "report/output.h"

#define RSEQCTL_VERSION "0.1.0"

/* One table for all commands, documented in rseqctl(1). */
enum status {
	STATUS_OK = 0,
	STATUS_FINDINGS = 1,
	STATUS_USAGE = 2,
	STATUS_IMPOSSIBLE = 3, /* not here: no such process, no permission, no such kernel feature */
	STATUS_INTERNAL = 4,   /* or the output could not be written */
	/* As env(1) ends when the command that it was given cannot be started. */
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

/* Before the command is known. */
#define COMMON_FORMATS_ALL (~0u)

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct common_options {
	enum format format;
	const char *output; /* NULL: stdout */
	int verbosity;
	enum color color;
	unsigned int formats; /* bits of enum format that the command has; 0: text and json */
	bool as_it_comes;     /* the output is a stream, whose parts are useful; else a file is written whole or not at all */
};

struct cmd {
	const char *name, *args, *summary;
	/* argv[0] is "rseqctl NAME"; common is what stood before the command's name. */
	enum status (*run)(int argc, char **argv, const struct common_options *common);
	unsigned int formats; /* as in struct common_options */
};

extern const struct cmd cmd_inspect, cmd_trace, cmd_stress, cmd_check, cmd_explain, cmd_version;

/* The options all commands have; its input is a struct common_options. */
extern const struct argp common_argp;

/* Opens the output that the options ask for. A message and STATUS_INTERNAL when it cannot; common_close in all other cases. */
enum status common_open(const struct common_options *options, struct output *ret);

/* Flushes and closes; the status, or STATUS_INTERNAL and a message when it could not be written. */
enum status common_close(struct output *output, enum status status);

/* The word of a closed set that is nearest to a mistyped one, or NULL when none is near. */
const char *common_nearest(const char *word, const char *const *words, size_t n);

/* The same among the ids of all findings. */
const char *common_nearest_finding(const char *id);

/* --fail-on of several commands: from which severity on a finding is one; or a usage error. */
enum { FAIL_NEVER = SEVERITY_ERROR + 1 };
unsigned int common_fail_on(const char *word, struct argp_state *state);

/* One more id in a list, which the caller frees; or a usage error: kind is what it should be. */
void common_add_id(int32_t **ids, size_t *n, const char *kind, const char *word, struct argp_state *state);

/* A usage error: no such word is there, of what is chosen from; near may be NULL. */
void common_no_such(struct argp_state *state, const char *kind, const char *word, const char *near);

#endif
