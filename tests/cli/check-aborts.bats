#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# check: what interrupts a critical section, cpu_id_start, and what they mean for the kernel.
# Each must be seen passing, failing and not being possible; check-kernel has the kernels that break them.
bats_require_minimum_version 1.5.0
load ../lib/lab

setup() {
	JSON=$BATS_TEST_TMPDIR/json
	ABORTS="abort-preempt abort-preempt-long abort-migrate abort-migrate-long abort-signal abort-signal-long abort-membarrier abort-membarrier-long"
	case $(uname -m) in
	x86_64 | aarch64) ;;
	*) skip "no critical sections for this architecture" ;;
	esac
}

# check [COMMAND... --] ARG...: the status in $status, the JSON in $JSON.
check() {
	local before=()
	if [[ " $* " == *" -- "* ]]; then
		while [ "$1" != -- ]; do
			before+=("$1")
			shift
		done
		shift
	fi
	status=0
	"${before[@]}" "${PROGRAM:-$RSEQCTL}" check --json --timeout $((60 * ${PATIENCE:-1})) "$@" >"$JSON" || status=$?
	jq -e '.schema == 1' "$JSON" >/dev/null
}

# with VERDICT: the ids of the checks that ended so, in one line.
with() {
	jq -r --arg v "$1" '[.checks[] | select(.verdict == $v).id] | join(" ")' "$JSON"
}

findings() {
	jq -r '[.findings[].id] | sort | join(" ")' "$JSON"
}

# ended VERDICT... -- ID...: these ended so, whatever the others did.
ended() {
	local said=' '
	while [ "$1" != -- ]; do
		said="$said$(with "$1") "
		shift
	done
	shift
	for id; do
		[[ $said == *" $id "* ]] || {
			echo "$id is not among:$said" >&2
			return 1
		}
	done
}

two_cpus() {
	[ "$(nproc)" -gt 1 ] || skip "needs two CPUs"
}

# What this kernel cannot do: longer registrations up to 6.2.
possible() {
	local id
	for id in $ABORTS; do
		[[ $id != *-long || $(jq -r .host.feature_size "$JSON") -gt 0 ]] && echo "$id"
	done | paste -sd ' '
}

# Those of the ids that this kernel does not break.
sound() {
	local id
	for id; do
		is_known "$id" || echo "$id"
	done | paste -sd ' '
}

@test "every interruption aborts where the kernel is sound, proved a dozen times each, with either length" {
	two_cpus
	check --only abort,cpu_id_start
	as_known
	# shellcheck disable=SC2046 # words
	is "$(with pass)" "$(sound cpu_id_start $(possible))"
	is "$(with unknown)" ""
	jq -e 'all(.checks[] | select(.id | startswith("abort-")) | select(.verdict == "pass");
		.rows[0].seen == "12 of 12" and .rows[0].ok == true)
		and all(.checks[] | select(.id | startswith("abort-")) | select(.verdict == "fail");
		.rows[0].ok == false)' "$JSON"
	is "$(findings)" "$(known_findings)"
}

@test "an ordinary user may ask all of it" {
	need_root
	two_cpus
	local dir passed
	check --only abort,cpu_id_start
	passed=$(with pass)
	dir=$(mktemp -d)
	chmod 755 "$dir"
	cp "$RSEQCTL" "$dir/rseqctl"
	chmod 755 "$dir/rseqctl"
	PROGRAM=$dir/rseqctl check as_nobody -- --only abort,cpu_id_start || true
	rm -r "$dir"
	is "$(with pass)" "$passed"
	as_known
}

@test "sections that are not published fail each of them, and nothing is said of the kernel" {
	two_cpus
	check --inject no-section --only abort
	is "$status" 1
	is "$(with fail)" "$(possible)"
	jq -e 'all(.checks[] | select(.verdict == "fail"); .detail | test("^12 of 12 [a-z]+ did not abort the section$"))' "$JSON"
	is "$(findings)" ""
}

@test "threads that are not registered fail each of them" {
	two_cpus
	check --inject unregistered --only abort,cpu_id_start
	is "$status" 1
	is "$(with fail)" "cpu_id_start $(possible)"
	is "$(findings)" ""
}

@test "threads that somebody sends to other CPUs meanwhile, as a cpuset that changes, are no fault of the kernel" {
	two_cpus
	local pid child mask id
	for _ in 1 2 3; do
		"$RSEQCTL" check --json --timeout $((5 * ${PATIENCE:-1})) --only abort-preempt,abort-migrate,cpu_id_start >"$JSON" 3>&- &
		pid=$!
		while ps -o stat= -p "$pid" | grep -qv Z; do
			for child in $(ps -o pid= --ppid "$pid"); do
				for mask in 1 2 3; do taskset -ap "$mask" "$child" >/dev/null 2>&1 || true; done
			done
		done
		wait "$pid" || true
		for id in $(with fail); do is_known "$id"; done
	done
}

@test "with one CPU: preemption and signals, and the others say what they need" {
	check taskset -c 0 -- --only abort
	ended skip -- abort-migrate abort-membarrier
	ended pass fail -- abort-preempt abort-signal
	jq -e 'all(.checks[] | select(.id == "abort-migrate" or .id == "abort-membarrier");
		.detail == "it takes two CPUs, and this process may use one")' "$JSON"
	check taskset -c 0 -- --inject no-section --only abort
	ended fail -- abort-preempt abort-signal
	check taskset -c 0 -- --inject unregistered --only cpu_id_start
	is "$(with fail)" cpu_id_start
}

@test "a filter that fakes registrations does not pass, nor is the kernel blamed for it" {
	check "$LAB/refuse-exec" fake -- --only syscall,abort,cpu_id_start
	is "$(with pass)" ""
	ended fail -- abort-preempt cpu_id_start
	is "$(findings)" seccomp-blocks-rseq
	[ "$(jq '.host.feature_size' "$JSON")" -gt 0 ] || return 0
	check "$LAB/refuse-exec" fake-longer -- --only abort
	ended fail -- abort-preempt-long abort-signal-long
	[ "$(jq '[.findings[] | select(.detail | contains("more than 32"))] | length' "$JSON")" -eq 0 ]
	check "$LAB/refuse-exec" longer -- --only abort
	ended skip -- abort-preempt-long abort-signal-long
}

@test "a filter that denies rseq is a finding, with its errno" {
	local errno
	for errno in EPERM ENOSYS; do
		check "$LAB/refuse-exec" "$errno" -- --only syscall,abort,cpu_id_start
		is "$status" 1
		is "$(with fail)" syscall
		is "$(findings)" seccomp-blocks-rseq
		jq -e --arg e "$errno" '.findings[] | select(.id == "seccomp-blocks-rseq") | .severity == "warning" and (.evidence | index("seccomp of this process: filter"))
			and (.evidence[0] | contains($e))' "$JSON"
	done
	# the near miss: a filter that lets it pass. Of the kernel there is then what its class tells
	check "$LAB/refuse-exec" clone -- --only syscall
	is "$(findings)" "$(! is_known cpu_id_start || echo kernel-breaks-tcmalloc)"
}

@test "a loaded machine makes nothing fail" {
	local pids=() i
	for i in $(seq $((4 * $(nproc)))); do
		timeout 600 sh -c 'while :; do :; done' 3>&- &
		pids+=($!)
	done
	check --only abort,cpu_id_start
	kill "${pids[@]}" 2>/dev/null || true # those that are still there
	wait "${pids[@]}" 2>/dev/null || true
	jq -r '.checks[] | select(.verdict == "fail") | "\(.id): \(.detail)"' "$JSON"
	# shellcheck disable=SC2046 # words
	is "$(sound $(with fail))" ""
	# what could not be met says how far it came
	jq -e 'all(.checks[] | select(.verdict == "unknown"); .detail | test("^(only [0-9]+ of 12|it could not be made)"))' "$JSON"
	[ -n "$(with pass)$(with fail)" ]
}

@test "a kernel whose types are hidden has its class by what it does" {
	need_root
	local class
	check --only syscall
	class=$(jq -r .host.rseq_class "$JSON")
	[ "$class" != null ]
	[ -e /sys/kernel/btf ] || skip "this kernel has no types to hide"
	mkdir "$BATS_TEST_TMPDIR/empty"
	hidden() {
		check unshare -m sh -c "mount --bind '$BATS_TEST_TMPDIR/empty' /sys/kernel/btf && exec \"\$@\"" sh -- "$@"
	}
	hidden --only syscall,cpu_id_start
	is "$(jq -r .host.rseq_class "$JSON")" "$class"
	is "$(jq -c .host.unknown "$JSON")" "[]"
	# too little was asked
	hidden --only exec
	[ "$(jq .host.feature_size "$JSON")" -ge 33 ] || return 0 # there is only one class with that size that does not kill
	is "$(jq -r '.host.rseq_class // .host.unknown[0].what' "$JSON")" rseq_class
}

@test "inspect: the kernel is tried for tcmalloc alone, and only where the class leaves it open" {
	local class why error=
	! is_known cpu_id_start || error=error
	lab "$R0" tcmalloc-like 2
	# 200 ms may be too little on a slow machine: then it is said, and it may be enough another time
	for _ in $(seq 20); do
		inspect "$LAB_PID"
		why=$(json '.processes[0].unknown[] | select(.what == "kernel-breaks-tcmalloc").why')
		if [ -n "$why" ]; then
			[[ $why == *"did not end within 0."* || $why == *"could not be made to happen"* || $why == *"no time was left to ask" ]]
		elif ! is_known abort-preempt || [ -n "$(finding kernel-misses-aborts)" ]; then
			break
		fi
	done
	[ -z "$why" ] || skip "too slow here: $why"
	! is_known abort-preempt || [ -n "$(finding kernel-misses-aborts)" ] || skip "too slow here: no section was seen to go on"
	# on such a kernel so is the pointer that is caught there
	is "$(json '[.findings[] | select(.severity != "info" and .id != "id-fields-modified") | .id] | unique | join(" ")')" "$(known_findings)"
	is "$(finding id-fields-modified)" "$(ids_severity)"
	is "$status" "$([ -z "$(known_findings)" ] && echo 0 || echo 1)"
	is "$(finding kernel-breaks-tcmalloc)" "$error"
	jq -e 'all(.findings[] | select(.id == "kernel-breaks-tcmalloc"); .confidence == "certain"
		and any(.evidence[]; startswith("in a thread of our own, cpu_id_start was not rewritten")))' "$JSON"
	class=$(json .host.rseq_class)
	inspect --probe-kernel never "$LAB_PID"
	case $class in
	rewrite)
		is "$(finding kernel-breaks-tcmalloc)" error
		is "$(json '.findings[] | select(.id == "kernel-breaks-tcmalloc").confidence')" inferred
		;;
	*) is "$(finding kernel-breaks-tcmalloc)" "" ;;
	esac
	case $class in
	rewrite | split)
		is "$(json '.processes[0].unknown[] | select(.what == "kernel-breaks-tcmalloc").why')" \
			"whether this kernel rewrites cpu_id_start was not found out: --probe-kernel never"
		;;
	*) is "$(json '[.processes[0].unknown[] | select(.what == "kernel-breaks-tcmalloc")] | length')" 0 ;;
	esac
	# nobody else hears of it
	lab_stop
	lab threads 2
	inspect --probe-kernel never "$LAB_PID"
	is "$(json '[.processes[0].unknown[] | select(.what | startswith("kernel"))] | length')" 0
	is "$(json '.findings | length')" 0
}

@test "inspect: tcmalloc that a filter refuses, where libc was told not to ask" {
	local env
	env=$(command -v env)
	LAB_ENV=(env "$R0" "$LAB/refuse-exec" EPERM "$env")
	lab tcmalloc-like 2
	inspect "$LAB_PID"
	is "$(finding seccomp-blocks-rseq)" warning
	is "$(finding kernel-no-rseq)" ""
	lab_stop
	# libc asked as well, and says so itself
	LAB_ENV=("$LAB/refuse-exec" EPERM "$env")
	lab threads 2
	inspect "$LAB_PID"
	is "$(finding libc-failed)" warning
	is "$(finding seccomp-blocks-rseq)" ""
}
