#!/bin/sh
# Starts a small program with four threads and inspects it, and the shell that called make.
set -eu
dir=$(mktemp -d)
mkfifo "$dir/in"
: >"$dir/out"
"$O/lab/threads" 4 --comm rseq-demo <"$dir/in" >"$dir/out" &
target=$!
exec 3>"$dir/in"
trap 'exec 3>&-; rm -rf "$dir"' EXIT
while ! read -r _ <"$dir/out"; do
	kill -0 "$target"
	sleep 0.02
done
[ "$CALLER" != 0 ] || CALLER= # make was the first process here
status=0
"$O/rseqctl" inspect "$target" ${CALLER:+"$CALLER"} || status=$?
# 1: the caller's shell has findings, which is an answer too
[ "$status" -le 1 ]
