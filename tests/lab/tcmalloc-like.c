/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server with the allocator that wants rseq for itself. Under libc's default the allocator loses
 * in silence and works per thread; with libc told to stay away it owns every thread that allocated
 * once, and sleeping threads keep its pointer over cpu_id_start. Some threads never allocate, and
 * main, which talks, never keeps a pointer for long and so keeps none.
 *
 * usage: tcmalloc-like [THREADS] [--lazy K] [--no-cache]
 */
#include "testify.h"

#include <linux/futex.h>
#include <string.h>

#include "libtcmalloc_like.h"

#define LIBRARY "libtcmalloc_like.so"
#define MAX_THREADS 64
#define PUSHES 4
#define CACHE_ATTEMPTS 1000

struct server_thread {
	volatile struct lab_rseq *area;
	const char *owner;
	bool caches;
	bool cached;
	_Atomic uint32_t turn;
};

static struct server_thread server_threads[MAX_THREADS];
static struct lab_thread *threads;
static unsigned int thread_count = 4;
static unsigned int lazy_count;
static bool no_cache;
static atomic_ulong pushed;

static bool is_lazy(const struct lab_thread *self)
{
	return self->index && self->index >= thread_count - lazy_count;
}

static void push_some(void)
{
	for (unsigned int i = 0; i < PUSHES; i++)
		atomic_fetch_add(&pushed, tcm_push(i + 1));
}

static void take_registration(struct lab_thread *self, struct server_thread *server)
{
	self->area = (uintptr_t)server->area;
	self->length = LAB_RSEQ_LENGTH;
	self->place = "tls-symbol";
	self->object = LIBRARY;
	server->owner = "tcmalloc";
	server->caches = self->index && !no_cache;
}

static void prepare(struct lab_thread *self)
{
	struct server_thread *server = &server_threads[self->index];

	self->own = server;
	server->area = tcm_area();
	lab_prepare_libc(self);
	if (self->area)
		server->owner = "glibc";
	if (is_lazy(self) || tcm_init_thread())
		return;
	if (!lab_rseq_is_registered((const void *)server->area, LAB_RSEQ_LENGTH))
		lab_fail(LAB_EXIT_FAILED, "the library is wrong about its registration");
	take_registration(self, server);
	push_some();
}

/* The pointer survives only when nothing happens between the store and the sleep. */
static void rest(struct lab_thread *self)
{
	struct server_thread *server = self->own;

	for (;;) {
		uint32_t turn = atomic_load(&server->turn);

		if (server->caches)
			tcm_cache_slab();
		syscall(SYS_futex, &server->turn, FUTEX_WAIT_PRIVATE, turn, NULL, NULL, 0);
	}
}

static bool is_cached(const struct server_thread *server)
{
	return server->area->cpu_id_start & 0x80000000U;
}

static void settle_cache(struct lab_thread *thread)
{
	struct server_thread *server = thread->own;

	for (unsigned int i = 0; server->caches && i < CACHE_ATTEMPTS; i++) {
		if (is_cached(server))
			break;
		atomic_fetch_add(&server->turn, 1);
		syscall(SYS_futex, &server->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		lab_thread_settle(thread);
	}
	server->cached = is_cached(server);
}

static void testify_server(const struct lab_thread *thread)
{
	const struct server_thread *server = thread->own;

	json_text("owner", server->owner);
	json_address("own_area", (uintptr_t)server->area);
	json_number("own_cpu_id", (int32_t)server->area->cpu_id);
	json_bool("cached", server->cached);
}

static void report_cached(void)
{
	unsigned int cached = 0;

	for (unsigned int i = 0; i < thread_count; i++)
		cached += is_cached(&server_threads[i]);
	json_number("cached", cached);
	json_number("pushed", (long long)atomic_load(&pushed));
	json_number("held", (long long)tcm_held());
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--no-cache"))
			no_cache = true;
		else if (!strcmp(argv[i], "--lazy") && argv[i + 1])
			lazy_count = lab_count_argument(argv[++i], MAX_THREADS - 1);
		else
			thread_count = lab_count_argument(argv[i], MAX_THREADS);
	}
	if (lazy_count >= thread_count)
		lab_fail(LAB_EXIT_USAGE, "main is never lazy: more threads than %u", lazy_count);
}

int main(int argc, char **argv)
{
	static const struct lab_role role = { .prepare = prepare, .rest = rest };

	parse(argc, argv);
	threads = lab_crew_start(thread_count, &role);
	for (unsigned int i = 1; i < thread_count; i++)
		settle_cache(&threads[i]);
	lab_testimony();
	lab_testify_threads(threads, thread_count, testify_server);
	lab_testimony_end();
	lab_obey(report_cached);
	return 0;
}
