/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields that say where a thread runs, against getcpu(2). */
#include <inttypes.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/probes.h"
#include "probe/thread.h"

static bool look_at_cpu(struct probe_run *r, void *data, int cpu)
{
	const struct probe_thread *t = data;
	const volatile struct rseq_area *area = &t->area;

	if (probe_area_is_right(&t->area))
		return true;
	probe_fail(r, "on CPU %d cpu_id is %" PRId32 " and cpu_id_start %" PRId32 ", with %" PRIu32 " bytes", cpu,
		   (int32_t)area->cpu_id, (int32_t)area->cpu_id_start, t->length);
	return false;
}

/* False when a verdict was given. */
static bool registered(struct probe_run *r, struct probe_thread *t, enum promise_length length)
{
	if (!probe_thread_own(r, t, length))
		return false;
	if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(t);
	return true;
}

/* How many CPUs were seen; -1: the verdict is given. */
static int visit(struct probe_run *r, enum promise_length length, bool (*look)(struct probe_run *r, void *data, int cpu))
{
	static struct probe_thread t;
	int n;

	if (!registered(r, &t, length))
		return -1;
	n = probe_each_cpu(r, look, &t);
	probe_thread_unregister(&t);
	if (n == 0)
		probe_unknown(r, "this process cannot be pinned to any CPU");
	return n > 0 ? n : -1;
}

static void run_cpu_id(struct probe_run *r)
{
	int n = visit(r, PROMISE_ORIGINAL, look_at_cpu);

	if (n > 0 && probe_has_longer())
		n = visit(r, PROMISE_LONGER, look_at_cpu);
	if (n > 0)
		probe_pass(r, "on %d CPU%s", n, n == 1 ? "" : "s");
}

static bool look_at_node(struct probe_run *r, void *data, int cpu)
{
	const struct probe_thread *t = data;
	const volatile struct rseq_area *area = &t->area;
	uint32_t node = 0, seen = 0;

	/* It may be moved in between, when a cpuset changes. */
	for (int i = 0; i < 1000 && (i == 0 || seen != node); i++) {
		seen = area->node_id;
		syscall(SYS_getcpu, NULL, &node, NULL);
	}
	/* 0 is what one that is not registered has, too. */
	if (!look_at_cpu(r, data, cpu))
		return false;
	if (seen == node)
		return true;
	probe_fail(r, "on CPU %d, of node %" PRIu32 ", node_id is %" PRId32 ", with %" PRIu32 " bytes", cpu, node,
		   (int32_t)seen, t->length);
	return false;
}

static void run_node_id(struct probe_run *r)
{
	int n;

	if (getauxval(AUXV_RSEQ_FEATURE_SIZE) < offsetof(struct rseq_area, node_id) + sizeof(uint32_t)) {
		probe_skip(r, "this kernel keeps no node_id (Linux 6.3 on)");
		return;
	}
	n = visit(r, PROMISE_ORIGINAL, look_at_node);
	if (n > 0)
		n = visit(r, PROMISE_LONGER, look_at_node);
	if (n > 0)
		probe_pass(r, "on %d CPU%s", n, n == 1 ? "" : "s");
}

const struct probe probe_cpu_id = { .id = "cpu_id", .title = "cpu_id is the CPU", .run = run_cpu_id };
const struct probe probe_node_id = { .id = "node_id", .title = "node_id is the CPU's node", .run = run_node_id };
