/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other side of the probe exec: this program, started once more. */
#ifndef PROBE_EXEC_H
#define PROBE_EXEC_H

/* What it is started with, behind the command's name. */
#define EXEC_OPTION "exec-check"

/* Looks whether it began unregistered, as every program does; the status to end with. */
int exec_status(void);

#endif
