/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/summary.h"

#include <stdlib.h>

void summary_done(struct summary *s)
{
	free(s->owners);
	free(s->findings);
	arena_done(&s->arena);
	*s = (struct summary){ 0 };
}
