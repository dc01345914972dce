/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main thread has ended with pthread_exit() a second after the start, the others go on: the
 * leader is a zombie without memory, and everything must be read through a living thread.
 */
#include "testify.h"

#include <pthread.h>
#include <unistd.h>

static struct lab_thread threads[2];

static void *speaker(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	lab_thread_adopt(&threads[0], &lab_role_libc);
	lab_thread_start(&threads[1], &lab_role_libc);
	lab_thread_settle(&threads[1]);
	lab_testimony();
	lab_testify_threads(threads, 2, NULL);
	lab_testimony_end();
	lab_obey(NULL);
	_exit(0);
}

int main(void)
{
	static pthread_t self;
	pthread_t other;

	self = pthread_self();
	sleep(1);
	if (pthread_create(&other, NULL, speaker, &self))
		lab_fail(LAB_EXIT_FAILED, "cannot start a thread");
	pthread_exit(NULL);
}
