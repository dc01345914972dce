#!/usr/bin/env bats
# Whose events are told: filtered in the kernel, by numbers of our own PID namespace.
load ../lib/lab
load ../lib/trace

setup() { need_bpf; }
teardown() {
	# also as the first process of a PID namespace, which has no other way to be ended
	[ -z "${INNER:-}" ] || kill -KILL "$INNER" 2>/dev/null || true
	if [ -n "${OTHER:-}" ]; then
		kill "$OTHER" 2>/dev/null || true
		wait "$OTHER" 2>/dev/null || true
	fi
	lab_stop
}

# Another program that is aborted all the time, which must not be told. Its name is that of no other run.
disturb() {
	ln -sf "$LAB/aborts" "$BATS_TEST_TMPDIR/abo$$"
	"$BATS_TEST_TMPDIR/abo$$" storm --threads 2 --seconds 600 >"$BATS_TEST_TMPDIR/other" 3>&- &
	OTHER=$!
	soon said_or_ended "$BATS_TEST_TMPDIR/other" "$OTHER"
	said "$BATS_TEST_TMPDIR/other"
}

# trace_until N FILTER ARG...: traces until so many such events were told.
trace_until() {
	trace_start "${@:3}"
	soon told "$1" "$2"
	trace_stop
}

@test "-p: this process, all of its threads, and nothing else" {
	disturb
	lab aborts storm --threads 3
	local each
	each=$(jq -r '.threads[] | select(.role == "worker").tid' "$LAB_OUT" | head -n 2 | paste -sd ' ')
	trace_start --aborts -p "$LAB_PID"
	soon told 1 "select(.tid == ${each% *})"
	soon told 1 "select(.tid == ${each#* })"
	trace_stop
	is "$status" 0
	is "$(events .pid | sort -u)" "$LAB_PID"
	[ "$(events .tid | sort -u | wc -l)" -gt 1 ]
	[ "$(summary .events.abort)" -gt 0 ]
}

@test "-p twice: both" {
	disturb
	lab aborts membarrier
	trace_start --aborts -p "$LAB_PID" -p "$OTHER"
	soon told 1 "select(.pid == $LAB_PID)"
	soon told 1 "select(.pid == $OTHER)"
	trace_stop
	is "$(events .pid | sort -un)" "$(printf '%s\n' "$LAB_PID" "$OTHER" | sort -n)"
}

@test "-t: this thread" {
	lab aborts storm --threads 3
	local tid
	tid=$(jq '.threads[] | select(.role == "worker").tid' "$LAB_OUT" | head -n 1)
	trace_until 10 .tid --aborts -t "$tid"
	is "$(events .tid | sort -u)" "$tid"
}

@test "--comm: by the name of the process or thread, also by its beginning" {
	disturb
	lab threads 2
	local name=abo$$
	trace_until 10 .pid --aborts --comm "$name"
	is "$(events .pid | sort -u)" "$OTHER"
	trace_until 10 .pid --aborts --comm "${name%?}*"
	is "$(events .pid | sort -u)" "$OTHER"
	trace --aborts --comm "${name%?}" -d 0.7
	is "$(summary .events.abort)" 0
}

@test "--children: those of a traced process, and without it not" {
	trace --aborts --summary --children -- "$LAB/forker" 20
	skip_if_lab_does
	is "$(summary .events.abort)" "$(truth .aborts)"
	trace --aborts --summary -- "$LAB/forker" 20
	is "$(summary .events.abort)" 0
}

@test "--cgroup: those in it, and no others" {
	local group
	group=$(awk '$3 == "cgroup2" { print $2 }' /proc/mounts | head -n 1)
	[ -n "$group" ] && mkdir "$group/rseqctl-test.$$" 2>/dev/null || skip "no cgroup of version 2 can be made here"
	group=$group/rseqctl-test.$$
	disturb
	lab aborts membarrier
	echo "$LAB_PID" >"$group/cgroup.procs"
	trace_until 10 .pid --aborts --cgroup "$group"
	lab_stop
	soon rmdir "$group" # one that has ended may be in it for a moment
	is "$status" 0
	is "$(events .pid | sort -u)" "$(jq .pid "$LAB_OUT" | head -n 1)"
}

@test "--cgroup: a path that is none is said" {
	trace --cgroup /nowhere -d 1
	is "$status" 3
	[[ "$(cat "$ERR")" == *"/nowhere"* ]]
	trace --cgroup /tmp -d 1
	is "$status" 3
	[[ "$(cat "$ERR")" == *"version 2"* ]]
	trace --cgroup "" -d 1
	is "$status" 2
}

@test "inside a PID namespace numbers are those of the namespace" {
	unshare -pf --mount-proc true 2>/dev/null || skip "no PID namespace can be made here"
	JSON=$BATS_TEST_TMPDIR/jsonl ERR=$BATS_TEST_TMPDIR/err
	unshare -pf --mount-proc "$RSEQCTL" trace --json --aborts -- "$LAB/aborts" membarrier --seconds 1 >"$JSON" 2>"$ERR"
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	is "$(events .pid | sort -u)" "$(truth .pid)"
	[ "$(truth .pid)" -lt 1000 ]
	is "$(events '.section.function' | sort -u | grep -c lab_spin)" 1
}

@test "inside a PID namespace processes outside of it are none of ours" {
	unshare -pf --mount-proc true 2>/dev/null || skip "no PID namespace can be made here"
	disturb
	JSON=$BATS_TEST_TMPDIR/jsonl
	unshare -pf --mount-proc "$RSEQCTL" trace --json --aborts -d 1 >"$JSON"
	is "$(summary .events.abort)" 0
}

@test "from outside, a process in a PID namespace has our number for it" {
	unshare -pf --mount-proc true 2>/dev/null || skip "no PID namespace can be made here"
	unshare -pf --mount-proc "$LAB/aborts" membarrier --seconds 600 >"$BATS_TEST_TMPDIR/other" 3>&- &
	OTHER=$!
	soon said_or_ended "$BATS_TEST_TMPDIR/other" "$OTHER"
	INNER=$(pgrep -P "$OTHER")
	trace_until 10 .pid --aborts -p "$INNER"
	is "$(events .pid | sort -u)" "$INNER"
}

@test "a number that nobody has; a thread's number" {
	trace -p 99999999 -d 1
	is "$status" 3
	[[ "$(cat "$ERR")" == *99999999* ]]
	lab threads 2
	trace -p "$(jq '.threads[1].tid' "$LAB_OUT")" -d 1
	is "$status" 3
	[[ "$(cat "$ERR")" == *"-t "* ]]
	trace -t 99999999 -d 1
	is "$status" 3
}

@test "the trace ends when the process does" {
	lab aborts slow
	trace_start -p "$LAB_PID"
	lab_stop
	status=0
	wait "$TRACE_PID" || status=$?
	is "$status" 0
	is "$(tail -n 1 "$JSON" | jq -r .type)" summary
}
