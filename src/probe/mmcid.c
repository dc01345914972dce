/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mm_cid: threads that run at once have different ones, below the number of CPUs. Each writes its own number
 * where its mm_cid says, and looks in the same section whether it is still there. Where a thread was switched
 * out meanwhile and yet not aborted, that is no fault of mm_cid's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "probe/probes.h"
#include "probe/thread.h"
#include "util/io.h"
#include "util/strbuf.h"

/* Slots where the number of CPUs is not known: more than there ever are. */
enum { SLOTS_MAX = 8192, THREADS_MIN = 4, THREADS_MAX = 256, BATCH = 1024, BATCHES = 8, WINDOW = 300, WHY_MAX = 200 };
enum { ENOUGH_TOGETHER = 5000, ENOUGH_NS = 100000000, MEET_NS = 4000000 };

struct slot {
	uint64_t mark, counter;
} __attribute__((aligned(64)));

struct crew;

struct member {
	struct probe_thread thread;
	struct crew *crew;
	uint64_t number, done;
	uint64_t together; /* rounds in which somebody else got on while this thread never left its CPU */
} __attribute__((aligned(64)));

struct crew {
	struct probe_run *run;
	pthread_barrier_t barrier;
	struct member *members;
	uint32_t n_members, n_slots, n_cpus; /* n_cpus 0: not known */
	_Atomic bool end, wrong, survived; /* a section that should have been aborted went on */
	_Atomic bool alone;		   /* those who stay on a CPU go on without the others */
	_Atomic uint32_t n_stay;
	char why[WHY_MAX];
	struct slot slots[SLOTS_MAX];
};

/* The first one is kept. */
static void found(struct crew *crew, const char *format, ...) _printf_(2, 3);
static void found(struct crew *crew, const char *format, ...)
{
	va_list ap;

	if (!atomic_exchange(&crew->wrong, true)) {
		va_start(ap, format);
		vsnprintf(crew->why, sizeof(crew->why), format, ap);
		va_end(ap);
	}
	atomic_store(&crew->end, true);
}

/* before: probe_switches() when its batch began. */
static void one(struct member *m, long before)
{
	struct critical *c = &m->thread.critical;
	struct crew *crew = m->crew;
	enum critical_result result;
	uint32_t cid;

	do {
		cid = critical_index(c);
		if (cid >= crew->n_slots) {
			found(crew, "mm_cid is %" PRId32 ", with %" PRIu32 " CPUs", (int32_t)cid, crew->n_cpus);
			return;
		}
		result = critical_window(c, cid, &crew->slots[cid].mark, m->number, &crew->slots[cid].counter, 1);
	} while ((result == CRITICAL_ABORTED || result == CRITICAL_MOVED) && !atomic_load(&crew->end));
	if (result == CRITICAL_DONE)
		__atomic_store_n(&m->done, m->done + 1, __ATOMIC_RELAXED);
	else if (result == CRITICAL_OTHER && (before < 0 || probe_switches() != before))
		atomic_store(&crew->survived, true);
	else if (result == CRITICAL_OTHER && c->seen == m->number)
		found(crew, "mm_cid was %" PRIu32 " at the begin of a section and not at its end", cid);
	else if (result == CRITICAL_OTHER)
		found(crew, "mm_cid %" PRIu32 " was that of threads %" PRIu64 " and %" PRIu64 " at once", cid, m->number, c->seen);
}

static uint64_t all_done(const struct crew *crew, const struct member *but)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < crew->n_members; i++)
		if (&crew->members[i] != but)
			sum += __atomic_load_n(&crew->members[i].done, __ATOMIC_RELAXED);
	return sum;
}

static void batch(struct member *m)
{
	long before = probe_switches();
	uint64_t others = all_done(m->crew, m);

	for (int i = 0; i < BATCH && !atomic_load(&m->crew->end); i++)
		one(m, before);
	if (all_done(m->crew, m) > others && before >= 0 && probe_switches() == before)
		__atomic_store_n(&m->together, m->together + BATCH, __ATOMIC_RELAXED);
}

static void begin(struct member *m)
{
	struct probe_run *r = m->crew->run;
	struct probe_thread *t = &m->thread;
	int e = probe_thread_register(r, t, m->number % 2 ? PROMISE_ORIGINAL : PROMISE_LONGER);
	volatile uint64_t *publish = t->critical.publish;

	if (e)
		found(m->crew, "a thread cannot register %" PRIu32 " bytes: %s", t->length, strerror(-e));
	else if (!probe_area_is_kept(&t->area, t->length))
		found(m->crew, "rseq() says that %" PRIu32 " bytes are registered, and the kernel does not know of it", t->length);
	else if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(t);
	/* Several threads may say so, the same. */
	if (t->length > RSEQ_ORIGINAL_LENGTH && (e || !probe_area_is_kept(&t->area, t->length)))
		probe_because_of(r, t->length);
	critical_init(&t->critical, &t->area, true);
	t->critical.publish = publish;
	t->critical.delay[DELAY_LOADED] = WINDOW;
}

/* One stays on each CPU, or a busy machine might run all of them on one; the others are sent about. */
static bool settle(const struct member *m)
{
	cpu_set_t may;
	uint64_t n = 0;

	if (sched_getaffinity(0, sizeof(may), &may) < 0 || m->number > (uint64_t)CPU_COUNT(&may))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &may) && ++n == m->number)
			return probe_pin(cpu) == 0;
	return false;
}

/* Where each CPU has other work, too, slices can take turns for seconds: those who stay wake up together. */
static void meet(void)
{
	uint64_t next = (probe_now() / MEET_NS + 1) * MEET_NS;
	struct timespec at = { (time_t)(next / 1000000000u), (long)(next % 1000000000u) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void *member_run(void *data)
{
	struct member *m = data;
	bool stays;

	begin(m);
	stays = settle(m);
	if (stays)
		atomic_fetch_add(&m->crew->n_stay, 1);
	pthread_barrier_wait(&m->crew->barrier);
	for (unsigned int i = 1; !atomic_load(&m->crew->end) && (stays || !atomic_load(&m->crew->alone)); i++) {
		batch(m);
		if (stays && i % BATCHES == 0)
			meet();
	}
	return NULL;
}

/* --- the crew --- */

/* The last one of "0-3", and one more; 0: cannot be told. */
static uint32_t possible_cpus(void)
{
	_cleanup_close_ int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const char *last;

	if (fd < 0 || io_read_file(fd, 4096, &text) < 0)
		return 0;
	last = strpbrk(strbuf_str(&text), "0123456789");
	for (const char *p = last; p && (p = strpbrk(p, ",-")); p++)
		last = p + 1;
	return last ? (uint32_t)strtoul(last, NULL, 10) + 1 : 0;
}

static struct crew *crew_new(struct probe_run *r, uint32_t n)
{
	size_t size = sizeof(struct crew) + n * sizeof(struct member);
	struct crew *crew = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (crew == MAP_FAILED)
		return NULL;
	crew->run = r;
	crew->members = (struct member *)(crew + 1);
	crew->n_members = n;
	crew->n_cpus = possible_cpus();
	crew->n_slots = crew->n_cpus && crew->n_cpus < SLOTS_MAX ? crew->n_cpus : SLOTS_MAX;
	pthread_barrier_init(&crew->barrier, NULL, n + 1);
	return crew;
}

static uint64_t all_together(const struct crew *crew)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < crew->n_members; i++)
		sum += __atomic_load_n(&crew->members[i].together, __ATOMIC_RELAXED);
	return sum;
}

/*
 * An emulator may run one CPU after another, each for so long that a thread is always switched out when it is its
 * CPU's turn again, as long as there is another to switch to: where that leaves too little to judge, there is none.
 */
static void wait_for(struct crew *crew, uint64_t limit_ns)
{
	struct timespec moment = { 0, 2000000 };
	uint64_t start = probe_now(), spent = 0;

	while (!atomic_load(&crew->end) && spent < limit_ns &&
	       (spent < ENOUGH_NS || all_together(crew) < ENOUGH_TOGETHER)) {
		nanosleep(&moment, NULL);
		spent = probe_now() - start;
		if (spent > limit_ns / 2 && atomic_load(&crew->n_stay) > 1)
			atomic_store(&crew->alone, true);
	}
	atomic_store(&crew->end, true);
}

static void judge(struct probe_run *r, const struct crew *crew)
{
	uint64_t sum = 0, done = all_done(crew, NULL), together = all_together(crew);

	for (uint32_t i = 0; i < crew->n_slots; i++)
		sum += crew->slots[i].counter;
	if (atomic_load(&crew->wrong))
		probe_fail(r, "%s", crew->why);
	else if (sum != done && !atomic_load(&crew->survived))
		probe_fail(r, "%" PRIu64 " increments by mm_cid sum up to %" PRIu64, done, sum);
	else if (together < ENOUGH_TOGETHER)
		probe_unknown(r, "threads hardly ever ran at once: %" PRIu64 " of %" PRIu64 " rounds", together, done);
	else
		probe_pass(r, "%" PRIu32 " threads, %" PRIu64 " rounds%s%s", crew->n_members, done,
			   crew->n_cpus ? "" : "; the number of CPUs is not known",
			   atomic_load(&crew->survived) ? "; sections that should have been aborted went on" : "");
}

static void work(struct probe_run *r, uint32_t n)
{
	struct crew *crew = crew_new(r, n);
	pthread_t threads[THREADS_MAX];

	for (uint32_t i = 0; crew && i < n; i++) {
		int e;

		crew->members[i].crew = crew;
		crew->members[i].number = i + 1;
		e = pthread_create(&threads[i], NULL, member_run, &crew->members[i]);
		if (e) {
			/* Those that wait for the others end with this process. */
			probe_unknown(r, "cannot start %" PRIu32 " threads: %s", n, strerror(e));
			return;
		}
	}
	if (!crew) {
		probe_unknown(r, "no memory for %" PRIu32 " threads", n);
		return;
	}
	pthread_barrier_wait(&crew->barrier);
	wait_for(crew, r->options->limit_ns / 4);
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	judge(r, crew);
}

static void run_mm_cid(struct probe_run *r)
{
	cpu_set_t may;
	uint32_t n;

	if (!registration_has_mm_cid()) {
		probe_skip(r, "this kernel keeps no mm_cid (Linux 6.3 on)");
		return;
	}
	if (sched_getaffinity(0, sizeof(may), &may) < 0 || CPU_COUNT(&may) < 2) {
		probe_skip(r, "needs two CPUs that this process may use: threads never run at once");
		return;
	}
	if (!probe_thread_free(r))
		return;
	n = 2 * (uint32_t)CPU_COUNT(&may);
	work(r, n < THREADS_MIN ? THREADS_MIN : n > THREADS_MAX ? THREADS_MAX : n);
}

const struct probe probe_mm_cid = { .id = "mm_cid", .title = "mm_cid is unique among running threads", .run = run_mm_cid };
