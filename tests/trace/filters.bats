#!/usr/bin/env bats
# Whose events are told: filtered in the kernel, by numbers of our own PID namespace.
load ../lib/lab
load ../lib/trace

setup() { need_bpf; }
teardown() {
	[ -z "${OTHER:-}" ] || kill "$OTHER" 2>/dev/null || true
	lab_stop
}

# Another program that is aborted all the time, which must not be told.
disturb() {
	"$LAB/aborts" storm --threads 2 --seconds 30 >"$BATS_TEST_TMPDIR/other" 3>&- &
	OTHER=$!
	until [ -s "$BATS_TEST_TMPDIR/other" ]; do sleep 0.02; done
}

@test "-p: this process, all of its threads, and nothing else" {
	disturb
	lab aborts storm --threads 3
	trace --aborts -p "$LAB_PID" -d 1
	is "$status" 0
	is "$(events .pid | sort -u)" "$LAB_PID"
	[ "$(events .tid | sort -u | wc -l)" -gt 1 ]
	[ "$(summary .events.abort)" -gt 0 ]
}

@test "-p twice: both" {
	disturb
	lab aborts membarrier
	trace --aborts -p "$LAB_PID" -p "$OTHER" -d 1
	is "$(events .pid | sort -un)" "$(printf '%s\n' "$LAB_PID" "$OTHER" | sort -n)"
}

@test "-t: this thread" {
	lab aborts storm --threads 3
	local tid
	tid=$(jq '.threads[] | select(.role == "worker").tid' "$LAB_OUT" | head -n 1)
	trace --aborts -t "$tid" -d 1
	is "$(events .tid | sort -u)" "$tid"
}

@test "--comm: by the name of the process or thread, also by its beginning" {
	disturb
	lab threads 2
	trace --aborts --comm aborts -d 0.7
	is "$(events .pid | sort -u)" "$OTHER"
	trace --aborts --comm 'abo*' -d 0.7
	is "$(events .pid | sort -u)" "$OTHER"
	trace --aborts --comm abort -d 0.7
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
	trace --aborts --cgroup "$group" -d 1
	lab_stop
	rmdir "$group"
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
	unshare -pf --mount-proc "$LAB/aborts" membarrier --seconds 20 >/dev/null 3>&- &
	OTHER=$!
	local inner
	for _ in $(seq 100); do
		inner=$(pgrep -P "$OTHER") && break
		sleep 0.05
	done
	sleep 0.3
	trace --aborts -p "$inner" -d 1
	kill "$inner"
	is "$(events .pid | sort -u)" "$inner"
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
