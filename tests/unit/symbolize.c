/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names for addresses of living processes: this one, its children, a program of the lab. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "trace/layout.h"
#include "trace/names.h"
#include "trace/symbolize.h"
#include "util/cleanup.h"

struct world {
	struct service nursery;
	struct service_kind kind;
	struct service_op ops[SYMBOLIZER_OPS];
	struct symbolizer *s;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	symbolizer_kind(w->ops, &w->kind);
	assert_int_equal(nursery_start(&w->kind, 1, &w->nursery), 0);
	w->s = symbolizer_new(&w->nursery, &w->kind, 0);
	assert_non_null(w->s);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	symbolizer_free(w->s);
	service_stop(&w->nursery);
	free(w);
	return 0;
}

void symbolize_here(void);
__attribute__((used, noinline)) void symbolize_here(void)
{
	__asm__ volatile("nop\n nop\n nop\n nop");
}
void symbolize_next(void);
__attribute__((used, noinline)) void symbolize_next(void)
{
	__asm__ volatile("nop\n nop\n nop\n nop");
}

static const char *base(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "(none)";
}

static struct place resolve(struct world *w, int32_t pid, uint64_t generation, const void *address)
{
	uint64_t addr = (uintptr_t)address;
	struct place place;

	symbolizer_resolve(w->s, pid, generation, &addr, 1, &place);
	return place;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void assert_place(struct place p, const char *object, const char *function, uint64_t offset)
{
	assert_string_equal(base(p.object), object);
	if (function)
		assert_string_equal(p.function ? p.function : "(none)", function);
	else
		assert_null(p.function);
	assert_int_equal(p.offset, offset);
	assert_null(p.why);
}

/* A child that lives until it is told to end. */
struct child {
	pid_t pid;
	int end;
};

static struct child start_child(void)
{
	struct child c;
	int fds[2];
	char byte;

	assert_int_equal(pipe(fds), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (!c.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) > 0);
	}
	close(fds[0]);
	c.end = fds[1];
	return c;
}

static void end_child(struct child *c)
{
	kill(c->pid, SIGKILL); /* its siblings hold the pipe as well */
	close(c->end);
	assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
}

static void names_functions(void **state)
{
	struct world *w = *state;
	uint64_t addresses[] = { (uintptr_t)symbolize_here + 2, (uintptr_t)write + 1, (uintptr_t)symbolize_here,
				 getauxval(AT_RANDOM) };
	struct place places[4];

	symbolizer_resolve(w->s, getpid(), 0, addresses, 4, places);
	assert_place(places[0], "symbolize", "symbolize_here", 2);
	assert_string_equal(places[1].function, "write");
	assert_int_equal(places[1].offset, 1);
	assert_place(places[2], "symbolize", "symbolize_here", 0);
	assert_string_equal(places[3].object, "[stack]");
	assert_null(places[3].function);
	/* again, and another one of the same file */
	assert_place(resolve(w, getpid(), 0, (char *)symbolize_here + 3), "symbolize", "symbolize_here", 3);
	assert_place(resolve(w, getpid(), 0, symbolize_next), "symbolize", "symbolize_next", 0);
}

static void names_what_has_no_file(void **state)
{
	struct world *w = *state;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	struct place p;

	assert_place(resolve(w, getpid(), 0, page + 5), "[anonymous]", NULL, 5);
	if (vdso)
		assert_place(resolve(w, getpid(), 0, vdso + 7), "[vdso]", NULL, 7);
	p = resolve(w, getpid(), 0, NULL);
	assert_null(p.object);
	assert_string_equal(p.why, "nothing is mapped there");
	/* a file, and not of ELF */
	p = resolve(w, getpid(), 0, shared + 9);
	assert_string_equal(base(p.object), "zero");
	assert_null(p.function);
	assert_non_null(p.why);
	assert_int_equal(p.offset, 9);
	munmap(page, 4096);
	munmap(shared, 4096);
}

/* Mapped after the mappings were read: they are read again. */
static void finds_what_came_later(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY);
	int64_t start = now_ms();
	struct place p;
	char *page;

	assert_place(resolve(w, getpid(), 0, symbolize_here), "symbolize", "symbolize_here", 0);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(page != MAP_FAILED);
	assert_place(resolve(w, getpid(), 0, page + 20), "symbolize", NULL, 20);
	/* something else in its place: only who knows that it changed can say so, for a second */
	assert_ptr_equal(mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), page);
	p = resolve(w, getpid(), 0, page + 20);
	if (now_ms() - start < 1000)
		assert_place(p, "symbolize", NULL, 20);
	symbolizer_refresh(w->s, getpid());
	assert_place(resolve(w, getpid(), 0, page + 20), "[anonymous]", NULL, 20);
	munmap(page, 4096);
}

/* What happened before the mappings were read is not in what came after: they are read once for all of it. */
static void looks_once_at_what_happened(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY);
	char *page;

	symbolizer_happened(w->s);
	assert_null(resolve(w, getpid(), 0, NULL).object);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(page != MAP_FAILED);
	assert_string_equal(resolve(w, getpid(), 0, page + 20).why, "nothing is mapped there");
	symbolizer_happened(w->s);
	assert_place(resolve(w, getpid(), 0, page + 20), "symbolize", NULL, 20);
	munmap(page, 4096);
}

static void remembers_the_gone(void **state)
{
	struct world *w = *state;
	struct child seen = start_child(), unseen = start_child();
	struct place p;

	assert_place(resolve(w, seen.pid, 0, symbolize_here), "symbolize", "symbolize_here", 0);
	/* read again for what is in no file: what was known of files is still known */
	symbolizer_refresh(w->s, seen.pid);
	assert_string_equal(resolve(w, seen.pid, 0, (void *)getauxval(AT_RANDOM)).object, "[stack]");
	end_child(&seen);
	end_child(&unseen);
	assert_place(resolve(w, seen.pid, 0, (char *)symbolize_here + 1), "symbolize", "symbolize_here", 1);
	p = resolve(w, unseen.pid, 0, symbolize_here);
	assert_null(p.object);
	assert_string_equal(p.why, "the process exited before it could be looked at");
}

/* Its mappings were read: all of its code has names, also in files that were never asked for, or deleted. */
static void names_code_of_the_gone(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int own = open("/proc/self/exe", O_RDONLY), fd = memfd_create("code", MFD_CLOEXEC);
	struct child c;
	struct place p;
	char *copy;

	if (geteuid() != 0)
		skip(); /* map_files */
	while (sendfile(fd, own, NULL, 1 << 20) > 0)
		;
	copy = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(copy != MAP_FAILED);
	c = start_child();
	munmap(copy, 4096);
	close(take_fd(&fd));
	assert_string_equal(resolve(w, c.pid, 0, (void *)getauxval(AT_RANDOM)).object, "[stack]");
	end_child(&c);
	assert_place(resolve(w, c.pid, 0, symbolize_here), "symbolize", "symbolize_here", 0);
	assert_string_equal(resolve(w, c.pid, 0, write).function, "write");
	symbolizer_refresh(w->s, c.pid);
	assert_place(resolve(w, c.pid, 0, (char *)symbolize_next + 1), "symbolize", "symbolize_next", 1);
	assert_place(resolve(w, c.pid, 0, copy + 20), "memfd:code", NULL, 20);
	/* what nobody has mapped any more, and is no code */
	p = resolve(w, c.pid, 0, NULL);
	assert_string_equal(p.why, "the process exited before it could be looked at");
}

/* A file that is not held, since it has no code: known object, and nothing more. */
static void data_of_the_gone(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int fd = memfd_create("data", MFD_CLOEXEC);
	struct child c;
	struct place p;
	char *page;

	assert_int_equal(ftruncate(fd, 4096), 0);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(page != MAP_FAILED);
	c = start_child();
	munmap(page, 4096);
	assert_string_equal(resolve(w, c.pid, 0, (void *)getauxval(AT_RANDOM)).object, "[stack]");
	end_child(&c);
	p = resolve(w, c.pid, 0, page + 20);
	assert_string_equal(base(p.object), "memfd:data");
	assert_null(p.function);
	assert_string_equal(p.why, "the process exited before it could be looked at");
	assert_place(resolve(w, c.pid, 0, symbolize_here), "symbolize", "symbolize_here", 0);
}

static void zombie_is_gone(void **state)
{
	struct world *w = *state;
	struct child c = start_child();
	siginfo_t info;
	struct place p;

	kill(c.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
	p = resolve(w, c.pid, 0, symbolize_here);
	assert_null(p.object);
	assert_string_equal(p.why, "the process exited before it could be looked at");
	assert_int_equal(symbolizer_read(w->s, c.pid, 0, (uintptr_t)&info, &info, 1), -ESRCH);
	end_child(&c);
}

/* A child that nobody looked at while it lived, by its parent's mappings and its parent's file. */
static void child_is_like_its_parent(void **state)
{
	struct world *w = *state;
	struct child c = start_child();

	assert_place(resolve(w, getpid(), 3, symbolize_here), "symbolize", "symbolize_here", 0);
	symbolizer_forked(w->s, getpid(), 3, c.pid, 1);
	symbolizer_forked(w->s, getpid(), 4, c.pid, 1); /* unknown: changes nothing */
	end_child(&c);
	assert_place(resolve(w, c.pid, 1, (char *)symbolize_next + 1), "symbolize", "symbolize_next", 1);
	assert_string_equal(resolve(w, c.pid, 1, write).function, "write");
}

/* After an exec: other mappings, and what was known of the program before stays known. */
static void exec_is_another_program(void **state)
{
	struct world *w = *state;
	struct place p;

	assert_place(resolve(w, getpid(), 0, symbolize_here), "symbolize", "symbolize_here", 0);
	assert_place(resolve(w, getpid(), 1, symbolize_here), "symbolize", "symbolize_here", 0);
	assert_place(resolve(w, getpid(), 0, symbolize_here), "symbolize", "symbolize_here", 0);
	symbolizer_refresh(w->s, getpid());
	p = resolve(w, getpid(), 0, NULL);
	assert_string_equal(p.why, "the process runs another program now");
}

/* The test's own file as the kernel knows it: by file system and inode number. */
static struct mapped_file own_file_unmapped(void)
{
	struct mapped_file file = { .until_ns = INT64_MAX };
	char exe[PATH_MAX] = "", line[8192], root[4096], point[4096];
	unsigned int major, minor;
	unsigned long long id;
	struct statx st;
	FILE *f = fopen("/proc/self/mountinfo", "r");

	assert_non_null(f);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(statx(AT_FDCWD, exe, 0, STATX_BASIC_STATS | STATX_MNT_ID, &st), 0);
	file.inode = st.stx_ino;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llu %*u %u:%u %4095s %4095s", &id, &major, &minor, root, point) == 5 && id == st.stx_mnt_id) {
			file.device = (uint64_t)major << 32 | minor;
			snprintf(file.path, sizeof(file.path), "%s%s", strcmp(root, "/") ? root : "",
				 exe + (strcmp(point, "/") ? strlen(point) : 0));
		}
	fclose(f);
	if (!file.device)
		skip(); /* a mount that does not show */
	return file;
}

/* Where the function lies in its file, and where it lay in a process that nobody looked at. */
static struct place resolve_unmapped(struct world *w, int32_t pid, const struct mapped_file *file)
{
	struct past_place past = { .address = 0x10000, .file = file };
	uint64_t here = (uintptr_t)symbolize_here;
	char line[8192];
	unsigned long long start, end, offset;
	FILE *f = fopen("/proc/self/maps", "r");
	struct place p;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 && here >= start && here < end)
			past.offset = here - start + offset;
	fclose(f);
	symbolizer_resolve_past(w->s, pid, 9, &past, &p);
	return p;
}

static void assert_lost(struct place p, const char *why)
{
	assert_string_equal(base(p.object), "symbolize");
	assert_null(p.function);
	assert_string_equal(p.why, why);
}

/* Of a process that lives, and of one that is gone. */
static void finds_what_was_unmapped(void **state)
{
	struct world *w = *state;
	struct mapped_file file = own_file_unmapped(), other;
	struct child c = start_child();
	pid_t gone = c.pid;

	end_child(&c);
	assert_place(resolve_unmapped(w, getpid(), &file), "symbolize", "symbolize_here", 0);
	assert_place(resolve_unmapped(w, gone, &file), "symbolize", "symbolize_here", 0);
	/* that it is the same one has to be proved */
	other = file;
	other.inode++;
	assert_lost(resolve_unmapped(w, getpid(), &other), "it is mapped no more, and its file was replaced or changed since");
	other = file;
	other.until_ns = 1000000000;
	assert_lost(resolve_unmapped(w, getpid(), &other), "it is mapped no more, and its file was replaced or changed since");
	other = file;
	strcat(other.path, "/../symbolize");
	assert_lost(resolve_unmapped(w, gone, &other), "it is mapped no more, and its file cannot be found again");
	other = file;
	other.device ^= 0x77;
	assert_lost(resolve_unmapped(w, gone, &other), "it is mapped no more, and its file cannot be found again");
	other = file;
	memmove(other.path + 3, file.path, strlen(file.path) + 1);
	memcpy(other.path, "...", 3);
	assert_lost(resolve_unmapped(w, gone, &other), "it is mapped no more, and its file cannot be found again");
}

/* Those that the nursery has; their number. */
static size_t kill_readers(struct world *w)
{
	char name[64], text[256] = "";
	size_t killed = 0;
	int pid, used = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/task/%d/children", (int)w->nursery.pid, (int)w->nursery.pid);
	f = fopen(name, "r");
	if (!f)
		skip(); /* a kernel without that list */
	(void)!fgets(text, sizeof(text), f);
	fclose(f);
	for (const char *at = text; sscanf(at, "%d%n", &pid, &used) == 1; at += used, killed++) {
		kill(pid, SIGKILL);
		while (kill(pid, 0) == 0)
			usleep(1000);
	}
	return killed;
}

/* By somebody else, between two questions: no name is lost. */
static void readers_are_killed(void **state)
{
	struct world *w = *state;

	assert_place(resolve(w, getpid(), 0, symbolize_here), "symbolize", "symbolize_here", 0);
	assert_true(kill_readers(w) >= 1);
	assert_place(resolve(w, getpid(), 0, symbolize_next), "symbolize", "symbolize_next", 0);
	assert_true(kill_readers(w) >= 1);
	assert_place(resolve(w, getpid(), 1, symbolize_next), "symbolize", "symbolize_next", 0);
	assert_string_equal(resolve(w, getpid(), 1, write).function, "write");
}

/* More processes than readers are kept. */
static void many_processes(void **state)
{
	struct world *w = *state;
	struct child children[20];

	for (size_t i = 0; i < 20; i++)
		children[i] = start_child();
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < 20; i++)
			assert_place(resolve(w, children[i].pid, 0, symbolize_here), "symbolize", "symbolize_here", 0);
	for (size_t i = 0; i < 20; i++)
		end_child(&children[i]);
}

static void many_addresses(void **state)
{
	enum { N = 3000 };
	struct world *w = *state;
	uint64_t *addresses = calloc(N, sizeof(*addresses));
	struct place *places = calloc(N, sizeof(*places));
	size_t named = 0;

	assert_true(addresses && places);
	for (size_t i = 0; i < N; i++)
		addresses[i] = (uintptr_t)write + i * 64;
	symbolizer_resolve(w->s, getpid(), 0, addresses, N, places);
	for (size_t i = 0; i < N; i++) {
		struct place one = resolve(w, getpid(), 0, (void *)(uintptr_t)addresses[i]);

		assert_non_null(places[i].object);
		assert_ptr_equal(one.object, places[i].object);
		assert_ptr_equal(one.function, places[i].function);
		assert_int_equal(one.offset, places[i].offset);
		named += places[i].function != NULL;
	}
	assert_true(named > N / 20);
	free(addresses);
	free(places);
}

static void reads_memory(void **state)
{
	struct world *w = *state;
	uint64_t value = 0x1122334455667788, got = 0;

	assert_int_equal(symbolizer_read(w->s, getpid(), 0, (uintptr_t)&value, &got, sizeof(got)), 0);
	assert_int_equal(got, value);
	assert_int_equal(symbolizer_read(w->s, getpid(), 0, 8, &got, sizeof(got)), -EFAULT);
	assert_int_equal(symbolizer_read(w->s, getpid(), 0, (uintptr_t)&value, &got, sizeof(got)), 0);
}

/* A program that this one never saw, and that ends without being waited for. */
static void names_another_program(void **state)
{
	struct world *w = *state;
	char path[4096], exe[2048] = "";
	const char *dir = getenv("LAB");
	_cleanup_fclose_ FILE *out = NULL;
	char line[8192];
	uint64_t entry = 0;
	int in[2], from[2];
	pid_t pid;

	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	*strstr(exe, "/tests/unit/") = '\0';
	snprintf(path, sizeof(path), dir ? "%s/threads" : "%s/lab/threads", dir ? dir : exe);
	if (access(path, X_OK) < 0)
		skip();
	assert_true(pipe2(in, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(from[1], 1);
		execl(path, path, "1", NULL);
		_exit(127);
	}
	close(in[0]);
	close(from[1]);
	out = fdopen(from[0], "r");
	assert_non_null(fgets(line, sizeof(line), out)); /* its testimony: it is up */
	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	{
		_cleanup_close_ int fd = open(path, O_RDONLY);
		uint64_t auxv[2];

		while (read(fd, auxv, sizeof(auxv)) == sizeof(auxv))
			if (auxv[0] == AT_ENTRY)
				entry = auxv[1];
	}
	assert_place(resolve(w, pid, 0, (void *)(uintptr_t)(entry + 1)), "threads", "_start", 1);
	kill(pid, SIGKILL);
	close(in[1]);
	waitpid(pid, NULL, 0);
}

/* --- who does not answer --- */

/* A page that nobody serves: one read waits for it, and what is known can still be asked. */
static void memory_never_answers(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t start = now_ms();
	char byte;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		skip();
	range.range = (struct uffdio_range){ (uintptr_t)page, 4096 };
	assert_int_equal(ioctl(fd, UFFDIO_REGISTER, &range), 0);
	assert_place(resolve(w, getpid(), 0, symbolize_here), "symbolize", "symbolize_here", 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(symbolizer_read(w->s, getpid(), 0, (uintptr_t)page, &byte, 1), -ETIMEDOUT);
	assert_place(resolve(w, getpid(), 0, symbolize_here), "symbolize", "symbolize_here", 0);
	/* not a second for each */
	assert_true(now_ms() - start < 15000);
	munmap(page, 4096);
}

/* Its symbols take for ever: a table that is longer than any time limit, and no bytes on disk. */
static void file_takes_too_long(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int own = open("/proc/self/exe", O_RDONLY), fd = memfd_create("long", MFD_CLOEXEC);
	const uint64_t huge = 1ull << 40;
	struct place p;
	Elf64_Ehdr eh;
	Elf64_Shdr sh;
	int64_t start;
	char *page;

	if (geteuid() != 0)
		skip(); /* its name leads nowhere, and through the mapping it takes root */
	assert_int_equal(pread(own, &eh, sizeof(eh), 0), sizeof(eh));
	while (sendfile(fd, own, NULL, 1 << 20) > 0)
		;
	assert_int_equal(ftruncate(fd, 2 * (off_t)huge), 0);
	for (int i = 0; i < eh.e_shnum; i++) {
		off_t at = (off_t)(eh.e_shoff + (uint64_t)i * sizeof(sh));

		assert_int_equal(pread(fd, &sh, sizeof(sh), at), sizeof(sh));
		if (sh.sh_type == SHT_SYMTAB)
			sh.sh_size = huge;
		assert_int_equal(pwrite(fd, &sh, sizeof(sh), at), sizeof(sh));
	}
	page = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(page != MAP_FAILED);
	start = now_ms();
	p = resolve(w, getpid(), 0, page + 9);
	assert_true(now_ms() - start < 60000);
	/* it is not tried again, which would take 6 s each time */
	start = now_ms();
	for (int i = 0; i < 100; i++)
		p = resolve(w, getpid(), 0, page + 10 + i);
	assert_true(now_ms() - start < 60000);
	assert_string_equal(p.object, "/memfd:long");
	assert_null(p.function);
	assert_string_equal(p.why, "decoding its file took too long, or went wrong");
	munmap(page, 65536);
}

/* --- what is kept has bounds --- */

static void too_many_names(void **state)
{
	struct intern strings = { .limit = 1000 };
	char name[32];
	size_t kept = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		kept += intern(&strings, name) != NULL;
	}
	assert_true(kept > 5 && kept < 50);
	assert_ptr_equal(intern(&strings, "name 1"), intern(&strings, "name 1"));
	assert_string_equal(intern(&strings, "name 1"), "name 1");
	assert_null(intern(&strings, "another"));
	intern_done(&strings);
}

/* More ranges and files than are kept: the count stays bounded, and what was added last is there. */
static void too_many_ranges(void **state)
{
	struct intern strings = { .limit = 1 << 20 };
	struct function f = { .name = "f" };
	struct names names = { 0 };
	struct file_key key = { .inode = 1 };
	const struct name_range *range;
	const char *why;

	(void)state;
	for (uint64_t i = 0; i < 300000; i++) {
		key.inode = 1 + i % 2000;
		f.offset = f.vaddr = f.low = f.start = 2000000 - i * 2;
		f.high = f.low + 2;
		names_add(&names, &key, &f, 1, &strings);
		range = names_find(&names, &key, f.offset + 1, &why);
		assert_non_null(range);
		assert_string_equal(range->name, "f");
	}
	assert_true(names.n <= 1024 && names.ranges <= 1u << 18);
	names_refuse(&names, &key, "broken");
	assert_null(names_find(&names, &key, 7, &why));
	assert_string_equal(why, "broken");
	names_done(&names);
	intern_done(&strings);
}

static void too_many_mappings(void **state)
{
	struct intern strings = { .limit = 1 << 19 };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct layout layout;

	(void)state;
	for (uint64_t i = 0; i < 20000; i++)
		strbuf_printf(&text, "%llx-%llx r-xp 00000000 08:01 %llu /some/file/%llu\n", 0x10000ull + i * 0x1000,
			      0x11000ull + i * 0x1000, 1 + (unsigned long long)i / 2, (unsigned long long)i / 2);
	assert_int_equal(layout_parse((struct span){ text.data, text.len }, &strings, &layout), 0);
	assert_int_equal(layout.n, 20000);
	assert_int_equal(layout.n_objects, 10000);
	assert_int_equal(layout_find(&layout, 0x12345)->start, 0x12000);
	assert_string_equal(layout.objects[layout_find(&layout, 0x12345)->object].path, "/some/file/1");
	/* there was no room for the last names */
	assert_null(layout.objects[9999].path);
	assert_null(layout_find(&layout, 0xffff));
	layout_done(&layout);
	assert_non_null(strbuf_extend(&text, 9u << 20));
	assert_int_equal(layout_parse((struct span){ text.data, text.len }, &strings, &layout), -EFBIG);
	intern_done(&strings);
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		LIVE(names_functions),	       LIVE(names_what_has_no_file),
		LIVE(finds_what_came_later),   LIVE(remembers_the_gone),
		LIVE(names_code_of_the_gone),  LIVE(data_of_the_gone),
		LIVE(zombie_is_gone),	       LIVE(child_is_like_its_parent),
		LIVE(looks_once_at_what_happened), LIVE(finds_what_was_unmapped),
		 LIVE(exec_is_another_program), LIVE(readers_are_killed),
		LIVE(many_processes),
		LIVE(many_addresses),	       LIVE(reads_memory),
		LIVE(names_another_program),   cmocka_unit_test(too_many_names),
		LIVE(memory_never_answers),    LIVE(file_takes_too_long),
		cmocka_unit_test(too_many_ranges), cmocka_unit_test(too_many_mappings),
	};

	return cmocka_run_group_tests_name("symbolize", tests, NULL, NULL);
}
