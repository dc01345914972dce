/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "util/array.h"

static const struct cmd *const commands[] = {
	&cmd_inspect,
	&cmd_trace,
	&cmd_stress,
	&cmd_check,
	&cmd_explain,
	&cmd_version,
};

const char *argp_program_version = "rseqctl " RSEQCTL_VERSION;

static char *command_help(int key, const char *text, void *input)
{
	char *help = NULL;
	size_t size = 0;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&help, &size);
	if (!f)
		return NULL;
	fputs("Commands:\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nrseqctl COMMAND --help says more; so does 'man rseqctl-COMMAND'.\n", f);
	fclose(f);
	return help;
}

static const struct cmd *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static void unknown_command(struct argp_state *state, const char *name)
{
	const char *names[ARRAY_SIZE(commands)], *near;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	near = common_nearest(name, names, ARRAY_SIZE(commands));
	if (near)
		argp_error(state, "no command '%s': did you mean '%s'?", name, near);
	else
		argp_error(state, "no command '%s'", name);
}

struct choice {
	const struct cmd *cmd;
	struct common_options common;
	int index; /* of the command word in argv */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct choice *choice = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &choice->common;
		return 0;
	case ARGP_KEY_ARG:
		choice->cmd = find_command(arg);
		if (!choice->cmd)
			unknown_command(state, arg);
		choice->index = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = { { .argp = &common_argp }, { 0 } };
static const struct argp argp = {
	.parser = parse,
	.children = children,
	.args_doc = "COMMAND [ARG...]",
	.doc = "Who owns restartable sequences (rseq), who conflicts, and why.\v",
	.help_filter = command_help,
};

int main(int argc, char **argv)
{
	struct choice choice = { .common.formats = COMMON_FORMATS_ALL }; /* the command is not known yet */
	char name[64];

	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice);
	snprintf(name, sizeof(name), "rseqctl %s", choice.cmd->name);
	argv[choice.index] = name;
	choice.common.formats = choice.cmd->formats;
	return choice.cmd->run(argc - choice.index, argv + choice.index, &choice.common);
}
