/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trap for whoever reads another process's memory: the page with one thread's area is served by
 * userfaultfd and nobody serves it. A reader that may sleep sleeps for ever, and so does the thread
 * itself once it runs. A child of the program finds out beforehand which kinds of reading do.
 */
#include "testify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A read of one word takes microseconds; one that has not come back after this never will. */
#define PATIENCE_MS 300

static __thread struct lab_rseq __rseq_abi = LAB_RSEQ_INITIALIZER;
static unsigned char *page;
static size_t page_size;

static void own_exe(struct lab_thread *self)
{
	lab_own_area(self, &__rseq_abi, "tls-symbol", lab_program());
}

static void own_page(struct lab_thread *self)
{
	lab_own_area(self, page, "anonymous", NULL);
}

static int open_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	/* Not UFFD_USER_MODE_ONLY: a reader in the kernel would get an error and not wait. */
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		lab_skip("userfaultfd: %s", strerror(errno));
	if (ioctl(fd, UFFDIO_API, &api))
		lab_skip("UFFDIO_API: %s", strerror(errno));
	return fd;
}

static void map_page(void)
{
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		lab_fail(LAB_EXIT_FAILED, "cannot map: %s", strerror(errno));
}

/* The thread must be asleep: it would fault as soon as it came back from the kernel. */
static void take_page_away(int fd)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)page, .len = page_size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(fd, UFFDIO_REGISTER, &range))
		lab_skip("UFFDIO_REGISTER: %s", strerror(errno));
	if (madvise(page, page_size, MADV_DONTNEED))
		lab_fail(LAB_EXIT_FAILED, "cannot drop the page: %s", strerror(errno));
}

static void read_by_process_vm(pid_t pid)
{
	uint64_t word;
	struct iovec local = { .iov_base = &word, .iov_len = sizeof(word) };
	struct iovec remote = { .iov_base = page, .iov_len = sizeof(word) };

	process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static void read_by_proc_mem(pid_t pid)
{
	uint64_t word;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, &word, sizeof(word), (off_t)(uintptr_t)page) < 0)
		_exit(errno);
}

static bool has_ended_in_time(pid_t child)
{
	static const struct timespec millisecond = { .tv_nsec = 1000000 };

	for (unsigned int i = 0; i < PATIENCE_MS; i++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &millisecond, NULL);
	}
	return false;
}

static bool does_block(void (*read_page)(pid_t pid))
{
	pid_t pid = getpid();
	pid_t child = fork();

	if (child < 0)
		lab_fail(LAB_EXIT_FAILED, "cannot fork: %s", strerror(errno));
	if (!child) {
		read_page(pid);
		_exit(0);
	}
	if (has_ended_in_time(child))
		return false;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return true;
}

static void testify_stall(const struct lab_thread *thread)
{
	json_bool("stalled", thread->area == (uintptr_t)page);
}

int main(void)
{
	static const struct lab_role main_role = { .prepare = own_exe };
	static const struct lab_role stalled_role = { .prepare = own_page };
	static struct lab_thread threads[] = { { .index = 0 }, { .index = 1 } };
	int fd;

	lab_require_no_libc_owner();
	fd = open_userfaultfd();
	map_page();
	lab_thread_adopt(&threads[0], &main_role);
	lab_thread_start(&threads[1], &stalled_role);
	lab_thread_settle(&threads[1]);
	take_page_away(fd);
	lab_testimony();
	json_address("page", (uintptr_t)page);
	json_bool("process_vm_readv_blocks", does_block(read_by_process_vm));
	json_bool("proc_mem_blocks", does_block(read_by_proc_mem));
	lab_testify_threads(threads, 2, testify_stall);
	lab_testimony_end();
	lab_obey(NULL);
	return 0;
}
