/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine, without any process. */
#ifndef COLLECT_HOST_H
#define COLLECT_HOST_H

#include "model/facts.h"

/* The class by the kernel's published types; where they cannot be read, why is noted in the arena. */
void host_read_class(struct host_facts *host, struct arena *arena);

#endif
