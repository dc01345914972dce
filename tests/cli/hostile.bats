#!/usr/bin/env bats
# Targets that are gone, in the way, forbidden, or hostile.
load ../lib/lab

@test "no such process: one line, status 3, the others are still reported" {
	lab threads 2
	run "$RSEQCTL" inspect -q 99999999 "$LAB_PID"
	is "$status" 3
	is "${#lines[@]}" 2
	inspect 99999999 "$LAB_PID"
	is "$status" 3
	is "$(json '.errors | map("\(.subject): \(.why)") | join(" ")')" "99999999: no such process"
	is "$(json '.processes | length')" 1
	is "$(cat "$ERR")" ""
}

@test "a kernel thread is named as one" {
	[ "$(ps -o comm= -p 2 2>/dev/null || cat /proc/2/comm 2>/dev/null)" = kthreadd ] || skip "no kernel threads in this PID namespace"
	inspect 2
	is "$status" 3
	[[ "$(json '.errors[0].why')" == *"kernel thread"* ]]
}

@test "a zombie is named as one" {
	lab zombie
	local zombie
	zombie=$(jq .zombie "$LAB_OUT")
	inspect "$zombie"
	is "$status" 3
	[[ "$(json '.errors[0].why')" == *zombie* ]]
	inspect "$LAB_PID"
	is "$status" 0
	inspect --all
	[ "$(json .skipped)" -ge 1 ]
}

@test "a thread id is no process id" {
	lab threads 2
	inspect "$(jq '.threads[1].tid' "$LAB_OUT")"
	is "$status" 3
	[[ "$(json '.errors[0].why')" == *"is a thread"* ]]
}

@test "a traced process: bpf answers, ptrace says who is in the way" {
	lab traced
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '.processes[0].tracer')" "$(jq .tracer "$LAB_OUT")"
	is "$(json '.processes[0].owner.confidence')" certain
	inspect --method ptrace "$LAB_PID"
	is "$(json '.processes[0].owner.confidence')" inferred
	[[ "$(json '.processes[0].unknown | map(.why) | join(" ")')" == *"traced by process $(jq .tracer "$LAB_OUT")"* ]]
}

@test "processes that start threads, fork and exec while they are read" {
	local mode i seen looks
	for mode in --threads --fork --exec; do
		seen=0 looks=15
		# a program that just starts is met now and then
		[ "$mode" != --exec ] || looks=60
		lab storm "$mode"
		# so many looks, and more until one is in time
		for ((i = 0; i < looks || (seen == 0 && i < 300); i++)); do
			inspect "$LAB_PID"
			case $status in
			0) seen=$((seen + 1)) ;;
			3) jq -e '(.errors | length) > 0 or (.processes[0].unknown | length) > 0' "$JSON" ;;
			*)
				cat "$JSON"
				return 1
				;;
			esac
			inspect --method ptrace "$LAB_PID"
			[ "$status" -ne 1 ] || { cat "$JSON"; return 1; }
		done
		echo "$mode: $seen of $i"
		[ "$seen" -ge 1 ]
		inspect --all
		is "$(json '[.processes[] | select(.comm == "storm") | .pid] as $pids
			| [.findings[] | select(.severity != "info" and (.subject.pid | IN($pids[])))] | length')" 0
		lab_stop
	done
}

@test "processes that exit while they are read" {
	local i pid
	for i in $(seq 30); do
		sleep "0.00$((i % 10))" 3>&- &
		pid=$!
		inspect "$pid"
		[ "$status" = 0 ] || [ "$status" = 3 ]
		wait "$pid" || true
	done
}

@test "names with escape sequences do not reach the terminal" {
	lab threads 1 --comm 'a\e[31m\nb\xff'
	run "$RSEQCTL" inspect --threads "$LAB_PID"
	is "$status" 0
	[[ "${lines[0]}" == *'a\x1b[31m\x0ab\xff: '* ]]
	is "$(printf '%s' "$output" | LC_ALL=C tr -d '[:print:]\n' | wc -c)" 0
	inspect "$LAB_PID"
	is "$(json '.processes[0].comm | @json')" '"a\u001b[31m\nb\\xff"'
	iconv -f UTF-8 -t UTF-8 "$JSON" >/dev/null
}

@test "a dead leader: everything is read through a living thread" {
	local method
	lab leader-gone
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		matches_testimony
		is "$(json '.processes[0].owner | "\(.kind) \(.confidence)"')" "libc certain"
		is "$(json '[.processes[0].threads[] | select(.exiting)] | length')" 1
	done
	inspect --all
	is "$(json "[.processes[] | select(.pid == $LAB_PID)] | length")" 1
}

@test "a list of objects that bends back or leads nowhere: bounded, and the owner by what the kernel mapped" {
	local lie
	for lie in cycle self wild; do
		lab liar "$lie"
		inspect --method bpf "$LAB_PID"
		is "$status" 0
		is "$(json '.processes[0] | "\(.threads_registered) \(.owner.kind) \(.owner.confidence)"')" "3 libc certain"
		matches_testimony
		[[ "$(json '.processes[0].unknown | map(.why) | join(" ")')" == *"linker's list"* ]]
		lab_stop
	done
}

@test "a list of threads that bends back: bounded" {
	lab liar threads
	local method
	for method in none $(methods); do
		inspect --method "$method" "$LAB_PID"
		[ "$(json '.processes[0].threads | length')" -le 100 ]
	done
}

@test "JSON stays whole when nothing can be started" {
	need_root
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cp "$RSEQCTL" "$dir"
	chmod -R a+rX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	export ASAN_OPTIONS=detect_leaks=0 # the leak checker forks
	# a user of its own: the limit counts the user's processes
	status=0
	setpriv --reuid "$((NOBODY + 1))" --regid "$((NOBODY + 1))" --clear-groups --bounding-set=-all --inh-caps=-all \
		prlimit --nproc=1 "$dir/rseqctl" inspect --json 1 >"$dir/json" || status=$?
	is "$status" 3
	is "$(jq '.errors | length' "$dir/json")" 1
	status=0
	setpriv --reuid "$((NOBODY + 1))" --regid "$((NOBODY + 1))" --clear-groups --bounding-set=-all --inh-caps=-all \
		prlimit --nproc=3 "$dir/rseqctl" inspect --json --all >"$dir/json" || status=$?
	is "$status" 3
	[ "$(jq '.errors | length' "$dir/json")" -ge 1 ]
}

@test "memory that never answers: the rest is still reported" {
	lab "$R0" stall
	inspect "$LAB_PID"
	is "$(json '.processes[0].threads_registered')" "$(jq '[.threads[] | select(.area != null)] | length' "$LAB_OUT")"
	[ "$(json '.processes[0].unknown | length')" -ge 1 ]
}

@test "a library whose name was taken by a FIFO, or by another file" {
	need_root
	LAB_BIN=$BATS_TEST_TMPDIR/bin
	mkdir "$LAB_BIN"
	cp "$LAB/own-area" "$LAB/libown_dlopen.so" "$LAB_BIN"
	chmod -R a+rX "$BATS_TEST_TMPDIR"
	lab "$R0" own-area dlopen 2
	rm "$LAB_BIN/libown_dlopen.so"
	mkfifo "$LAB_BIN/libown_dlopen.so"
	inspect "$LAB_PID" # by map_files: the very file, whatever has its name
	quiet_but owner-unloadable
	matches_testimony
	rm "$LAB_BIN/libown_dlopen.so"
	cp "$LAB/libother.so" "$LAB_BIN/libown_dlopen.so"
	inspect "$LAB_PID"
	matches_testimony
}

@test "without privileges: the file must be the one that is mapped" {
	need_root
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cp "$LAB/own-area" "$LAB/libown_dlopen.so" "$RSEQCTL" "$dir"
	chmod -R a+rwX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	lab_as_nobody env "$R0" "$dir/own-area" dlopen 2
	local pid
	pid=$(jq .pid "$dir/out")
	rm "$dir/libown_dlopen.so"
	mkfifo "$dir/libown_dlopen.so"
	status=0
	as_nobody timeout 120 "$dir/rseqctl" inspect --json "$pid" >"$dir/json" 8>&- || status=$?
	[ "$status" -le 3 ]
	jq -e '.processes[0].unknown | map(.why) | join(" ") | contains("no regular file")' "$dir/json"
	exec 8>&-
}

@test "without privileges: one's own process by its memory, others not at all" {
	need_root
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cp "$LAB/threads" "$RSEQCTL" "$dir"
	chmod -R a+rwX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	lab threads 2 # root's
	status=0
	as_nobody "$dir/rseqctl" inspect --json "$LAB_PID" >"$dir/json" 8>&- || status=$?
	is "$status" 3
	is "$(jq -r '.processes[0].owner.kind' "$dir/json")" null
	jq -e '.processes[0].unknown | map(.why) | join(" ") | test("EACCES|EPERM")' "$dir/json"
	lab_stop

	lab_as_nobody "$dir/threads" 3
	status=0
	as_nobody "$dir/rseqctl" inspect --json "$(jq .pid "$dir/out")" >"$dir/json" 8>&- || status=$?
	is "$status" 0
	is "$(jq -r '.processes[0] | "\(.method) \(.owner.name) \(.owner.confidence)"' "$dir/json")" \
		"none glibc inferred"
	status=0
	as_nobody "$dir/rseqctl" inspect --json --method ptrace "$(jq .pid "$dir/out")" >"$dir/json" 8>&- || status=$?
	LAB_PID=$$
	if [ "$(methods | wc -l)" = 2 ] && [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ]; then
		is "$status" 0
		is "$(jq -r '.processes[0] | "\(.threads_registered) \(.owner.confidence)"' "$dir/json")" "3 certain"
	fi
	status=0
	as_nobody "$dir/rseqctl" inspect --all --json >"$dir/json" 8>&- || status=$?
	is "$status" 0
	[ "$(jq .unreadable "$dir/json")" -ge 1 ]
	[ "$(jq '.processes | length' "$dir/json")" -ge 1 ]
	status=0
	as_nobody "$dir/rseqctl" inspect --method bpf "$(jq .pid "$dir/out")" 2>"$dir/err" 8>&- || status=$?
	is "$status" 3
	grep -q 'EPERM loading the BPF program' "$dir/err"
	exec 8>&-
}

@test "the kernel's record without the memory: the owner is unknown, not guessed" {
	need_root
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cp "$LAB/threads" "$dir"
	chmod -R a+rwX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	lab_as_nobody "$dir/threads" 2
	status=0
	setpriv --bounding-set=-all,+bpf,+perfmon "$RSEQCTL" inspect --method bpf --json "$(jq .pid "$dir/out")" \
		>"$dir/json" 8>&- || status=$?
	if jq -e '.errors[0].why | test("loading the BPF program")' "$dir/json" >/dev/null; then
		exec 8>&-
		skip "CAP_BPF and CAP_PERFMON are not enough here"
	fi
	is "$status" 3
	is "$(jq -r '.processes[0] | "\(.threads_registered) \(.owner.kind)"' "$dir/json")" "2 null"
	jq -e '.processes[0].unknown | map(.why) | join(" ") | test("EACCES|EPERM")' "$dir/json"
	exec 8>&-
}

@test "without privileges a method that was asked for by name is refused, also for all" {
	need_root
	chmod -R a+rX "$BATS_RUN_TMPDIR"
	cp "$RSEQCTL" "$BATS_TEST_TMPDIR/rseqctl"
	run as_nobody "$BATS_TEST_TMPDIR/rseqctl" inspect --all --method bpf
	is "$status" 3
	[[ "$output" == *"EPERM loading the BPF program"* ]]
}

# has_given_up PID: it runs, and has no capability and no way to one. Read once: it may end between two looks.
has_given_up() {
	local state
	state=$(cat "/proc/$1/status") || return 1
	[[ $state != *$'\nState:\tZ'* ]] || return 1
	[ "$(grep -E '^Cap(Inh|Prm|Eff|Amb)' <<<"$state" | cut -f 2 | sort -u)" = 0000000000000000 ] || return 1
	[ "$(grep '^NoNewPrivs' <<<"$state" | cut -f 2)" = 1 ]
}

@test "what decodes has no capability" {
	need_root
	lab "$R0" stall # keeps rseqctl busy until the time limit
	"$RSEQCTL" inspect "$LAB_PID" >/dev/null 2>&1 3>&- 8>&- &
	local pid=$!
	soon has_given_up "$pid"
	wait "$pid" || true
}
