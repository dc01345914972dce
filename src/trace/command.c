/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static _Noreturn void child(char *const argv[], bool keep_output, int go, int failure)
{
	char byte;
	ssize_t n;
	int err;

	do
		n = read(go, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(0);
	if (!keep_output)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(argv[0], argv);
	err = errno;
	(void)!write(failure, &err, sizeof(err));
	_exit(127);
}

int command_prepare(char *const argv[], bool keep_output, struct command *ret)
{
	int go[2], failure[2], r;

	*ret = COMMAND_NONE;
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(failure, O_CLOEXEC) < 0) {
		r = -errno;
		goto close_go;
	}
	ret->pid = fork();
	if (ret->pid < 0) {
		r = -errno;
		ret->pid = 0;
		goto close_failure;
	}
	if (!ret->pid) {
		close(go[1]);
		close(failure[0]);
		child(argv, keep_output, go[0], failure[1]);
	}
	/* The kernel would reap it itself where our caller ignores this, which the child has still as it was. */
	signal(SIGCHLD, SIG_DFL);
	close(go[0]);
	close(failure[1]);
	ret->go = go[1];
	ret->failure = failure[0];
	ret->result.pid = ret->pid;
	return 0;
close_failure:
	close(failure[0]);
	close(failure[1]);
close_go:
	close(go[0]);
	close(go[1]);
	return r;
}

int command_go(struct command *c)
{
	ssize_t n = write(c->go, "", 1);
	int err = 0;

	close(take_fd(&c->go));
	c->started = n == 1;
	/* Closed by the exec that succeeds. */
	do
		n = read(c->failure, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	close(take_fd(&c->failure));
	if (n != sizeof(err))
		return 0;
	c->started = false;
	return -err;
}

bool command_has_ended(struct command *c)
{
	int status;
	pid_t pid;

	if (!c->pid || c->ended)
		return true;
	pid = waitpid(c->pid, &status, WNOHANG);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return false;
	c->ended = true;
	if (pid == c->pid && WIFEXITED(status)) {
		c->result.status = WEXITSTATUS(status);
		c->result.has |= COMMAND_STATUS;
	} else if (pid == c->pid && WIFSIGNALED(status)) {
		c->result.signal = WTERMSIG(status);
		c->result.has |= COMMAND_SIGNAL;
	}
	return true;
}

void command_done(struct command *c)
{
	if (!c->pid)
		return;
	if (c->go >= 0)
		close(take_fd(&c->go));
	if (c->failure >= 0)
		close(take_fd(&c->failure));
	if (!command_has_ended(c) && c->started)
		kill(c->pid, SIGTERM);
	for (int i = 0; i < 100 && !command_has_ended(c); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	/* One that does not obey is not waited for a second time. */
	c->pid = 0;
}
