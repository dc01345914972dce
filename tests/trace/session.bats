#!/usr/bin/env bats
# How a trace begins and ends, what it does when it cannot, and names that outlive their process.
load ../lib/lab
load ../lib/trace

@test "without privileges: one sentence, status 3" {
	need_root
	run as_nobody "$RSEQCTL" trace -d 1
	is "$status" 3
	is "${#lines[@]}" 1
	[[ "$output" == *root* ]]
}

@test "without the kernel's types: one sentence that says so" {
	need_root
	unshare -m true 2>/dev/null || skip "no mount namespace can be made here"
	mkdir "$BATS_TEST_TMPDIR/empty"
	run unshare -m sh -c 'mount --bind "$1" /sys/kernel/btf && exec "$2" trace -d 1' - "$BATS_TEST_TMPDIR/empty" "$RSEQCTL"
	is "$status" 3
	is "${#lines[@]}" 1
	[[ "$output" == *BTF* ]]
}

@test "a kernel that is locked down: one sentence that says so" {
	need_root
	grep -q '\[confidentiality\]' /sys/kernel/security/lockdown 2>/dev/null || skip "this kernel is not locked down"
	run "$RSEQCTL" trace -d 1
	is "$status" 3
	is "${#lines[@]}" 1
	[[ "$output" == *"locked down"*"lockdown="* ]]
}

@test "a command that is not there, that cannot be executed" {
	need_bpf
	trace -- /nowhere/at-all
	is "$status" 127
	[[ "$(cat "$ERR")" == *"'/nowhere/at-all': No such file or directory"* ]]
	trace -- /dev/null
	is "$status" 126
	[[ "$(cat "$ERR")" == *"'/dev/null': Permission denied"* ]]
}

@test "what the command ended with is in the summary, and not our status" {
	need_bpf
	trace -- sh -c 'exit 3'
	is "$status" 0
	is "$(summary '.command | "\(.status) \(.signal)"')" "3 null"
	trace -- sh -c 'kill -TERM $$'
	is "$status" 0
	is "$(summary '.command | "\(.status) \(.signal)"')" "null 15"
	# Started by somebody who does not want to hear of children; the command inherits that.
	run env --ignore-signal=CHLD "$RSEQCTL" trace --summary -- sh -c "grep SigIgn: /proc/self/status; exit 4"
	[[ "$output" == *"SigIgn:"*"1"*"ended with status 4"* ]]
}

@test "the command's output goes to our standard error, or stays with --output" {
	need_bpf
	trace -- echo hello
	is "$(cat "$ERR")" hello
	is "$(grep -c hello "$JSON")" 0
	run "$RSEQCTL" trace --output "$BATS_TEST_TMPDIR/file" -- echo hello
	is "$output" hello
	[[ "$(cat "$BATS_TEST_TMPDIR/file")" == *"no aborts"* ]]
}

@test "the command has our privileges and an ordinary environment" {
	need_bpf
	trace -- grep -E '^(CapEff|NoNewPrivs|SigIgn|SigBlk)' /proc/self/status
	# timeout(1) does not ignore what it was told to ignore
	is "$(cat "$ERR")" "$(timeout 300 grep -E '^(CapEff|NoNewPrivs|SigIgn|SigBlk)' /proc/self/status)"
}

@test "-d ends a trace in time, and the command with it" {
	need_bpf
	trace -d 0.5 -- sleep 1000 # longer than trace() waits
	is "$status" 0
	is "$(summary .command.signal)" 15
}

@test "-n ends it after so many events" {
	need_bpf
	trace --aborts -n 5 -- "$LAB/aborts" membarrier --seconds 20
	is "$(events .type | wc -l)" 5
	is "$(tail -n 1 "$JSON" | jq -r .type)" summary
}

@test "Ctrl-C ends with the summary and status 0" {
	need_bpf
	trace_start --aborts
	trace_stop
	is "$status" 0
	is "$(tail -n 1 "$JSON" | jq -r .type)" summary
}

@test "timeout(1), which signals the whole group, too" {
	need_bpf
	trace_start
	# as it does at its end: to its child, and to the group that it leads
	kill -TERM "$TRACE_PID"
	status=0
	wait "$TRACE_PID" || status=$?
	is "$(tail -n 1 "$JSON" | jq -r .type)" summary
}

@test "a reader that goes away: it ends, with status 4" {
	need_bpf
	run timeout 300 bash -c '"$1" trace --aborts -- "$2/aborts" membarrier --seconds 1000 | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"' - "$RSEQCTL" "$LAB"
	is "$status" 0
	is "${lines[-1]}" 4
}

@test "a full disk: status 4" {
	need_bpf
	run timeout 300 "$RSEQCTL" trace --aborts --output /dev/full -- "$LAB/aborts" membarrier --seconds 1
	is "$status" 4
}

# The helpers of a trace: TRACER holds the BPF programs, READER reads files for names.
find_helpers() {
	soon has_helpers
}

has_helpers() {
	local pid
	TRACER='' READER=''
	for pid in $(pgrep -P "$(pgrep -P "$(pgrep -P "$TRACE_PID")")"); do
		if [ -n "$(programs_of "$pid")" ]; then TRACER=$pid; else READER=$pid; fi
	done
	[ -n "$TRACER" ] && [ -n "$READER" ]
}

# programs_of PID: the numbers of the BPF programs that it holds.
programs_of() {
	cat "/proc/$1/fdinfo/"* 2>/dev/null | awk '$1 == "prog_id:" { print $2 }' | sort -un
}

need_bpftool() {
	command -v bpftool >/dev/null || PATH=$PATH:/usr/sbin
	command -v bpftool >/dev/null || skip "no bpftool"
}

# detached PROGRAM...: the kernel has none of them any more. It lets go of them a moment later.
detached() {
	local id
	for id; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}

@test "the helper that traces is killed: it ends and says so, and nothing stays attached" {
	need_bpf
	need_bpftool
	trace_start --aborts
	find_helpers
	local attached
	attached=$(programs_of "$TRACER")
	bpftool prog show id "${attached%%$'\n'*}"
	kill -KILL "$TRACER"
	status=0
	wait "$TRACE_PID" || status=$?
	is "$status" 4
	grep -q 'helper that traces is lost' "$ERR"
	# shellcheck disable=SC2086 # words are meant
	soon detached $attached
}

@test "the helper that reads files is killed: the trace goes on, with another one" {
	need_bpf
	trace_start --aborts
	find_helpers
	kill -KILL "$READER"
	"$LAB/aborts" membarrier < <(stay 1 'select(.section.function == "aborts_library_pop")') >/dev/null 3>&-
	trace_stop
	is "$status" 0
	[ "$(summary .events.abort)" -gt 0 ]
	[[ "$(summary '[.sections[].function] | join(" ")')" == *aborts_library_pop* ]]
}

@test "killed outright: nothing stays attached, and no process stays" {
	need_bpf
	need_bpftool
	trace_start --aborts -p $$
	find_helpers
	local main attached tree
	main=$(pgrep -P "$TRACE_PID")
	tree="$(pgrep -P "$main") $TRACER $READER"
	attached=$(programs_of "$TRACER")
	bpftool prog show id "${attached%%$'\n'*}"
	kill -KILL "$main"
	wait "$TRACE_PID" || true
	# shellcheck disable=SC2086 # words are meant
	soon detached $attached
	# shellcheck disable=SC2086
	soon all_gone $tree
}

# all_gone PID...: or only wait for somebody to reap them.
all_gone() {
	[ -z "$(ps -o stat= -p "${*// /,}" | grep -v '^Z')" ]
}

@test "a traced process is not changed: no tracer, not stopped, blocked calls are not interrupted" {
	need_bpf
	lab threads 4 --epoll
	trace --stack -p "$LAB_PID" -d 0.5
	is "$(lab_report | jq .eintr)" 0
	is "$(awk '/^TracerPid/ { print $2 }' "/proc/$LAB_PID/status")" 0
}

@test "names of processes that are gone, of children, C++ names, of libraries" {
	need_bpf
	trace --aborts --summary -- "$LAB/aborts" membarrier --seconds 1
	is "$(summary '[.sections[] | "\(.object | split("/") | last) \(.function)"] | sort | join(", ")')" \
		"aborts lab::queue::push(int), aborts lab_spin, libaborts.so aborts_library_pop"
	fresh
	# The children are gone soon, but have what their parent has. Of 165 aborts half are in the library.
	trace --aborts --children -- "$LAB/forker" 30 < <(stay 165 'select(.type == "abort")')
	skip_if_lab_does
	is "$(summary '[.sections[].function] | unique | map(. // "null") | join(" ")')" \
		"$(truth '[.sections[].function] | unique | join(" ")')"
}

@test "the summary for people: totals, causes with unknown, sections, lost and missed" {
	need_bpf
	run "$RSEQCTL" trace --aborts --summary -- "$LAB/aborts" membarrier --seconds 1
	is "$status" 0
	[[ "$output" == *" aborts"*"unknown 0 (0.0%)"*"lab_spin"* ]]
	[[ "$output" == *"0 lost, 0 missed"* ]]
}

@test "event lines: one per event, and aligned" {
	need_bpf
	run "$RSEQCTL" trace --aborts --events -- "$LAB/aborts" slow --seconds 1
	[[ "$output" == *"abort "*"cpu "*"(section +0x"* ]]
}

@test "JSON Lines: every line is one object, times rise per CPU, the first and last are what they should be" {
	need_bpf
	trace -- "$LAB/aborts" storm --seconds 1
	jq -es 'all(type == "object")' "$JSON"
	is "$(jq -rs '"\(.[0].type) \(.[0].schema) \(.[0].clock) \(.[-1].type)"' "$JSON")" "start 1 boottime summary"
	jq -es '[.[] | select(.cpu)] | group_by(.cpu) | all(map(.time_ns) == (map(.time_ns) | sort))' "$JSON"
}

@test "the page has figures, and no gap where one is missing" {
	is "$(cat "$TESTS"/../man/* | grep -c '@FIGURE@')" 0
}

@test "a small soft limit of open files is no obstacle, a small hard one is named" {
	need_bpf
	run sh -c 'ulimit -Sn 16 && exec "$1" trace --summary -d 0.1' - "$RSEQCTL"
	is "$status" 0
	# who may raise it does, so without that
	run setpriv --bounding-set=-sys_resource sh -c 'ulimit -n 16 && exec "$1" trace --summary -d 0.1' - "$RSEQCTL"
	is "$status" 3
	is "${#lines[@]}" 1
	[[ "$output" == *"too few open files"*"ulimit -n"* ]]
}

@test "in a user namespace of its own: root there is not enough, and that is said" {
	need_bpf
	unshare -Ur true 2>/dev/null || skip "no user namespace can be made here"
	run unshare -Ur "$RSEQCTL" trace -d 0.1
	is "$status" 3
	is "${#lines[@]}" 1
	[[ "$output" == *"user namespace"* ]]
}

@test "without events the summary begins at once" {
	need_bpf
	run "$RSEQCTL" trace --aborts --events --comm=no-such-name -d 0.1
	[[ "${output%%$'\n'*}" == "no aborts in "* ]]
}
