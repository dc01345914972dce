/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is registered after a thread, a copy or a new program began: a thread begins without, with its own stack
 * alone (CLONE_VM) too; a copy keeps what its maker had; a new program begins without.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/answer.h"
#include "probe/exec.h"
#include "probe/probes.h"
#include "probe/thread.h"
#include "util/array.h"
#include "util/strbuf.h"

/* --- threads --- */

enum { THREADS = 8 };

struct crew {
	struct probe_run *run;
	pthread_barrier_t barrier;
	struct member {
		struct crew *crew;
		struct probe_thread thread;
		const char *wrong; /* NULL: all was right */
		int error;	   /* of the call that was wrong, or 0 */
	} members[THREADS];
};

static void found(struct member *m, const char *wrong, int error)
{
	if (m->wrong)
		return;
	m->wrong = wrong;
	m->error = error;
}

static void begin(struct member *m, unsigned int index)
{
	bool longer = index % 2 && probe_has_longer();
	int e = probe_thread_register(m->crew->run, &m->thread, longer ? PROMISE_LONGER : PROMISE_ORIGINAL);

	if (e)
		found(m, "cannot register", e);
	else if (probe_has_fault(m->crew->run, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(&m->thread);
}

/* While all of them are registered. */
static void look(struct member *m, const struct member *other)
{
	struct probe_thread *t = &m->thread;

	if (!probe_area_is_kept(&t->area, t->length))
		found(m, "registered, and the kernel does not know of it", 0);
	if (!probe_area_is_right(&t->area))
		found(m, "has not the CPU that it runs on in its area", 0);
	if (registration_unregister((void *)&other->thread.area, other->thread.length) != -EINVAL)
		found(m, "could take another one's registration away", 0);
}

static void give_back(struct member *m)
{
	struct probe_thread *t = &m->thread;
	const volatile struct rseq_area *area = &t->area;
	int e = registration_unregister(&t->area, t->length);

	if (e)
		found(m, "cannot unregister", e);
	else if (area->cpu_id != -1u)
		found(m, "is unregistered, and its cpu_id was not taken back", 0);
	e = registration_unregister(&t->area, t->length);
	if (e != -EINVAL)
		found(m, "could unregister twice", e);
	probe_area_spoil(&t->area);
	e = registration_register(&t->area, t->length);
	if (e)
		found(m, "cannot register again", e);
	else if (!probe_area_is_kept(&t->area, t->length))
		found(m, "registered again, and the kernel does not know of it", 0);
}

/* Ends registered, as most threads do. */
static void *member_run(void *data)
{
	struct member *m = data;
	unsigned int index = (unsigned int)(m - m->crew->members);

	begin(m, index);
	pthread_barrier_wait(&m->crew->barrier);
	look(m, &m->crew->members[(index + 1) % THREADS]);
	pthread_barrier_wait(&m->crew->barrier);
	give_back(m);
	return NULL;
}

/* Nobody writes to the areas of those that are gone. */
static bool is_quiet(struct crew *crew)
{
	static const struct rseq_area none = { .cpu_id_start = -1u, .cpu_id = -1u, .node_id = -1u, .mm_cid = -1u };

	for (int i = 0; i < THREADS; i++)
		probe_area_spoil(&crew->members[i].thread.area);
	for (int i = 0; i < 20; i++) {
		struct timespec moment = { 0, 100000 };

		nanosleep(&moment, NULL);
	}
	for (int i = 0; i < THREADS; i++)
		if (memcmp(&crew->members[i].thread.area, &none, sizeof(none)))
			return false;
	return true;
}

static void judge(struct probe_run *r, struct crew *crew)
{
	for (int i = 0; i < THREADS; i++) {
		const struct member *m = &crew->members[i];

		if (m->wrong) {
			probe_fail(r, "thread %d of %d, with %u bytes: %s%s%s", i + 1, THREADS, m->thread.length, m->wrong,
				   m->error ? ": " : "", m->error ? strerror(-m->error) : "");
			return;
		}
	}
	if (is_quiet(crew))
		probe_pass(r, "%d at once", THREADS);
	else
		probe_fail(r, "the area of a thread that is gone was written to");
}

static void run_threads(struct probe_run *r)
{
	static struct crew crew;
	pthread_t threads[THREADS];

	if (!probe_is_supported(r))
		return;
	crew.run = r;
	pthread_barrier_init(&crew.barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		int e;

		crew.members[i].crew = &crew;
		e = pthread_create(&threads[i], NULL, member_run, &crew.members[i]);
		if (e) {
			/* Those that wait for the others end with this process. */
			probe_unknown(r, "cannot start %d threads: %s", THREADS, strerror(e));
			_exit(0);
		}
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	judge(r, &crew);
}

/* --- what one process does on behalf of another --- */

struct pair {
	struct probe_run *run;
	struct probe_thread thread;
	struct probe_thread other; /* of the new one */
};

/* What kept the new one from saying it itself. */
static void explain(struct probe_run *r, int answer, const char *who)
{
	if (answer == ANSWER_NONE)
		probe_unknown(r, "cannot start a process, or it was killed from outside");
	else if (answer > ANSWER_SIGNAL)
		probe_fail(r, "%s was killed by signal %d (%s)", who, answer - ANSWER_SIGNAL,
			   strsignal(answer - ANSWER_SIGNAL));
}

/* The maker, before and after. */
static bool is_registered(struct pair *p, const char *when)
{
	if (probe_area_is_kept(&p->thread.area, p->thread.length) && probe_area_is_right(&p->thread.area))
		return true;
	probe_fail(p->run, "the process itself is not registered %s", when);
	return false;
}

/* False: the verdict is given. */
static bool begin_pair(struct probe_run *r, struct pair *p, enum promise_length length)
{
	p->run = r;
	if (!probe_thread_own(r, &p->thread, length))
		return false;
	if (probe_has_fault(r, PROBE_FAULT_UNREGISTERED))
		probe_thread_unregister(&p->thread);
	return is_registered(p, "before");
}

/* --- fork --- */

static bool is_right_here(struct probe_run *r, void *data, int cpu)
{
	const struct probe_thread *t = data;

	if (probe_area_is_right(&t->area))
		return true;
	probe_fail(r, "in a copy of the process that moved to CPU %d cpu_id is %d", cpu, (int)t->area.cpu_id);
	return false;
}

/* The number of CPUs that the copy was on, as an answer that is no errno. */
static int check_copy(void *data)
{
	struct pair *p = data;
	struct probe_thread *t = &p->thread;
	int e;

	if (!probe_area_is_kept(&t->area, t->length)) {
		probe_fail(p->run, "a copy of the process is not registered, and the process is");
		return -1;
	}
	if (probe_each_cpu(p->run, is_right_here, t) < 0)
		return -1;
	e = registration_unregister(&t->area, t->length);
	probe_area_spoil(&p->other.area);
	e = e ? e : registration_register(&p->other.area, t->length);
	if (e == 0 && probe_area_is_kept(&p->other.area, t->length))
		return 0;
	probe_fail(p->run, "a copy of the process cannot give the registration back and take another: %s",
		   e ? strerror(-e) : "the kernel does not know of it");
	return -1;
}

static void run_fork(struct probe_run *r)
{
	static struct pair p;
	int answer;

	if (!begin_pair(r, &p, PROMISE_ORIGINAL))
		return;
	answer = answer_in_child(check_copy, &p);
	explain(r, answer, "a copy of the process");
	if (answer == 0 && is_registered(&p, "any more after its copy gave its own back"))
		probe_pass(r, probe_cpu(probe_cpu(-1)) < 0 ? "one CPU: not seen after a migration" : NULL);
}

/* --- clone --- */

struct cloned {
	struct pair pair;
	int before, registered; /* answers */
	bool kept, right;
};

/* It has the thread pointer of its maker, who waits: nothing but system calls is allowed here. */
static int check_clone(void *data)
{
	struct cloned *c = data;
	struct probe_thread *t = &c->pair.thread, *own = &c->pair.other;

	c->before = answer_rseq(&t->area, t->length, ANSWER_UNREGISTER, ~critical_signature());
	c->registered = answer_rseq(&own->area, t->length, 0, critical_signature());
	c->kept = probe_area_is_kept(&own->area, t->length);
	c->right = probe_area_is_right(&own->area);
	return 0;
}

static void judge_clone(struct probe_run *r, struct cloned *c, int status)
{
	char word[ANSWER_WORD_MAX];

	if (WIFSIGNALED(status))
		explain(r, ANSWER_SIGNAL + WTERMSIG(status), "a thread by clone()");
	else if (c->before == -EPERM)
		probe_fail(r, "a thread by clone() with CLONE_VM began with the registration of its maker");
	else if (c->before != -EINVAL)
		probe_fail(r, "a thread by clone() was answered %s, not EINVAL", answer_name(c->before, word));
	else if (c->registered)
		probe_fail(r, "a thread by clone() could not register: %s", answer_name(c->registered, word));
	else if (!c->kept || !c->right)
		probe_fail(r, "a thread by clone() registered, and %s", c->kept ? "has not the CPU that it runs on in its area" :
			   "the kernel does not know of it");
	else if (is_registered(&c->pair, "any more after a thread by clone() came and went"))
		probe_pass(r, NULL);
}

static void run_clone(struct probe_run *r)
{
	enum { STACK = 256 << 10 };
	static struct cloned c;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int status = 0;
	pid_t pid;

	if (stack == MAP_FAILED) {
		probe_unknown(r, "no memory for a stack");
		return;
	}
	if (!begin_pair(r, &c.pair, PROMISE_ORIGINAL))
		return;
	probe_area_spoil(&c.pair.other.area);
	pid = clone(check_clone, stack + STACK, CLONE_VM | SIGCHLD, &c);
	if (pid < 0) {
		if (errno == EAGAIN || errno == ENOMEM)
			explain(r, ANSWER_NONE, NULL);
		else
			probe_skip(r, "clone() with CLONE_VM is denied: %s", strerror(errno));
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	judge_clone(r, &c, status);
}

/* --- exec --- */

/* No status that another program would end with, where this one cannot start itself. */
enum { NEW_PASSED = 70, NEW_REFUSED, NEW_FORGOTTEN, NEW_NOT_STARTED };

int exec_status(void)
{
	static struct probe_thread t;
	struct rseq_area *libc_area = registration_libc_area();

	/* Where GLIBC_TUNABLES is ignored libc was first, which an old registration would have prevented as well. */
	if (libc_area)
		return probe_area_is_kept(libc_area, registration_length(libc_area, 0)) ? NEW_PASSED : NEW_FORGOTTEN;
	probe_area_spoil(&t.area);
	if (registration_register(&t.area, RSEQ_ORIGINAL_LENGTH) < 0)
		return NEW_REFUSED;
	return probe_area_is_kept(&t.area, RSEQ_ORIGINAL_LENGTH) ? NEW_PASSED : NEW_FORGOTTEN;
}

/* What would register before anybody looked has to stay away. */
static void clear_the_way(void)
{
	_cleanup_strbuf_ struct strbuf tunables = { 0 };
	const char *old = getenv("GLIBC_TUNABLES");

	strbuf_printf(&tunables, "%s%sglibc.pthread.rseq=0", old ? old : "", old && *old ? ":" : "");
	setenv("GLIBC_TUNABLES", strbuf_str(&tunables), 1);
	unsetenv("LD_PRELOAD");
	unsetenv("LD_AUDIT");
}

static int become_new(void *data)
{
	static char *args[] = { (char *)"rseqctl", (char *)"check", (char *)"--" EXEC_OPTION, NULL };
	const char *path = (const char *)getauxval(AT_EXECFN);
	struct pair *p = data;

	if (!probe_area_is_kept(&p->thread.area, p->thread.length)) {
		probe_fail(p->run, "a copy of the process is not registered before it becomes another program");
		return -1;
	}
	clear_the_way();
	execv("/proc/self/exe", args);
	/* Where nothing is mounted. */
	if (path)
		execv(path, args);
	probe_skip(p->run, "this program cannot be started again: %s", strerror(errno));
	return -NEW_NOT_STARTED;
}

static void run_exec(struct probe_run *r)
{
	static struct pair p;
	int answer;

	if (!begin_pair(r, &p, PROMISE_ORIGINAL))
		return;
	probe_unknown(r, "what was started in this program's place does not say how it began");
	answer = answer_in_child(become_new, &p);
	explain(r, answer, "the new program");
	if (answer == -NEW_PASSED)
		probe_pass(r, NULL);
	else if (answer == -NEW_REFUSED)
		probe_fail(r, "a new program could not register: it did not begin unregistered, or is not allowed to");
	else if (answer == -NEW_FORGOTTEN)
		probe_fail(r, "a new program registered, and the kernel does not know of it");
}

const struct probe probe_threads = { .id = "threads", .title = "threads register for themselves", .run = run_threads };
const struct probe probe_fork_rules = { .id = "fork", .title = "a copy of a process keeps its registration", .run = run_fork };
const struct probe probe_clone = { .id = "clone", .title = "a thread by clone() begins unregistered", .run = run_clone };
const struct probe probe_exec = { .id = "exec", .title = "a new program begins unregistered", .run = run_exec };
