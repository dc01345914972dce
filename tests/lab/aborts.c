/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Critical sections that are really aborted, and a program that counts its own aborts: each one ends
 * in an abort handler, and every handler counts. Workers spin in the sections, main disturbs them in
 * the way of the kind. What a worker can see of a cause it says: the CPU changed between the start of
 * the section and the handler (migrate); a signal handler found the abort handler as the place it
 * will return to (signal); the thread was switched out in between, by its own doing in a section
 * with a system call (syscall) or not (preempt); or none of it (membarrier: nothing else is left).
 *
 * usage: aborts KIND [--threads N] [--sections K] [--seconds S] [--aborts A] [--paused]
 *	--seconds	ends then, but not before each section was aborted, and there were A of them; after
 *			twenty times as long it does not wait for that any more
 */
#include "section.h"
#include "testify.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <ucontext.h>

#define USAGE                                                                                      \
	"usage: aborts preempt|migrate|signal|membarrier|syscall|mixture|storm|slow"               \
	" [--threads N] [--sections K] [--seconds S] [--aborts A] [--paused]"

#define MEMBARRIER_RSEQ (1 << 7)
#define MEMBARRIER_REGISTER_RSEQ (1 << 8)

#define MAX_WORKERS 1000
#define BURST 100

enum cause { MIGRATE, PREEMPT, SIGNAL, MEMBARRIER, SYSCALL, OTHER, CAUSES };

static const char *const cause_names[CAUSES] = {
	"migrate", "preempt", "signal", "membarrier", "syscall", "other",
};

/* Sections --- */

struct place {
	const char *function; /* NULL: a copy in anonymous memory */
	const char *object;   /* NULL: this program */
	section_code *code;
	const struct section *descriptor;
	bool has_syscall;
};

/* The first one is for the kinds that want a system call. */
enum { SLEEP, SPIN, QUEUE, LIBRARY, COPY, PLACES };

static struct place places[PLACES];
static unsigned int first_place, place_count;

section_code *aborts_library_section(const struct section **ret_descriptor);

#ifdef LAB_HAS_SECTIONS
SECTION_NAP;
SECTION_SPIN("lab_spin", "lab_spin_cs", SECTION_NEAR);
SECTION_SPIN("_ZN3lab5queue4pushEi", "queue_push_cs", SECTION_FAR);
SECTION_DEFINE("lab_sleep_inside", "lab_sleep_inside_cs", SECTION_FAR, SECTION_RSEQ_SIGNATURE,
	       SECTION_SLEEP);

extern section_code lab_spin, lab_sleep_inside;
extern section_code queue_push __asm__("_ZN3lab5queue4pushEi");
SECTION_EXTERN lab_spin_cs, queue_push_cs, lab_sleep_inside_cs;

/* As a just-in-time compiler leaves code and descriptor behind. */
static void copy_section(struct place *copy, const struct place *from)
{
	const struct section *old = from->descriptor;
	uintptr_t function = (uintptr_t)from->code;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), length = old->abort - function + 64;
	char *code = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct section *descriptor = (struct section *)(void *)(code + page);

	if (code == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
	memcpy(code, (const void *)function, length);
	*descriptor = *old;
	descriptor->start += (uintptr_t)code - function;
	descriptor->abort += (uintptr_t)code - function;
	__builtin___clear_cache(code, code + length);
	if (mprotect(code, page, PROT_READ | PROT_EXEC))
		lab_skip("no code in anonymous memory: %s", strerror(errno));
	*copy = (struct place){ .code = (section_code *)(uintptr_t)code, .descriptor = descriptor };
}

static void find_places(void)
{
	struct place *library = &places[LIBRARY];

	places[SPIN] = (struct place){ "lab_spin", NULL, lab_spin, &lab_spin_cs, false };
	places[QUEUE] = (struct place){ "_ZN3lab5queue4pushEi", NULL, queue_push, &queue_push_cs,
					false };
	places[SLEEP] = (struct place){ "lab_sleep_inside", NULL, lab_sleep_inside,
					&lab_sleep_inside_cs, true };
	*library = (struct place){ "aborts_library_pop", "libaborts.so", NULL, NULL, false };
	library->code = aborts_library_section(&library->descriptor);
	if (first_place + place_count > COPY)
		copy_section(&places[COPY], &places[SPIN]);
}
#else
static void find_places(void)
{
	lab_skip("no critical sections on this architecture");
}
#endif

/* Workers --- */

struct worker {
	const struct lab_thread *thread;
	const struct place *place;
	unsigned int cpu; /* where the disturber put it */
	atomic_bool is_parked;
	volatile sig_atomic_t is_signalled;
	/* Written by the worker alone. */
	_Atomic unsigned long attempts, aborts, causes[CAUSES], several, switches, in_place[PLACES];
};

static struct worker *workers;
static unsigned int worker_count = 1;
static __thread struct worker *me;

/* A futex, and the word at which the sections look: 1 while everybody is to stay outside. */
static _Atomic uint32_t leave = 1;

static void add(_Atomic unsigned long *counter, unsigned long n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static uintptr_t interrupted_at(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[16]; /* REG_RIP */
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.pc;
#else
	(void)context;
	return 0;
#endif
}

/* The kernel aborts a section before it makes the frame of the handler. */
static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	if (me && interrupted_at(context) == me->place->descriptor->abort)
		me->is_signalled = 1;
}

/* How many memory barriers main has ordered. */
static _Atomic unsigned long orders;

struct switches {
	unsigned long voluntary, involuntary, orders;
};

static struct switches count_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (struct switches){ (unsigned long)usage.ru_nvcsw, (unsigned long)usage.ru_nivcsw, atomic_load(&orders) };
}

static enum cause judge(const struct worker *worker, const struct section_cpus *cpus,
			unsigned long voluntary, unsigned long involuntary)
{
	if (cpus->entered != LAB_CPU_ID_UNINITIALIZED && cpus->entered != cpus->aborted)
		return MIGRATE;
	if (worker->is_signalled)
		return SIGNAL;
	if (voluntary)
		return worker->place->has_syscall ? SYSCALL : OTHER;
	return involuntary ? PREEMPT : MEMBARRIER;
}

static void count_abort(struct worker *worker, const struct section_cpus *cpus,
			const struct switches *before)
{
	struct switches after = count_switches();
	unsigned long voluntary = after.voluntary - before->voluntary;
	unsigned long involuntary = after.involuntary - before->involuntary;

	add(&worker->causes[judge(worker, cpus, voluntary, involuntary)], 1);
	add(&worker->switches, voluntary + involuntary);
	/*
	 * A signal or a barrier that came while the thread was switched out, or about to be; moved, and switched out
	 * and moved back before the handler could look: either could be named.
	 */
	if (voluntary + involuntary > (worker->is_signalled || after.orders != before->orders ? 0 : 1))
		add(&worker->several, 1);
	add(&worker->in_place[worker->place - places], 1);
	add(&worker->aborts, 1);
}

static void next_place(struct worker *worker)
{
	unsigned int next = (unsigned int)(worker->place - places) + 1;

	worker->place = &places[next < first_place + place_count ? next : first_place];
}

static void attempt(struct worker *worker, volatile struct lab_rseq *area)
{
	struct switches before = count_switches();
	struct section_cpus cpus;

	worker->is_signalled = 0;
	if (worker->place->code(area, &leave, &cpus, worker->place->descriptor)) {
		count_abort(worker, &cpus, &before);
		next_place(worker);
	}
	add(&worker->attempts, 1);
}

static void park(struct worker *worker)
{
	atomic_store(&worker->is_parked, true);
	while (atomic_load(&leave))
		syscall(SYS_futex, &leave, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	atomic_store(&worker->is_parked, false);
}

/* Those behind the workers only take time away. */
static bool is_hog(const struct lab_thread *thread)
{
	return thread->index > worker_count;
}

static void work(struct lab_thread *self)
{
	struct worker *worker = &workers[self->index - 1];

	worker->thread = self;
	worker->place = &places[first_place];
	if (!is_hog(self))
		me = worker;
	for (;;) {
		if (atomic_load(&leave))
			park(worker);
		else if (!is_hog(self))
			attempt(worker, (volatile struct lab_rseq *)self->area);
	}
}

static unsigned int hand_count;

static void wait_for_all(bool parked)
{
	for (unsigned int i = 0; i < hand_count; i++)
		while (atomic_load(&workers[i].is_parked) != parked)
			usleep(100);
}

/* From here on nobody is in a section, so the counters stand. */
static void make_pause(void)
{
	atomic_store(&leave, 1);
	wait_for_all(true);
}

static void make_go(void)
{
	atomic_store(&leave, 0);
	syscall(SYS_futex, &leave, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
	wait_for_all(false);
}

/* Disturbances, of some milliseconds each at most --- */

static unsigned int home_cpu, away_cpu, main_cpu;

static void pin(pid_t tid, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(tid, sizeof(set), &set))
		lab_fail(LAB_EXIT_FAILED, "cannot pin %d to CPU %u: %s", tid, cpu, strerror(errno));
}

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static struct worker *next_worker(void)
{
	static unsigned int turn;

	return &workers[turn++ % worker_count];
}

/* Nothing: the worker has company on its CPU, or a system call of its own. */
static void rest_a_little(void)
{
	usleep(1000);
}

/*
 * Main and the worker change places. Main comes first: the worker, which it takes the CPU from, goes
 * on elsewhere, on a CPU where nobody is any more. So every interruption ends with another CPU.
 */
static void hop(void)
{
	struct worker *worker = next_worker();
	unsigned int there = worker->cpu;

	pin(0, there);
	pin(worker->thread->tid, main_cpu);
	worker->cpu = main_cpu;
	main_cpu = there;
	usleep(300);
}

static void send_one(void)
{
	struct worker *worker = next_worker();
	unsigned long before = atomic_load(&worker->attempts);
	long deadline = now_us() + 1000;

	if (syscall(SYS_tgkill, getpid(), worker->thread->tid, SIGUSR1))
		lab_fail(LAB_EXIT_FAILED, "cannot send: %s", strerror(errno));
	while (atomic_load(&worker->attempts) == before && now_us() < deadline)
		;
}

static void send_signals(void)
{
	for (unsigned int i = 0; i < BURST; i++)
		send_one();
}

static void order_one(void)
{
	atomic_fetch_add(&orders, 1);
	if (syscall(SYS_membarrier, MEMBARRIER_RSEQ, 0, 0))
		lab_fail(LAB_EXIT_FAILED, "membarrier: %s", strerror(errno));
}

static void order_barriers(void)
{
	for (unsigned int i = 0; i < BURST; i++)
		order_one();
}

static void order_slowly(void)
{
	usleep(200000);
	order_one();
}

/* Long enough at every place for the worker's company to take the CPU now and then. */
static void take_turns(void)
{
	for (unsigned int i = 0; i < 10; i++) {
		send_one();
		order_one();
		rest_a_little();
	}
	hop();
}

static const struct kind {
	const char *name;
	void (*disturb)(void);
	unsigned int threads, hogs;
	unsigned int first_place, place_count;
	bool is_pinned;
} kinds[] = {
	{ "preempt", rest_a_little, 1, 1, SPIN, 3, true },
	{ "migrate", hop, 1, 0, SPIN, 3, true },
	{ "signal", send_signals, 1, 0, SPIN, 3, true },
	{ "membarrier", order_barriers, 1, 0, SPIN, 3, true },
	{ "syscall", rest_a_little, 1, 0, SLEEP, 1, true },
	{ "mixture", take_turns, 1, 1, SLEEP, 4, true },
	{ "storm", order_barriers, 4, 0, SPIN, 3, false },
	{ "slow", order_slowly, 1, 0, SPIN, 3, true },
};

static const struct kind *kind;

/* Testimony --- */

static void testify_section(const struct place *place)
{
	json_object(NULL);
	json_text("function", place->function);
	json_text("object", place->function && !place->object ? lab_program() : place->object);
	json_address("descriptor", (uintptr_t)place->descriptor);
	json_address("start", (uintptr_t)place->descriptor->start);
	json_number("length", (long long)place->descriptor->length);
	json_address("abort", (uintptr_t)place->descriptor->abort);
	json_object_end();
}

static void testify_role(const struct lab_thread *thread)
{
	json_text("role", !thread->index ? "main" : is_hog(thread) ? "hog" : "worker");
}

static void testify(const struct lab_thread *threads)
{
	lab_testimony();
	json_text("kind", kind->name);
	json_array("sections");
	for (unsigned int i = 0; i < place_count; i++)
		testify_section(&places[first_place + i]);
	json_array_end();
	lab_testify_threads(threads, hand_count + 1, testify_role);
	lab_testimony_end();
}

static long long sum_of(size_t offset)
{
	long long sum = 0;

	for (unsigned int i = 0; i < worker_count; i++)
		sum += (long long)atomic_load(
			(_Atomic unsigned long *)(void *)((char *)&workers[i] + offset));
	return sum;
}

static void report_places(void)
{
	json_array("sections");
	for (unsigned int i = first_place; i < first_place + place_count; i++)
		json_number(NULL, sum_of(offsetof(struct worker, in_place) +
					 i * sizeof(workers->in_place[0])));
	json_array_end();
}

static void report(void)
{
	json_bool("paused", atomic_load(&leave));
	json_number("aborts", sum_of(offsetof(struct worker, aborts)));
	json_object("causes");
	for (unsigned int i = 0; i < CAUSES; i++)
		json_number(cause_names[i], sum_of(offsetof(struct worker, causes) +
						   i * sizeof(workers->causes[0])));
	json_object_end();
	json_number("several", sum_of(offsetof(struct worker, several)));
	json_number("switches", sum_of(offsetof(struct worker, switches)));
	report_places();
	json_array("threads");
	for (unsigned int i = 0; i < worker_count; i++)
		json_number(NULL, (long long)atomic_load(&workers[i].aborts));
	json_array_end();
}

/* Running --- */

static void find_cpus(void)
{
	bool is_first = true;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		lab_fail(LAB_EXIT_FAILED, "sched_getaffinity: %s", strerror(errno));
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		if (is_first)
			away_cpu = cpu;
		is_first = false;
		home_cpu = cpu;
	}
	if (home_cpu == away_cpu)
		lab_skip("one CPU is not enough");
}

static void place_threads(const struct lab_thread *threads)
{
	if (!kind->is_pinned)
		return;
	for (unsigned int i = 1; i <= hand_count; i++)
		pin(threads[i].tid, home_cpu);
	for (unsigned int i = 0; i < worker_count; i++)
		workers[i].cpu = home_cpu;
	pin(0, away_cpu);
	main_cpu = away_cpu;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	if (syscall(SYS_membarrier, MEMBARRIER_REGISTER_RSEQ, 0, 0))
		lab_skip("membarrier for rseq: %s", strerror(errno));
}

/* From 6.19 on a system call in a section ends nothing, and a switch in it says nothing of a later abort. */
static void learn_syscall(void)
{
	long deadline = now_us() + 500000;

	make_go();
	while (!sum_of(offsetof(struct worker, causes[SYSCALL])) && now_us() < deadline)
		usleep(1000);
	make_pause();
	if (sum_of(offsetof(struct worker, causes[SYSCALL])))
		return;
	if (!--place_count)
		lab_skip("this kernel aborts no section for a system call");
	first_place++;
	for (unsigned int i = 0; i < worker_count; i++)
		workers[i].place = &places[first_place];
}

static void answer_pause(bool pause)
{
	if (pause)
		make_pause();
	else
		make_go();
	lab_report(report);
}

static void obey(void)
{
	for (;;) {
		bool is_running = !atomic_load(&leave);

		if (is_running)
			kind->disturb();
		switch (lab_listen(is_running ? 0 : -1)) {
		case LAB_ORDER_REPORT:
			lab_report(report);
			break;
		case LAB_ORDER_PAUSE:
			answer_pause(true);
			break;
		case LAB_ORDER_GO:
			answer_pause(false);
			break;
		case LAB_ORDER_END:
			return;
		case LAB_ORDER_NONE:
			break;
		}
	}
}

static bool has_met(unsigned int aborts)
{
	for (unsigned int i = first_place; i < first_place + place_count; i++)
		if (!sum_of(offsetof(struct worker, in_place) + i * sizeof(workers->in_place[0])))
			return false;
	return sum_of(offsetof(struct worker, aborts)) >= aborts;
}

static void run_for(unsigned int seconds, unsigned int aborts)
{
	long start = now_us(), deadline = start + seconds * 1000000L, last = start + seconds * 20000000L;

	while (now_us() < deadline || (now_us() < last && !has_met(aborts)))
		kind->disturb();
	answer_pause(true);
}

struct options {
	unsigned int threads, sections, seconds, aborts;
	bool is_paused;
};

static struct options parse(int argc, char **argv)
{
	struct options options = { 0 };

	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, argv[1]))
			kind = &kinds[i];
	for (int i = 2; i < argc; i++) {
		const char *value = argv[i + 1];

		if (!strcmp(argv[i], "--paused"))
			options.is_paused = true;
		else if (!value)
			kind = NULL;
		else if (!strcmp(argv[i], "--threads") && ++i)
			options.threads = lab_count_argument(value, MAX_WORKERS);
		else if (!strcmp(argv[i], "--sections") && ++i)
			options.sections = lab_count_argument(value, PLACES);
		else if (!strcmp(argv[i], "--seconds") && ++i)
			options.seconds = lab_count_argument(value, 3600);
		else if (!strcmp(argv[i], "--aborts") && ++i)
			options.aborts = lab_count_argument(value, 1000000);
		else
			kind = NULL;
	}
	if (!kind)
		lab_fail(LAB_EXIT_USAGE, USAGE);
	return options;
}

static void choose_places(unsigned int sections)
{
	first_place = kind->first_place;
	place_count = sections ? sections : kind->place_count;
	if (first_place + place_count > PLACES)
		lab_fail(LAB_EXIT_USAGE, "%s has %u sections", kind->name, PLACES - first_place);
	find_places();
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = lab_prepare_libc, .rest = work };
	struct options options = parse(argc, argv);
	struct lab_thread *threads;

	lab_require_libc_owner();
	worker_count = options.threads ? options.threads : kind->threads;
	hand_count = worker_count + kind->hogs;
	workers = calloc(hand_count, sizeof(*workers));
	if (!workers)
		lab_fail(LAB_EXIT_FAILED, "out of memory");
	choose_places(options.sections);
	find_cpus();
	catch_signals();
	threads = lab_crew_start(hand_count + 1, &role);
	wait_for_all(true);
	place_threads(threads);
	if (first_place == SLEEP)
		learn_syscall();
	testify(threads);
	if (!options.is_paused || options.seconds)
		make_go();
	if (options.seconds)
		run_for(options.seconds, options.aborts);
	else
		obey();
	return 0;
}
