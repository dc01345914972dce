/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counter keyed by mm_cid, and its promises: two threads that run at once never have the same one,
 * and it stays below the number of CPUs. Threads come and go meanwhile, and so do copies of the process.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/worker.h"
#include "stress/workload.h"

enum { SUM, UNIQUE, BOUNDED };

static int possible(const struct stress_options *options, const char **ret_why)
{
	(void)options;
	*ret_why = "this kernel keeps no mm_cid (Linux 6.3 on)";
	return registration_has_mm_cid() ? 0 : -EOPNOTSUPP;
}

static void not_unique(struct worker *w, uint64_t own, long before)
{
	uint32_t cid = w->index_copy;

	if (worker_switches() != before)
		run_break(w->run, SUM, "worker %u was switched out inside a section with mm_cid %u, which then went on",
			  w->id, cid);
	else if (w->critical.seen == own)
		run_break(w->run, UNIQUE, "worker %u had mm_cid %u at the begin of a section and %u at its end", w->id, cid,
			  *w->critical.key);
	else
		run_break(w->run, UNIQUE, "mm_cid %u was worker %u's and worker %" PRId64 "'s at once", cid, w->id,
			  (int64_t)w->critical.seen - 1);
}

/* Writes its own id, waits, and looks whether it is still there: a lock word that needs no release. */
static void one(struct worker *w)
{
	uint64_t own = w->id + 1, n = worker_amount(w);
	uint32_t cid = critical_index(&w->critical);
	long before = 0;
	uint32_t cpus = run_has_fault(w->run, FAULT_FEW_CPUS) ? 1 : w->run->n_indexes;

	if (cid >= cpus)
		run_break(w->run, BOUNDED, "worker %u has mm_cid %u on a machine of %u CPUs", w->id, cid, cpus);
	switch (WORKER_TRY(w, index, slot,
			   (before = worker_switches(),
			    critical_window(&w->critical, index, &slot->mark, own, &slot->counter, n)))) {
	case CRITICAL_DONE:
		w->in += n;
		w->ops++;
		break;
	case CRITICAL_OTHER:
		not_unique(w, own, before);
		break;
	default: /* somebody else found something broken */
		break;
	}
}

static void some(struct worker *w)
{
	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH; i++)
		one(w);
}

/* A copy of the process has ids of its own. */
static void fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void work(struct worker *w)
{
	uint64_t before = w->ops, r = worker_random(w);

	worker_vary(w);
	for (int i = 0; i < WORKER_BATCH && worker_goes_on(w); i++)
		one(w);
	/* A given number of operations is nobody else's to do. */
	if (r % 64 == 0 && w->quota == UINT64_MAX)
		worker_in_thread(w, some);
	if (r % 512 == 1 && w->id % 16 == 0)
		fork_once();
	run_tried(w->run, UNIQUE, w->ops - before);
	run_tried(w->run, BOUNDED, w->ops - before);
}

static void check(struct run *run)
{
	run_check_sum(run, SUM);
}

const struct workload workload_mmcid = {
	.choice = { "mmcid", "a counter per mm_cid, and that no two running threads share one", true },
	.has_section = true,
	.keys = KEY_BIT(KEY_MM_CID),
	.faults = FAULTS_OF_SECTIONS | FAULT_BIT(FAULT_FEW_CPUS),
	.invariants = {
		[SUM] = { "sum", "no section goes on when switched out; sums agree" },
		[UNIQUE] = { "unique", "threads that run at once have different mm_cids" },
		[BOUNDED] = { "bounded", "mm_cid is below the number of CPUs" },
	},
	.possible = possible,
	.work = work,
	.check = check,
};
