/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be chosen: workloads, disturbers, indexes, faults. */
#ifndef CMD_STRESS_LIST_H
#define CMD_STRESS_LIST_H

#include "report/output.h"

/* As text, as JSON, or when it is to be quiet a line for each, kind and name, for scripts and completions. */
void cmd_stress_list(const struct output *o);

#endif
