#!/usr/bin/env bats
# stress: what it promises of its runs, faults and reports. Gates are counts, never times: a machine may be slow.
load ../lib/lab

setup() {
	timeout 60 "$RSEQCTL" stress --ops 1 --workload getcpu -q >"$BATS_TEST_TMPDIR/probe" 2>&1 || {
		[ $? -eq 3 ] && skip "$(head -n 1 "$BATS_TEST_TMPDIR/probe")"
		cat "$BATS_TEST_TMPDIR/probe"
		false
	}
}

# stress ARG...: status in $status, JSON in $JSON, messages in $ERR.
stress() {
	JSON=$BATS_TEST_TMPDIR/json ERR=$BATS_TEST_TMPDIR/err status=0
	timeout 300 "$RSEQCTL" stress --json "$@" >"$JSON" 2>"$ERR" || status=$?
	[ "$status" -le 4 ] || {
		echo "rseqctl stress $* ended with $status" >&2
		cat "$ERR" >&2
		return 1
	}
	[ "$status" -ne 1 ] || jq -r '.results[] | .workload as $w | .invariants[] | select(.ok == false) |
		"broken: \($w) \(.name): \(.detail)"' "$JSON" >&2
	[ "$status" -ne 3 ] || cat "$ERR" >&2
}

# A copy of the program that every user may run, in $dir.
readable_copy() {
	dir=$(mktemp -d)
	chmod 755 "$dir"
	cp "$RSEQCTL" "$dir/"
	chmod 755 "$dir/rseqctl"
}

workloads() {
	"$RSEQCTL" stress --list -q | sed -n 's/^workload //p'
}

@test "every workload passes, with libc's registration and with its own" {
	local owner
	for owner in libc self; do
		stress --owner "$owner" --threads 8 --ops 4000 --min-aborts 0
		is "$status" 0
		jq -e --argjson n "$(workloads | wc -l)" '.verdict == "pass" and (.results | length == $n) and .errors == []
			and all(.results[]; (.verdict == "pass" or .verdict == "not-applicable")
				and (.verdict != "pass" or .operations >= 4000))' "$JSON"
		is "$(json .environment.owner)" "$owner"
	done
	grep -q '^rseqctl stress: starting again with GLIBC_TUNABLES=.*glibc.pthread.rseq=0$' "$ERR"
}

@test "an ordinary user may do all of it" {
	need_root
	readable_copy
	as_nobody "$dir/rseqctl" stress --json --threads 8 --ops 2000 --min-aborts 0 >"$BATS_TEST_TMPDIR/json" || status=$?
	rm -r "$dir"
	jq -e '.verdict == "pass"' "$BATS_TEST_TMPDIR/json"
}

@test "own registrations of every length" {
	local length
	for length in 32 33 64 4096; do
		stress --length "$length" --threads 4 --ops 500 --min-aborts 0 --workload counter,churn
		if [ "$status" -eq 3 ] && grep -q 'could not register: Invalid argument' "$ERR"; then
			is "$length" 33 # up to 6.2 only 32 is known
			return 0
		fi
		is "$status" 0
		is "$(json .environment.length)" "$length"
	done
}

@test "sections are interrupted: the default disturbers abort them in each workload" {
	stress --threads 8 --duration 18 --min-aborts 100
	is "$status" 0
	jq -e 'all(.results[] | select(.gate != "not-applicable"); .gate == "pass" and .aborts >= 100 and .retries >= .aborts)
		and (.results | map(select(.gate == "not-applicable").workload) == ["getcpu", "churn", "dlopen"])' "$JSON"
}

@test "each disturber alone aborts sections" {
	local d
	# yield leaves a thread between sections, where there is nothing to abort
	for d in migrate preempt signal membarrier; do
		stress --threads 4 --duration 5 --workload counter --disturb "$d" --min-aborts 1
		[ "$status" -ne 3 ] || ! grep -q 'is not possible here' "$ERR" || continue
		is "$status" 0
		is "$(json '.results[0].disturb | join(" ")')" "$d"
	done
}

@test "every fault is caught in every workload that it applies to, and every invariant is broken by one" {
	local fault workload
	: >"$BATS_TEST_TMPDIR/broken"
	for fault in $("$RSEQCTL" stress --list -q | sed -n 's/^fault //p'); do
		for workload in $(workloads); do
			stress --inject "$fault" --workload "$workload" --threads 8 --duration 20
			if [ "$status" -eq 2 ]; then
				grep -q "has no meaning for workload $workload" "$ERR"
				continue
			fi
			# one CPU has no other slot and no other CPU
			[ "$(nproc)" -gt 1 ] || [[ $fault != stale-cpu && $fault != one-slot && $fault != few-cpus ]] || continue
			echo "$fault $workload: $status"
			is "$status" 1
			is "$(json .verdict)" fail
			is "$(json .inject)" "$fault"
			json '.results[0] | .workload as $w | .invariants[] | select(.ok == false) | "\($w) \(.name)"' >>"$BATS_TEST_TMPDIR/broken"
		done
	done
	[ "$(nproc)" -gt 1 ] || skip "one CPU: not every fault can be seen"
	stress --threads 4 --ops 100 --min-aborts 0
	sort -u "$BATS_TEST_TMPDIR/broken" >"$BATS_TEST_TMPDIR/a"
	json '.results[] | .workload as $w | .invariants[] | "\($w) \(.name)"' | sort -u >"$BATS_TEST_TMPDIR/b"
	# Which of two invariants falls first is chance; that either falls is not. "torn" and "lost" need a look of their own.
	comm -13 "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" >"$BATS_TEST_TMPDIR/never"
	cat "$BATS_TEST_TMPDIR/never"
	while read -r workload fault; do
		seen=
		for _ in $(seq 20); do
			for f in one-slot no-section unregistered; do
				stress --inject "$f" --workload "$workload" --threads 8 --duration 20
				[ "$(json "[.results[].invariants[] | select(.name == \"$fault\" and .ok == false)] | length")" = 0 ] || seen=1
			done
			[ -z "$seen" ] || break
		done
		[ -n "$seen" ] || {
			echo "no fault breaks $workload: $fault"
			return 1
		}
	done <"$BATS_TEST_TMPDIR/never"
}

@test "without a fault nothing ever fails: 20 short runs" {
	local i
	for i in $(seq 20); do
		stress --threads 8 --duration 0.5 --min-aborts 0 --seed "$i"
		is "$status" 0
		is "$(json .seed)" "$i"
	done
}

@test "slots are chosen by cpu_id, by mm_cid, and by both in turn" {
	local index
	stress --ops 10 --workload counter --index mm_cid --min-aborts 0
	[ "$status" -ne 3 ] || skip "$(cat "$ERR")"
	for index in cpu_id mm_cid cpu_id,mm_cid; do
		stress --threads 8 --duration 5 --min-aborts 1 --index "$index" --workload counter,list,buffer,memcpy,lock,atomic-section
		is "$status" 0
		is "$(json '[.results[].index | join(",")] | unique | join(" ")')" "$index"
		# what is not compared again inside is another thread's by then
		stress --threads 8 --duration 20 --index "$index" --inject stale-cpu --workload memcpy
		is "$status" 1
	done
	stress --ops 10 --workload mmcid --index cpu_id --min-aborts 0
	is "$(json '.results[0].index | join(",")')" mm_cid
}

@test "a fault that nothing notices is no pass" {
	stress --inject few-cpus --cpus "$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')" --duration 1
	[ "$status" -ne 3 ] || [ "$(json '.results | length')" -gt 0 ] || skip "$(cat "$ERR")"
	is "$status" 3
	is "$(json '.results[0].why')" "what is broken on purpose was not noticed"
}

# The workers' process, which leads a group of its own; the one that counts aborts stays in rseqctl's.
group_of() {
	ps -o pid=,pgid= --ppid "$1" | awk '$1 == $2 { print $1 }'
}

# has_worked PID: its workers have, for some ticks of CPU time.
has_worked() {
	local child
	child=$(group_of "$1")
	[ -n "$child" ] && [ "$(awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$child/stat" 2>/dev/null || echo 0)" -ge 20 ]
}

# is_stopped PID: and its workers with it, all of them.
is_stopped() {
	local states
	states=$(ps -o stat= -p "$1" | cut -c 1)$(ps -L -o stat= -p "$(group_of "$1")" | cut -c 1 | sort -u)
	[ "$states" = TT ]
}

@test "stopped and continued: the workers with it, and no hang is seen" {
	local pid
	setsid "$RSEQCTL" stress --json --threads 4 --duration 5 --workload counter --min-aborts 1 >"$BATS_TEST_TMPDIR/json" &
	pid=$!
	soon has_worked "$pid"
	kill -TSTP "$pid"
	soon is_stopped "$pid"
	# longer than what counts as a moment without progress
	sleep 2.5
	is_stopped "$pid"
	kill -CONT "$pid"
	wait "$pid"
	is "$(jq -r .verdict "$BATS_TEST_TMPDIR/json")" pass
}

@test "a run that met too few aborts is inconclusive" {
	stress --threads 2 --ops 200 --workload counter --min-aborts 4000000000
	is "$status" 3
	jq -e '.verdict == "inconclusive" and .results[0].verdict == "inconclusive" and .results[0].gate == "inconclusive"
		and (.results[0].why | test("asked for"))' "$JSON"
	# not where nothing disturbs, and not where there is no section
	stress --threads 2 --ops 200 --workload counter,getcpu --disturb none --min-aborts 4000000000
	is "$status" 0
	jq -e 'all(.results[]; .gate == "not-applicable" and .verdict == "pass")' "$JSON"
}

@test "the kernel's count of aborts is the workers' own, and its causes add up to it" {
	need_root
	timeout 60 "$RSEQCTL" trace --aborts --summary -d 0.01 >/dev/null 2>"$BATS_TEST_TMPDIR/why" || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/why")"
	stress --threads 8 --duration 5
	is "$status" 0
	is "$(json '[.results[] | select(.kernel_aborts != .aborts) | "\(.workload): \(.kernel_aborts) \(.aborts)"] | join(", ")')" ""
	jq -e '[.results[] | ([.causes[]] | add) == .kernel_aborts] | all' "$JSON"
	[ "$(json '[.results[].kernel_aborts] | add')" -ge 1000 ]
	# Nothing that counted stays.
	is "$(pgrep -P $$ -f 'rseqctl stress' | wc -l)" 0
}

@test "what the kernel counts is unknown, with the reason, where it may not be asked" {
	need_root
	JSON=$BATS_TEST_TMPDIR/json
	as_nobody "$RSEQCTL" stress --json --threads 2 --ops 200 --workload counter --min-aborts 0 >"$JSON"
	jq -e '.results[0] | .kernel_aborts == null and .causes == null
		and ([.unknown[].what] == ["kernel_aborts", "causes"]) and all(.unknown[]; .why | test("root"))' "$JSON"
}

@test "the environment is in every report" {
	stress --threads 2 --ops 10 --workload getcpu
	jq -e '.schema == 1 and .command == "stress" and .host.kernel and .host.arch and .environment.cpus >= 1
		and .environment.length >= 32 and (.environment | has("cpu_model") and has("mitigations") and has("governor") and has("mode"))' "$JSON"
	is "$(json .threads)" 2
	"$RSEQCTL" stress --threads 2 --ops 10 --workload getcpu | grep -q '^  kernel: '
	is "$("$RSEQCTL" stress --threads 2 --ops 10 --workload getcpu -q | wc -l)" 1
	"$RSEQCTL" stress --threads 2 --ops 10 --workload getcpu -v | grep -q 'holds    cpu_id is the CPU'
}

@test "TAP is read by prove, JUnit by xmllint" {
	command -v prove >/dev/null || skip "no prove"
	"$RSEQCTL" stress --threads 4 --ops 500 --min-aborts 0 --format tap --output "$BATS_TEST_TMPDIR/good.tap"
	prove_strictly "$BATS_TEST_TMPDIR/good.tap"
	status=0
	"$RSEQCTL" stress --inject no-section --workload counter --format tap >"$BATS_TEST_TMPDIR/bad.tap" || status=$?
	is "$status" 1
	run prove_strictly "$BATS_TEST_TMPDIR/bad.tap"
	is "$status" 1
	[[ $output == *"Failed: 1"* ]]
	command -v xmllint >/dev/null || skip "no xmllint"
	"$RSEQCTL" stress --threads 4 --ops 500 --min-aborts 0 --format junit --output "$BATS_TEST_TMPDIR/good.xml"
	is "$(xmllint --xpath 'string(/testsuite/@tests)' "$BATS_TEST_TMPDIR/good.xml")" "$(workloads | wc -l)"
	is "$(xmllint --xpath 'string(/testsuite/@failures)' "$BATS_TEST_TMPDIR/good.xml")" 0
	"$RSEQCTL" stress --inject no-section --workload counter --format junit >"$BATS_TEST_TMPDIR/bad.xml" || true
	xmllint --xpath 'string(/testsuite/testcase[@name="counter"]/failure/@message)' "$BATS_TEST_TMPDIR/bad.xml" | grep -q increment
	"$RSEQCTL" stress --threads 2 --ops 10 --workload counter --min-aborts 9999999 --format junit >"$BATS_TEST_TMPDIR/none.xml" || true
	is "$(xmllint --xpath 'count(/testsuite/testcase/error)' "$BATS_TEST_TMPDIR/none.xml")" 1
}

@test "the lists are the same in every form" {
	is "$("$RSEQCTL" stress --list -q | cut -d ' ' -f 2 | sort)" "$("$RSEQCTL" stress --list | awk '/^  / { print $1 }' | sort)"
	is "$("$RSEQCTL" stress --list -q | cut -d ' ' -f 2 | sort)" \
		"$("$RSEQCTL" stress --list --json | jq -r '(.workloads + .disturbers + .indexes + .faults)[].name' | sort)"
	local name
	for name in $("$RSEQCTL" stress --list -q | cut -d ' ' -f 2); do
		sed 's/\\//g' "$TESTS/../man/rseqctl-stress.1" | grep -qE "^\.(B|BR) (.* )?$name( |$)" || {
			echo "the manual does not have $name"
			return 1
		}
	done
}

@test "--compare measures five ways, and says the ratios" {
	stress --compare --threads 2 --duration 1
	is "$status" 0
	jq -e '.results == [] and ([.compare[].method] == ["rseq", "atomic-slot", "atomic-shared", "mutex", "getcpu-atomic"])
		and .compare[0].ratio == 1 and all(.compare[]; .ns_per_op > 0)' "$JSON"
}

@test "1,000 threads" {
	stress --threads 1000 --duration 4 --workload counter,list --min-aborts 1
	is "$status" 0
	jq -e '.threads == 1000 and all(.results[]; .operations > 1000)' "$JSON"
}

@test "what cannot be run is said, with status 3, and the report is whole" {
	stress --cpus 1000 --ops 1
	is "$status" 3
	jq -e '.results == [] and (.errors[0].why | test("there is no CPU 1000"))' "$JSON"
	stress --cpus 0 --disturb migrate --ops 1
	is "$status" 3
	grep -q 'migrate is not possible here: there is one CPU to run on' "$ERR"
	# left out where it was not named
	stress --cpus 0 --ops 200 --threads 2 --workload counter --min-aborts 0
	is "$status" 0
	jq -e '.environment.cpus_used == 1 and (.results[0].disturb | index("migrate") == null)' "$JSON"
	grep -q 'without migrate' "$ERR"
	GLIBC_TUNABLES=glibc.pthread.rseq=0 stress --owner libc --ops 1
	is "$status" 3
	grep -q 'libc did not register' "$ERR"
	run "$RSEQCTL" stress --cpus 1000 --ops 1 --format tap
	is "$status" 3
	[[ $output == *"not ok 1 - cpus: it can be run here"* ]]
	# nobody asked: then it registers by itself
	GLIBC_TUNABLES=glibc.pthread.rseq=0 stress --ops 100 --workload counter --min-aborts 0
	is "$status" 0
	is "$(json .environment.owner)" self
}

has_none() { # has_none UID: it has no process but those that wait to be reaped
	[ "$(ps -o stat= -U "$1" | grep -vc '^Z')" = 0 ]
}

@test "too many threads: a message, and nothing is left behind" {
	need_root
	readable_copy
	run timeout 60 bash -c "ulimit -u 200; exec setpriv --reuid $NOBODY --regid $NOBODY --clear-groups --bounding-set=-all --inh-caps=-all \
		$dir/rseqctl stress --threads 400 --ops 1000 --workload counter"
	rm -r "$dir"
	is "$status" 3
	[[ $output == *"cannot start thread "*" of 400: Resource temporarily unavailable"* ]]
	# what has ended may wait for init to notice
	soon has_none "$NOBODY"
}

@test "rseq that is denied, or not there, is said" {
	run "$LAB/refuse-exec" EPERM "$RSEQCTL" stress --ops 1
	is "$status" 3
	[[ $output == *"rseq is denied here: Operation not permitted"* ]]
	run "$LAB/refuse-exec" ENOSYS "$RSEQCTL" stress --ops 1
	is "$status" 3
	[[ $output == *"no rseq"* ]]
}

# has_threads PID: more than eight, in its workers.
has_threads() {
	local child
	child=$(group_of "$1")
	[ -n "$child" ] && [ "$(ls "/proc/$child/task" 2>/dev/null | wc -l)" -gt 8 ]
}

@test "Ctrl-C: what was seen is reported, and nothing is left behind" {
	local pid child
	"$RSEQCTL" stress --json --threads 8 --duration 100 --workload churn >"$BATS_TEST_TMPDIR/json" 2>/dev/null 3>&- &
	pid=$!
	soon has_threads "$pid"
	soon has_worked "$pid"
	child=$(group_of "$pid")
	# a shell's background job ignores SIGINT
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	is "$status" 3
	jq -e '.verdict == "inconclusive" and (.results[0].why | test("interrupted")) and .results[0].operations > 0' "$BATS_TEST_TMPDIR/json"
	soon gone "$child"
}

@test "workers that are killed are reported, and rseqctl that is killed leaves no workers" {
	local pid child
	"$RSEQCTL" stress --json --threads 8 --duration 100 --workload counter >"$BATS_TEST_TMPDIR/json" 2>/dev/null 3>&- &
	pid=$!
	soon has_worked "$pid"
	child=$(group_of "$pid")
	kill -KILL "$child"
	status=0
	wait "$pid" || status=$?
	is "$status" 3
	jq -e '.results[0] | (.why | test("killed by signal 9"))
		and all(.invariants[] | select(.name == "alive"); .ok == null)' "$BATS_TEST_TMPDIR/json"

	"$RSEQCTL" stress --json --threads 8 --duration 100 --workload churn >/dev/null 2>&1 3>&- &
	pid=$!
	soon has_threads "$pid"
	child=$(group_of "$pid")
	[ -n "$(members "$child")" ]
	kill -KILL "$pid"
	soon gone "$child"
}

@test "its own affinity and scheduling class stay as they are" {
	# the parent is what a shell would see changed; its child is its own
	local pid cpu
	cpu=$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')
	taskset -c "$cpu" "$RSEQCTL" stress --threads 4 --duration 100 --workload counter --min-aborts 0 -q 3>&- &
	pid=$!
	soon has_worked "$pid"
	is "$(taskset -cp "$pid" | sed 's/.*: //')" "$cpu"
	chrt -p "$pid" | grep -q 'SCHED_OTHER'
	kill -TERM "$pid"
	wait "$pid" || true
}

@test "what it inherits does not matter: SIGCHLD ignored, SIGUSR1 blocked" {
	JSON=$BATS_TEST_TMPDIR/json
	bash -c "trap '' CHLD; exec '$RSEQCTL' stress --json --threads 4 --ops 500 --workload counter,churn --min-aborts 0" >"$JSON"
	jq -e '.verdict == "pass" and (.results | length == 2)' "$JSON"
	command -v python3 >/dev/null || skip "no python3"
	python3 -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.execv(sys.argv[1], sys.argv[1:])' "$RSEQCTL" stress --json --threads 4 --duration 4 --workload atomic-section --disturb signal --min-aborts 1 >"$JSON"
	jq -e '.results[0].invariants[] | select(.name == "signal") | .ok' "$JSON"
}

@test "--owner self does not start again for ever where libc ignores the tunable" {
	need_root
	readable_copy
	chown "$NOBODY" "$dir/rseqctl"
	chmod 4755 "$dir/rseqctl"
	run timeout 120 "$dir/rseqctl" stress --owner self --ops 1 --workload getcpu
	rm -r "$dir"
	[[ $output == *"ignores GLIBC_TUNABLES"* ]]
	# The leak check cannot trace a program with privileges of its file, and ends it with a status of its own.
	[[ $output == *LeakSanitizer* ]] || is "$status" 3
}

@test "--compare that cannot start its threads ends with the reason" {
	need_root
	readable_copy
	run timeout 60 bash -c "ulimit -u 200; exec setpriv --reuid $NOBODY --regid $NOBODY --clear-groups --bounding-set=-all --inh-caps=-all \
		$dir/rseqctl stress --compare --threads 2000 --duration 1"
	rm -r "$dir"
	is "$status" 3
	[[ $output == *"Resource temporarily unavailable"* ]]
}

@test "one is one: thread, CPU, workload" {
	run "$RSEQCTL" stress -q --threads 1 --cpus 0 --workload counter --ops 100 --min-aborts 0 --disturb none
	[[ "$output" =~ ^"pass: 1 thread on 1 CPU, seed "[0-9]+": 100 operations and "[0-9]+" abort"s?" in 1 workload"$ ]]
}

@test "words fit the terminal, but for the line to copy; a dumb one gets no progress" {
	command -v script >/dev/null || skip "no script"
	local out=$BATS_TEST_TMPDIR/typescript
	TERM=xterm script -qec "stty cols 80; '$RSEQCTL' stress --inject late-commit --workload counter" /dev/null </dev/null >"$out" || true
	grep -q "of 1 workloads: counter" "$out"
	# progress and colours aside
	sed -E 's/.*\r([^\r])/\1/; s/\x1b\[[0-9;]*[mK]//g; s/\r//g' "$out" >"$out.plain"
	grep -q "^  broken: counter: " "$out.plain"
	is "$(grep -v 'again: ' | grep -v '^fail: ' | grep -cE '^.{81}')" 0
	TERM=dumb script -qec "'$RSEQCTL' stress -q --ops 100 --min-aborts 0 --workload counter" /dev/null </dev/null >"$out"
	is "$(grep -c $'\x1b' "$out")" 0
}

@test "limits of threads and of files are named, with what to do" {
	need_root
	local tool=$BATS_TEST_TMPDIR/rseqctl
	install -m 755 "$RSEQCTL" "$tool"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_SUITE_TMPDIR" 2>/dev/null || true
	run prlimit --nproc=20 setpriv --reuid 65531 --regid 65531 --clear-groups --bounding-set=-all --inh-caps=-all \
		"$tool" stress --threads 100 --workload counter --ops 10
	is "$status" 3
	[[ "$output" == *"cannot start thread "*" of 100: "*"fewer --threads"*"ulimit -u"* ]]
	# a file that may not grow is no death by a signal
	run sh -c 'ulimit -f 0 && exec "$1" stress -q --threads 2 --ops 10 --min-aborts 0 --workload counter,dlopen' - "$RSEQCTL"
	is "$status" 0
	[[ "$output" == "pass: "* ]]
}
