/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /proc/PID/environ shows is the process's own memory, and some write there: a title for ps, or
 * zeroes to hide a password. What libc was told at the start can then no longer be read there.
 *
 * nonsense	other values, and bytes that are no text, where GLIBC_TUNABLES was
 * title	one long text without an end over the arguments and the environment
 * zero		zeroes over the environment
 * moved	the kernel is told that the environment is empty
 */
#include "testify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { STAT_FIRST = 4, STAT_ENV_START = 50, STAT_LAST = 51 };

static unsigned long stat_field[STAT_LAST + 1];

/* The fields of /proc/PID/stat after the state are numbers all. */
static void read_stat(void)
{
	FILE *file = fopen("/proc/self/stat", "re");
	char line[2048] = "";
	char *at;

	if (!file || !fgets(line, sizeof(line), file) || !(at = strrchr(line, ')')) || !at[1])
		lab_fail(LAB_EXIT_FAILED, "cannot read /proc/self/stat");
	fclose(file);
	at += strlen(") S");
	for (unsigned int i = STAT_FIRST; i <= STAT_LAST; i++)
		stat_field[i] = strtoul(at, &at, 10);
}

/* Not environ: libc may have replaced GLIBC_TUNABLES by a copy of its own. */
static char *environment_start(void)
{
	return (char *)stat_field[STAT_ENV_START];
}

static size_t environment_size(void)
{
	return stat_field[STAT_LAST] - stat_field[STAT_ENV_START];
}

static void write_nonsense(void)
{
	static const char name[] = "GLIBC_TUNABLES=";
	char *value = memmem(environment_start(), environment_size(), name, strlen(name));

	if (!value)
		lab_fail(LAB_EXIT_USAGE, "run with %s", name);
	value += strlen(name);
	for (size_t i = 0; value[i]; i++)
		value[i] = "\033:\xff="[i % 4];
}

static void write_title(char **argv)
{
	program_invocation_short_name = strdup(program_invocation_short_name);
	memset(argv[0], 't', (size_t)(environment_start() + environment_size() - argv[0]));
}

static void write_zeroes(void)
{
	memset(environment_start(), 0, environment_size());
}

/* All at once, which takes no capability; the single values do. */
static void move_away(void)
{
	struct prctl_mm_map map = { .exe_fd = (uint32_t)-1 };

	map.start_code = stat_field[26];
	map.end_code = stat_field[27];
	map.start_stack = stat_field[28];
	map.start_data = stat_field[45];
	map.end_data = stat_field[46];
	map.start_brk = stat_field[47];
	map.brk = (uintptr_t)sbrk(0);
	map.arg_start = stat_field[48];
	map.arg_end = stat_field[49];
	map.env_start = map.env_end = stat_field[STAT_LAST];
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0))
		lab_skip("cannot move the environment: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	const char *lie = argc == 2 ? strdup(argv[1]) : "";
	struct lab_thread *threads = lab_crew_start(2, &lab_role_libc);

	read_stat();
	if (!strcmp(lie, "nonsense"))
		write_nonsense();
	else if (!strcmp(lie, "title"))
		write_title(argv);
	else if (!strcmp(lie, "zero"))
		write_zeroes();
	else if (!strcmp(lie, "moved"))
		move_away();
	else
		lab_fail(LAB_EXIT_USAGE, "usage: environment nonsense|title|zero|moved");
	lab_testimony();
	json_text("lie", lie);
	lab_testify_threads(threads, 2, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
