/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/answer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/thread.h"

int answer_rseq(const void *area, uint32_t length, int flags, uint32_t signature)
{
	return syscall(SYS_rseq, area, length, flags, signature) < 0 ? -errno : 0;
}

int answer_in_child(int (*ask)(void *data), void *data)
{
	pid_t pid = probe_fork();
	int status = 0;

	if (pid == 0) {
		/* Who collects crashes, as systemd-coredump, has nothing to do with them. */
		prctl(PR_SET_DUMPABLE, 0);
		/* A sanitizer would make something else of it. */
		signal(SIGSEGV, SIG_DFL);
		_exit(-ask(data) & 0xff);
	}
	if (pid < 0)
		return ANSWER_NONE;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ANSWER_NONE;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? ANSWER_NONE : ANSWER_SIGNAL + WTERMSIG(status);
	return WEXITSTATUS(status) == ENOMEM ? ANSWER_NONE : -WEXITSTATUS(status);
}

const char *answer_name(int answer, char word[ANSWER_WORD_MAX])
{
	const char *name = NULL;

	if (answer == 0)
		return "0";
	if (answer == ANSWER_SIGNAL + SIGSEGV)
		return "SIGSEGV";
	if (answer == ANSWER_NONE)
		return "no process";
	if (answer > ANSWER_SIGNAL)
		snprintf(word, ANSWER_WORD_MAX, "signal %d", answer - ANSWER_SIGNAL);
	else
		name = strerrorname_np(-answer);
	if (answer < 0 && !name)
		snprintf(word, ANSWER_WORD_MAX, "errno %d", -answer);
	return name ? name : word;
}

bool answer_is_one_of(const char *seen, const char *expected)
{
	size_t len = strlen(seen);

	for (const char *p = expected; (p = strstr(p, seen)); p += len)
		if ((p == expected || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
	return false;
}
