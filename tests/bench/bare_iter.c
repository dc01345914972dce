/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bound that inspect is measured against: a program that loads the same iterator, dumps the
 * same records of one process to stdout and does nothing else.
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "inspect.skel.h"

int main(int argc, char **argv)
{
	struct inspect_bpf *skel = inspect_bpf__open_and_load();
	static char buffer[1 << 18];
	ssize_t n;
	int fd;

	if (argc != 2 || !skel || inspect_bpf__attach(skel))
		return 1;
	skel->bss->only_tgid = atoi(argv[1]);
	fd = bpf_iter_create(bpf_link__fd(skel->links.task_records));
	if (fd < 0)
		return 1;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, (size_t)n, stdout);
	return n < 0;
}
