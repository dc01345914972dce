/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void progress_init(struct progress *p, const struct output *output)
{
	/* JSON is written piece by piece: on the same terminal its unfinished lines would be erased. */
	bool in_the_way = output->format != FORMAT_TEXT && isatty(fileno(output->file));

	const char *term = getenv("TERM");
	bool can_erase = term && strcmp(term, "dumb") != 0;

	*p = (struct progress){
		.wanted = isatty(STDERR_FILENO) && can_erase && output->verbosity >= 0 && !in_the_way
	};
}

void progress_show(struct progress *p, size_t i, size_t n, const char *what)
{
	if (!p->wanted)
		return;
	fprintf(stderr, "\r%zu of %zu %s\033[K", i, n, what);
	p->shown = true;
}

void progress_erase(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
