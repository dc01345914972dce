/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Someone writes into the fields that belong to the kernel: a foreign number in cpu_id_start of a
 * thread that sleeps in read(). Old kernels overwrite it when the thread next runs, optimized mode
 * kills the process for it. With --clean nothing is written: the near miss.
 *
 * usage: id-writer [--clean]
 */
#include "testify.h"

#include <string.h>
#include <unistd.h>

#define FOREIGN_CPU 0x7fff

static int never_written[2];
static volatile struct lab_rseq *victim_area;

static void rest_in_read(struct lab_thread *self)
{
	char byte;

	(void)self;
	for (;;) {
		if (read(never_written[0], &byte, 1) >= 0)
			lab_fail(LAB_EXIT_FAILED, "the pipe spoke");
	}
}

static void report_victim(void)
{
	json_number("cpu_id_start", victim_area->cpu_id_start);
	json_number("cpu_id", (int32_t)victim_area->cpu_id);
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = lab_prepare_libc, .rest = rest_in_read };
	bool clean = argc > 1 && !strcmp(argv[1], "--clean");
	struct lab_thread *threads;

	if (argc > 1 && !clean)
		lab_fail(LAB_EXIT_USAGE, "usage: id-writer [--clean]");
	lab_require_libc_owner();
	if (pipe(never_written))
		lab_fail(LAB_EXIT_FAILED, "no pipe");
	threads = lab_crew_start(2, &role);
	victim_area = lab_libc_area(threads[1].tp);
	if (!clean)
		victim_area->cpu_id_start = FOREIGN_CPU;
	lab_testimony();
	json_number("victim", threads[1].tid);
	json_bool("written", !clean);
	report_victim();
	lab_testify_threads(threads, 2, NULL);
	lab_testimony_end();
	lab_obey(report_victim);
	return 0;
}
