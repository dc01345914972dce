/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command and prints, in KiB on stderr, the most memory that it and its helpers had resident at
 * one moment. Their pages are summed process by process, so what they share counts several times:
 * an upper bound.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long resident_kib(pid_t group)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	long sum = 0;

	while (dir && (e = readdir(dir))) {
		long pages = 0;
		int pgrp = 0;
		char name[300];
		FILE *f;

		if (atoi(e->d_name) < group)
			continue; /* helpers are younger */
		snprintf(name, sizeof(name), "/proc/%s/stat", e->d_name);
		f = fopen(name, "r");
		if (f && fscanf(f, "%*d (%*[^)]) %*c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %*u %ld",
				&pgrp, &pages) == 2 && pgrp == group)
			sum += pages * (sysconf(_SC_PAGESIZE) / 1024);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum;
}

int main(int argc, char **argv)
{
	long peak = 0, now;
	int status = 0;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		now = resident_kib(pid);
		peak = now > peak ? now : peak;
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	fprintf(stderr, "%ld\n", peak);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
