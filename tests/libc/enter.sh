#!/bin/sh
# Starts a program in a root directory, in mounts of its own, with the pid of this shell.
# usage: enter.sh ROOT [VAR=VALUE...] PROGRAM ARG...
set -eu
# Variables such as LD_AUDIT are for the program alone: set by what has no libc to obey them.
# shellcheck disable=SC2016 # for the inner shell
exec unshare --mount --propagation private sh -c '
	mount -t proc proc "$0/proc"
	mount --bind /dev "$0/dev"
	exec chroot "$0" /busybox env "$@"' "$@"
