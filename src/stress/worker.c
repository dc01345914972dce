/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "critical/registration.h"
#include "stress/disturb.h"
#include "stress/worker.h"

uint32_t worker_index(struct worker *w)
{
	uint32_t index = critical_index(&w->critical);

	w->index_copy = index;
	if (!--w->pause) {
		disturb_worker(w);
		w->pause = 1 + worker_random(w) % 64;
		/* It may be elsewhere now: time for those who are there to come in between. */
		w->critical.delay[worker_random(w) & 1 ? DELAY_LOADED : DELAY_STORING] |= 16384;
	}
	/* Nothing may ever be written beyond the slots; the workload that promises bounds checks them itself. */
	return index < w->run->n_indexes ? index : w->run->n_indexes - 1;
}

static void set_key(struct worker *w);

/* Mostly none, sometimes so long that a timer's tick is likely to fall into it. */
void worker_vary(struct worker *w)
{
	for (int i = 0; i < CRITICAL_DELAYS; i++) {
		uint64_t r = worker_random(w);

		w->critical.delay[i] = r % 4 ? 0 : (uint32_t)(r >> 32) & ((64u << (r >> 8) % 8) - 1);
	}
	if (worker_random(w) % 16 == 0)
		w->critical.delay[worker_random(w) % CRITICAL_DELAYS] = 30000;
	if (w->run->keys == KEY_ANY) {
		w->key = worker_random(w) & 1 << 20 ? KEY_MM_CID : KEY_CPU_ID;
		set_key(w);
	}
}

bool worker_retry(struct worker *w, enum critical_result result)
{
	if (result != CRITICAL_ABORTED && result != CRITICAL_MOVED)
		return false;
	w->retries++;
	return !atomic_load_explicit(&w->run->shared->broken, memory_order_relaxed);
}

void worker_increment(struct worker *w)
{
	uint64_t n = worker_amount(w);

	if (WORKER_TRY(w, index, slot, critical_add(&w->critical, index, &slot->counter, n)) != CRITICAL_DONE)
		return;
	w->in += n;
	w->ops++;
}

/* What each fault changes in a thread's way into its sections. */
static void apply_fault(struct worker *w)
{
	static uint64_t nowhere;
	static const uint32_t zero = 0, never = UINT32_MAX;
	struct critical *c = &w->critical;

	switch (w->run->options->fault) {
	case FAULT_NO_SECTION:
		c->publish = &nowhere;
		break;
	case FAULT_LATE_START:
		c->descriptor = CRITICAL_LATE_START;
		break;
	case FAULT_LATE_COMMIT:
		c->descriptor = CRITICAL_LATE_COMMIT;
		break;
	case FAULT_LATE_END:
		c->descriptor = CRITICAL_LATE_END;
		break;
	case FAULT_STALE_CPU:
		c->key = &w->index_copy;
		break;
	case FAULT_ONE_SLOT:
		c->start = c->key = &zero;
		break;
	case FAULT_IGNORE_ABORT:
		c->ignore_aborts = true;
		break;
	case FAULT_STUCK:
		c->key = &never;
		break;
	default:
		break;
	}
}

static void set_key(struct worker *w)
{
	critical_key(&w->critical, w->area, w->key == KEY_MM_CID);
	apply_fault(w);
}

static int find_area(struct worker *w)
{
	const struct stress_options *o = w->run->options;
	int r;

	w->area = NULL;
	if (!o->own_registration) {
		w->area = registration_libc_area();
		return w->area ? 0 : -ENXIO;
	}
	if (posix_memalign(&w->area, REGISTRATION_ALIGN, REGISTRATION_LENGTH_MAX))
		return -ENOMEM;
	memset(w->area, 0, REGISTRATION_LENGTH_MAX);
	r = registration_register(w->area, o->length);
	if (r < 0) {
		free(w->area);
		w->area = NULL;
	}
	return r;
}

long worker_switches(void)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

void worker_begin(struct worker *w)
{
	critical_init(&w->critical, w->area, false);
	set_key(w);
}

int worker_init(struct worker *w, struct run *run, uint32_t id)
{
	int r;

	w->run = run;
	w->id = id;
	w->key = run->keys & KEY_BIT(KEY_CPU_ID) ? KEY_CPU_ID : KEY_MM_CID;
	w->random = (run->options->seed + id + 1) * 0x9e3779b97f4a7c15u | 1;
	w->pause = 1 + id % 64;
	w->quota = UINT64_MAX;
	r = find_area(w);
	if (r < 0)
		return r;
	worker_begin(w);
	atomic_store(&w->tid, gettid());
	return 0;
}

void worker_done(struct worker *w)
{
	atomic_store(&w->tid, 0);
	if (!w->run->options->own_registration || !w->area)
		return;
	registration_unregister(w->area, w->run->options->length);
	free(w->area);
	w->area = NULL;
}

struct visitor {
	struct worker worker;
	struct run *run;
	void (*work)(struct worker *w);
	uint64_t random;
	uint32_t id;
	int result;
};

static void *visit(void *data)
{
	struct visitor *v = data;

	v->result = worker_init(&v->worker, v->run, v->id);
	if (v->result < 0)
		return NULL;
	/* Otherwise all that come from one worker would do the same. */
	v->worker.random = v->random;
	v->worker.pause = 1 + worker_random(&v->worker) % WORKER_BATCH;
	v->work(&v->worker);
	worker_done(&v->worker);
	return NULL;
}

int worker_in_thread(struct worker *w, void (*work)(struct worker *w))
{
	struct visitor v = { .run = w->run, .work = work, .id = w->id + STRESS_THREADS_MAX,
			     .random = worker_random(w) | 1 };
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	r = pthread_create(&thread, &attr, visit, &v);
	pthread_attr_destroy(&attr);
	if (r)
		return -r;
	pthread_join(thread, NULL);
	w->ops += v.worker.ops;
	w->in += v.worker.in;
	w->retries += v.worker.retries;
	w->critical.aborts += v.worker.critical.aborts;
	w->tried += v.worker.tried;
	w->count += v.worker.count;
	return v.result;
}
