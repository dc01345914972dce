/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every lab program shares: threads that are known to be at rest before anything is claimed
 * about them, and the protocol with the test: one line of JSON (the testimony), one more line per
 * "report" on stdin, exit 0 at end of file.
 */
#ifndef LAB_TESTIFY_H
#define LAB_TESTIFY_H

#include "area.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum lab_exit {
	LAB_EXIT_FAILED = 1,
	LAB_EXIT_USAGE = 2,
	LAB_EXIT_OWNER = 3, /* libc owns rseq and should not, or the other way round */
	LAB_EXIT_SKIP = 77,
};

struct lab_role;

struct lab_thread {
	pid_t tid;
	uintptr_t tp;
	uintptr_t area; /* 0: the thread is not registered */
	unsigned int length;
	const char *place;
	const char *object;
	unsigned int index; /* 0 is the main thread */
	const struct lab_role *role;
	void *own; /* the program's */
	atomic_bool ready;
};

struct lab_role {
	/* On the thread; fills in area, length, place, object. */
	void (*prepare)(struct lab_thread *self);
	/* Must block; NULL is lab_rest(). */
	void (*rest)(struct lab_thread *self);
};

/* The ordinary thread: registered by libc, or not at all. */
extern const struct lab_role lab_role_libc;

pid_t lab_tid(void);

/* Asks the kernel, without changing anything, whether the calling thread has exactly this area. */
bool lab_rseq_is_registered(const void *area, unsigned int length);

bool lab_libc_owns(void);
/* NULL when libc has no rseq. Borrowed: the area belongs to the thread with this thread pointer. */
struct lab_rseq *lab_libc_area(uintptr_t tp);
void lab_require_libc_owner(void);
void lab_require_no_libc_owner(void);

/* prepare() of lab_role_libc. */
void lab_prepare_libc(struct lab_thread *self);
/* Registers as told and confirms it; ends the program when the kernel refuses. */
void lab_register_area(struct lab_thread *self, void *area, unsigned int length,
		       uint32_t signature);
/* 64, where this kernel takes as much for this area, else 32. Changes nothing. */
unsigned int lab_long_length(void *area);
/* Registers an area of the program's with length 32, or ends the program. */
void lab_own_area(struct lab_thread *self, void *area, const char *place, const char *object);
/* A library's area, which may have lost: the thread's when the kernel says so, else libc's is. */
void lab_library_area(struct lab_thread *self, struct lab_rseq *area, const char *library);
/* For threads with a library's area, whoever won: where it is, and what it says of itself. */
void lab_testify_library_area(const struct lab_thread *thread);
_Noreturn void lab_rest(struct lab_thread *self);

/* The calling thread, which does not rest. */
void lab_thread_adopt(struct lab_thread *self, const struct lab_role *role);
void lab_thread_start(struct lab_thread *thread, const struct lab_role *role);
/* Returns when the thread sleeps in its rest(); ends the program when it never does. */
void lab_thread_settle(struct lab_thread *thread);
/* The caller as thread 0 and count - 1 more, all settled. Caller never frees. */
struct lab_thread *lab_crew_start(unsigned int count, const struct lab_role *role);
void lab_settle_tid(pid_t pid, pid_t tid);

/* The file name of this program, and of a file beside it. Caller frees the second. */
const char *lab_program(void);
char *lab_sibling(const char *file);
unsigned int lab_count_argument(const char *text, unsigned int limit);
_Noreturn void lab_fail(enum lab_exit status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints {"skip":reason} and exits 77. */
_Noreturn void lab_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* JSON on stdout; a NULL key is for elements of an array. */
void json_object(const char *key);
void json_object_end(void);
void json_array(const char *key);
void json_array_end(void);
void json_text(const char *key, const char *text); /* NULL is null */
void json_number(const char *key, long long number);
void json_bool(const char *key, bool value);
void json_address(const char *key, uintptr_t address); /* 0 is null */
void json_null(const char *key);
/* Ends the line and hands it to the reader. */
void json_line_end(void);

/* Opens the testimony: pid, program, what libc says about itself. */
void lab_testimony(void);
void lab_testify_threads(const struct lab_thread *threads, unsigned int count,
			 void (*more)(const struct lab_thread *thread));
void lab_testify_thread(const struct lab_thread *thread,
			void (*more)(const struct lab_thread *thread));
void lab_testimony_end(void);

enum lab_order {
	LAB_ORDER_NONE,
	LAB_ORDER_REPORT,
	LAB_ORDER_PAUSE,
	LAB_ORDER_GO,
	LAB_ORDER_END,
};

/* Waits at most this long for a line on stdin; -1 is for ever. */
enum lab_order lab_listen(int timeout_ms);
/* One report line; fill may be NULL or adds keys. */
void lab_report(void (*fill)(void));
/* Reports until stdin ends. */
void lab_obey(void (*fill)(void));

#endif
