/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learning the facts about processes and about the machine they run on. */
#ifndef COLLECT_COLLECTOR_H
#define COLLECT_COLLECTOR_H

#include "model/facts.h"

struct collector;

/* Why something could not be done, for people: err is negative. */
struct refusal {
	int err;
	char what[160];
};

/*
 * Starts the helpers and gives up all capabilities: open what else needs them before. method is
 * what the user asked for: where BPF does not work, METHOD_BPF refuses every process, METHOD_AUTO
 * does without it and collector_host says why. verbose shows libbpf's messages. 0 or -errno and
 * refusal.
 */
int collector_new(enum method method, bool verbose, struct collector **ret, struct refusal *refusal);
void collector_free(struct collector *c);

/* From now on every process is watched for so long, to see which sections are in use. 0: not. */
void collector_sample(struct collector *c, unsigned int seconds);

/* What is known of the machine, asking now for what no process has told. Borrowed. */
const struct host_facts *collector_host(struct collector *c);

enum target_kind { TARGET_PROCESS, TARGET_KERNEL_THREAD, TARGET_ZOMBIE };

/*
 * All facts about one process. 0, or -errno and refusal: -ESRCH no such process or gone while it
 * was read, -EPERM nothing may be learned, -EINVAL no process, -ECANCELED no helper could be started; *ret_kind tells kernel threads and
 * zombies, which are refused. *ret is to be freed with process_facts_done in every case.
 */
int collector_process(struct collector *c, int32_t pid, struct process_facts *ret,
		      enum target_kind *ret_kind, struct refusal *refusal);

/*
 * The ids of all processes but our own, ascending; the caller frees *ret. Where the kernel's record
 * is used, it is read once now and holds for all of them. -errno and refusal when they cannot be
 * listed, or not by the method that was asked for.
 */
int collector_list(struct collector *c, int32_t **ret, size_t *ret_n, struct refusal *refusal);

/*
 * How often the processes so far mapped a file whose content was wanted, and how many files were
 * decoded for that: each one once, by device, inode, size and time.
 */
void collector_files(const struct collector *c, size_t *ret_wanted, size_t *ret_decoded);

/* The name of a process, for choosing by it; false when it is gone. */
bool collector_comm(struct collector *c, int32_t pid, char ret[17]);

#endif
