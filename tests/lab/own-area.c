/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that register rseq themselves, in every place where an area has been seen: a TLS symbol
 * of the executable, of a preloaded or of a late library, an array in .data, memory of malloc(), a
 * table indexed by thread id. libc has to be told to stay away, or every registration here loses.
 * The executable's __rseq_abi is there in every case, and is registered in the first only. In table-reused
 * threads were there before that nobody unregistered, and later ones have their ids, and so their areas.
 *
 * usage: own-area exe|exe-data|preload|dlopen|malloc|table|table-reused [THREADS]
 */
#include "testify.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_THREADS 64
#define TABLE_STRIDE 64

struct place {
	const char *name;
	void (*set_up)(void);
	const struct lab_role role;
};

/* Static: not exported, so a library's symbol of the same name stays the library's. */
static __thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;
static struct lab_rseq rseq_areas[MAX_THREADS] = { LAB_RSEQ_INITIALIZER };

static unsigned char *table;

static void own_exe(struct lab_thread *self)
{
	lab_own_area(self, &__rseq_abi, "tls-symbol", lab_program());
}

static void own_exe_data(struct lab_thread *self)
{
	lab_own_area(self, &rseq_areas[self->index], "data", lab_program());
}

/* A static program has no libraries to take an area from. */
#ifndef LAB_STATIC
static struct lab_rseq *(*library_area)(void);

static void set_up_preload(void)
{
	library_area = (struct lab_rseq * (*)(void)) dlsym(RTLD_DEFAULT, "own_preload_area");
	if (!library_area)
		lab_fail(LAB_EXIT_USAGE, "run with LD_PRELOAD=libown_preload.so");
}

static void own_preload(struct lab_thread *self)
{
	lab_own_area(self, library_area(), "tls-symbol", "libown_preload.so");
}

#ifdef LAB_STATIC
static void set_up_dlopen(void)
{
	/* A static glibc program would need this very glibc's libraries to open one. */
	lab_fail(LAB_EXIT_USAGE, "a static program opens no library");
}
#else
static void set_up_dlopen(void)
{
	char *path = lab_sibling("libown_dlopen.so");
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	library_area = (struct lab_rseq * (*)(void)) dlsym(library, "own_dlopen_area");
	if (!library_area)
		lab_fail(LAB_EXIT_FAILED, "%s", dlerror());
	free(path);
}
#endif

static void own_dlopen(struct lab_thread *self)
{
	lab_own_area(self, library_area(), "tls-symbol", "libown_dlopen.so");
}
#endif

/* The name of the mapping that holds the address, in line; NULL when it has none. */
static const char *find_mapping(uintptr_t address, char *line, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	const char *name = NULL;
	bool found = false;

	while (maps && !found && fgets(line, (int)size, maps)) {
		unsigned long start, end;

		found = sscanf(line, "%lx-%lx", &start, &end) == 2 && address >= start &&
			address < end;
	}
	if (maps)
		fclose(maps);
	if (found)
		name = strpbrk(line, "/[");
	if (name)
		line[strcspn(line, "\n")] = '\0';
	return name;
}

/*
 * Threads other than main get arenas that are not the brk heap, however alike they look. And musl
 * gives out what is left of the last page of a program's data: there the mapping is a file's.
 */
static void own_malloc(struct lab_thread *self)
{
	struct lab_rseq *area = aligned_alloc(sizeof(*area), sizeof(*area));
	char line[512];
	const char *mapping;

	if (!area)
		lab_fail(LAB_EXIT_FAILED, "out of memory");
	memset(area, 0, sizeof(*area));
	mapping = find_mapping((uintptr_t)area, line, sizeof(line));
	if (!mapping)
		lab_own_area(self, area, "anonymous", NULL);
	else if (*mapping == '[')
		lab_own_area(self, area, "heap", NULL);
	else
		lab_own_area(self, area, "file", strdup(strrchr(mapping, '/') + 1));
}

static unsigned long pid_max(void)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned long max;

	if (!file || fscanf(file, "%lu", &max) != 1)
		max = 4194304;
	if (file)
		fclose(file);
	return max;
}

static void set_up_table(void)
{
	table = mmap(NULL, (pid_max() + 1) * TABLE_STRIDE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map the table: %s", strerror(errno));
}

static void own_table(struct lab_thread *self)
{
	lab_own_area(self, table + (size_t)self->tid * TABLE_STRIDE, "anonymous", NULL);
}

#define PREDECESSORS 32

static pid_t predecessors[PREDECESSORS];
static bool reuses;

/* The kernel lets go of the registration at the end of the thread; what it wrote stays in the table. */
static void *live_and_die(void *arg)
{
	struct lab_thread self = { .tid = lab_tid() };

	own_table(&self);
	*(pid_t *)arg = self.tid;
	return NULL;
}

static void run_predecessors(void)
{
	for (unsigned int i = 0; i < PREDECESSORS; i++) {
		pthread_t thread;
		int err = pthread_create(&thread, NULL, live_and_die, &predecessors[i]);

		if (err)
			lab_fail(LAB_EXIT_FAILED, "cannot create a thread: %s", strerror(err));
		pthread_join(thread, NULL);
	}
}

/* The next thread gets the first free id after this one. */
static void turn_ids_back(pid_t tid)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "we");

	if (!file || fprintf(file, "%d", tid - 1) < 0 || fclose(file))
		lab_skip("/proc/sys/kernel/ns_last_pid: %s", strerror(errno));
}

static void set_up_table_reused(void)
{
	set_up_table();
	run_predecessors();
	turn_ids_back(predecessors[0]);
	reuses = true;
}

static bool is_reused(const struct lab_thread *thread)
{
	for (unsigned int i = 0; i < PREDECESSORS; i++)
		if (predecessors[i] == thread->tid)
			return true;
	return false;
}

static unsigned int count_reused(const struct lab_thread *threads, unsigned int count)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++)
		n += is_reused(&threads[i]);
	if (!n && count > 1)
		lab_fail(LAB_EXIT_FAILED, "no thread got the id of an earlier one");
	return n;
}

static const struct place places[] = {
	{ "exe", NULL, { .prepare = own_exe } },
	{ "exe-data", NULL, { .prepare = own_exe_data } },
#ifndef LAB_STATIC
	{ "preload", set_up_preload, { .prepare = own_preload } },
	{ "dlopen", set_up_dlopen, { .prepare = own_dlopen } },
#endif
	{ "malloc", NULL, { .prepare = own_malloc } },
	{ "table", set_up_table, { .prepare = own_table } },
	{ "table-reused", set_up_table_reused, { .prepare = own_table } },
};

static const struct place *find_place(const char *name)
{
	for (size_t i = 0; name && i < sizeof(places) / sizeof(*places); i++) {
		if (!strcmp(places[i].name, name))
			return &places[i];
	}
	lab_fail(LAB_EXIT_USAGE,
		 "usage: own-area exe|exe-data|preload|dlopen|malloc|table|table-reused [THREADS]");
}

static void testify_place(const struct place *place, const struct lab_thread *threads, unsigned int count)
{
	json_text("case", place->name);
	if (!table)
		return;
	json_address("table", (uintptr_t)table);
	json_number("stride", TABLE_STRIDE);
	if (reuses)
		json_number("reused", count_reused(threads, count));
}

int main(int argc, char **argv)
{
	const struct place *place = find_place(argv[1]);
	unsigned int count = argc > 2 ? lab_count_argument(argv[2], MAX_THREADS) : 3;
	struct lab_thread *threads;

	lab_require_no_libc_owner();
	if (place->set_up)
		place->set_up();
	threads = lab_crew_start(count, &place->role);
	lab_testimony();
	testify_place(place, threads, count);
	lab_testify_threads(threads, count, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
