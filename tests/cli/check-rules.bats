#!/usr/bin/env bats
# check: the probes of rules and fields. Each passes here, and each is seen failing where a filter, a library or a
# fault takes away what it asks for. Only verdicts are asserted, never times.
load ../lib/lab

MINE=errno,lengths,libc,threads,fork,exec,clone,cpu_id,node_id,mm_cid,read-only,bad-signature

setup() {
	check --only syscall
	is "$(verdict syscall)" pass || skip "$(why syscall)"
}

# check ARG...: status in $status, JSON in $JSON, of the command in the array COMMAND.
COMMAND=()
check() {
	JSON=$BATS_TEST_TMPDIR/json status=0
	timeout 600 "${COMMAND[@]}" "$RSEQCTL" check --json --all-probes --timeout $((60 * ${PATIENCE:-1})) "$@" >"$JSON" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -le 3 ] && [ "$status" -ne 2 ] || {
		echo "rseqctl check $* ended with $status" >&2
		cat "$BATS_TEST_TMPDIR/err" >&2
		return 1
	}
}

verdict() { jq -r --arg id "$1" '.checks[] | select(.id == $id) | .verdict' "$JSON"; }
why() { jq -r --arg id "$1" '.checks[] | select(.id == $id) | .detail' "$JSON"; }

# those VERDICT: ids, in the order of the table.
those() { jq -r --arg v "$1" '[.checks[] | select(.verdict == $v) | .id] | join(" ")' "$JSON"; }

# bad ID: its answers that differ, as WHAT: EXPECTED, SEEN.
bad() { jq -r --arg id "$1" '.checks[] | select(.id == $id) | .rows[] | select(.ok == false) | "\(.what): \(.expected), \(.seen)"' "$JSON"; }

# Linux 6.3 on.
knows_longer() { [ "$(json '.host.feature_size // 0')" -gt 0 ]; }

# What cannot be asked here: an old kernel, one CPU, a libc without rseq, and what only new kernels enforce.
cannot() {
	knows_longer || echo node_id mm_cid
	[ "$(nproc)" -gt 1 ] || echo mm_cid
	[ "$(json .host.rseq_class)" = split ] && [ "$(nproc)" -gt 1 ] || echo read-only
	[[ $(json .environment.libc) == glibc* ]] || echo libc
}

# What this kernel is known to break of mine: who is not aborted by a signal is not killed for the signature either.
broken() { ! is_known abort-signal-long || echo bad-signature; }
known_status() { [ -z "$(broken)" ] && echo 0 || echo 1; }

# all_but VERDICT: every one of mine has it but those that cannot be asked here, which are skipped, and what this
# kernel breaks.
all_but() {
	local id skipped
	skipped=" $(cannot | tr '\n' ' ') "
	for id in ${MINE//,/ }; do
		if [[ $skipped == *" $id "* ]]; then
			is "$id $(verdict "$id")" "$id skip"
		elif [ "$id" = "$(broken)" ]; then
			is "$id $(verdict "$id")" "$id fail"
		else
			is "$id $(verdict "$id")" "$id $1" || {
				why "$id" >&2
				bad "$id" >&2
				return 1
			}
		fi
	done
}

with() { COMMAND=("$LAB/refuse-exec" "$@"); }
need_libraries() { "$RSEQCTL" version --json | jq -e '.features.static == false' >/dev/null || skip "$1 in a static program"; }
# A sanitizer wants to be the first library.
preload() {
	need_libraries "nothing is preloaded"
	COMMAND=(env ASAN_OPTIONS=verify_asan_link_order=0 "LD_PRELOAD=$LAB/$1" "${@:2}")
}
meddle() { preload libmeddle.so "MEDDLE=$1" "${@:2}"; }

@test "every rule and field is as it should be here" {
	check --only "$MINE"
	is "$status" "$(known_status)"
	all_but pass
	# the table of errors is there, and what it says of this class is judged
	[ "$(json '[.checks[] | select(.id == "errno") | .rows[]] | length')" -ge 20 ]
	[ "$(json .host.rseq_class)" = null ] || is "$(json '[.checks[] | select(.id == "errno") | .rows[] | select(.ok == null)] | length')" 0
}

@test "for an ordinary user, too" {
	need_root
	dir=$(mktemp -d)
	cp "$RSEQCTL" "$dir/rseqctl"
	chmod 755 "$dir" "$dir/rseqctl"
	COMMAND=(setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups --bounding-set=-all --inh-caps=-all)
	RSEQCTL=$dir/rseqctl check --only "$MINE"
	rm -r "$dir"
	is "$status" "$(known_status)"
	# BTF may be root's alone
	if [ "$(json .host.rseq_class)" = null ]; then
		is "$(those fail)$(those unknown)" "$(broken)"
	else
		all_but pass
	fi
}

@test "each notices threads that are not registered" {
	check --only "$MINE" --inject unregistered
	is "$status" 1
	all_but fail
}

@test "sections that are not published are noticed by those that need them" {
	check --only bad-signature,mm_cid --inject no-section
	# whose fault that is not
	[ "$(verdict mm_cid)" = skip ] || is "$(verdict mm_cid)" pass
	is "$(verdict bad-signature)" fail
	bad bad-signature | grep -q "SIGSEGV, survived"
}

@test "a filter that says that every call worked is found out" {
	with fake
	check --only "syscall,$MINE"
	is "$status" 1
	all_but fail
	[[ $(why syscall) == *"not the kernel answers"* ]]
	bad errno | grep -q "^nothing at all: EINVAL, 0$"
	bad lengths | grep -q "^32 bytes .*: 0, 0, and not kept$"
	# libc believed it
	[[ $(why libc) == *"nobody registered this thread: see syscall" || $(why libc) == *"cannot be asked: see syscall" || $(verdict libc) == skip ]]
}

@test "so is one that comes later" {
	meddle fake
	check --only "$MINE"
	is "$status" 1
	all_but fail
}

@test "where all is denied, what depends on it is not tried" {
	local error
	for error in EPERM ENOSYS; do
		with "$error"
		check --only "syscall,$MINE"
		is "$status" 1
		is "$(verdict syscall)" fail
		if [[ $(json .environment.libc) == glibc* ]]; then
			is "$(those fail)" "syscall libc"
			[[ $(why libc) == "libc was refused: rseq() is denied: "* ]]
		fi
		is "$(those pass)$(those unknown)" ""
	done
}

@test "a filter that denies what libc does not do" {
	need_libraries "libc's memory is not apart"
	with program
	check --only "syscall,$MINE"
	is "$status" 1
	is "$(those pass)$(those unknown)" ""
	[[ $(why syscall) == *"Operation not permitted"* ]]
	[[ $(why libc) == *"not the kernel answers, but a filter: see syscall" || $(verdict libc) == skip ]]
}

@test "a filter that denies giving back" {
	check --only libc
	is "$(verdict libc)" pass || skip "$(why libc)"
	with unregister
	check --only "$MINE"
	is "$status" 1
	is "$(those pass)$(those unknown)" ""
	[[ $(why errno) == "libc's registration cannot be given back: Operation not permitted: see syscall" ]]
	[[ $(why libc) == *"not the kernel answers, but a filter: see syscall" ]]
}

@test "a filter that denies longer areas, or says that they worked" {
	check --only lengths
	knows_longer || skip "this kernel knows one length"
	with longer
	check --only lengths,threads,cpu_id,fork
	is "$(those fail)" "lengths threads cpu_id"
	is "$(json '[.checks[] | .because // "-"] | join(" ")')" "- - - lengths"
	is "$(why cpu_id)" "33 bytes cannot be registered: Invalid argument: see lengths"
	is "$(those pass)" "fork"
	bad lengths | grep -q "^33 bytes .*: 0, EINVAL$"
	with fake-longer
	check --only errno,lengths,cpu_id,node_id,clone
	is "$(those fail)" "errno lengths cpu_id node_id"
	bad errno | grep -q "^register again, other length: EINVAL, 0$"
	[[ $(why cpu_id) == *"and the kernel does not know of it: see lengths" ]]
}

@test "what may not be done is skipped, by its name" {
	with clone
	check --only clone,fork
	is "$(verdict clone)" skip
	[[ $(why clone) == *"Operation not permitted"* ]]
	is "$(verdict fork)" pass
	meddle no-exec
	check --only exec,fork
	is "$(verdict exec)" skip
	[[ $(why exec) == "this program cannot be started again: Operation not permitted" ]]
	is "$(verdict fork)" pass
}

@test "somebody else who registered is named, and the kernel is not blamed" {
	check --only libc
	is "$(verdict libc)" pass || skip "$(why libc)"
	meddle take
	check --only "syscall,$MINE"
	is "$status" 1
	is "$(those fail)" libc
	# Linux 5.13 on
	[[ $(why libc) == *"libmeddle.so" || $(why libc) == *"cannot be asked" ]]
	is "$(verdict syscall)" pass
	is "$(verdict errno)" skip
	[[ $(why errno) == *"somebody else"* ]]
	meddle claim "$R0"
	check --only "syscall,$MINE"
	is "$(those fail)$(those unknown)" ""
	[[ $(why libc) == "turned off by GLIBC_TUNABLES; "*libmeddle.so || $(why libc) == *"cannot be asked" ]]
}

@test "libc that is turned off is no failure, and the rest is as before" {
	check --only libc
	is "$(verdict libc)" pass || skip "$(why libc)"
	COMMAND=(env "$R0")
	check --only "$MINE"
	is "$status" "$(known_status)"
	is "$(verdict libc)" skip
	[[ $(why libc) == "turned off by GLIBC_TUNABLES; "* ]]
	is "$(those fail)$(those unknown)" "$(broken)"
	is "$(verdict threads) $(verdict exec)" "pass pass"
}

@test "a word of libc's that is not libc's is libc's failure alone" {
	check --only libc
	is "$(verdict libc)" pass || skip "$(why libc)"
	preload librseq_size.so
	check --only "syscall,$MINE"
	is "$(those fail)" libc
	[[ $(why libc) == *"__rseq_size says 0: something in this program changed it" ]]
	is "$(verdict errno)" pass
}

@test "a sandbox that closes later" {
	meddle deny
	check --only libc,syscall
	is "$(those fail)" "syscall libc"
}

@test "one CPU: what needs two says so" {
	COMMAND=(taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')")
	check --only "$MINE"
	is "$status" "$(known_status)"
	is "$(those fail)$(those unknown)" "$(broken)"
	is "$(verdict mm_cid)" skip
	is "$(verdict cpu_id) $(why cpu_id)" "pass on 1 CPU"
	[[ $(why fork) == *"not seen after a migration" ]]
}

@test "on a busy machine nothing more fails" {
	local n pids=()
	for ((n = 0; n < 3 * $(nproc); n++)); do
		timeout 600 sh -c 'while :; do :; done' 3>&- &
		pids+=($!)
	done
	# a sanitizer's copies of a process take long then
	check --only "$MINE"
	kill "${pids[@]}" 2>/dev/null || true # those that are still there
	wait "${pids[@]}" 2>/dev/null || true
	jq -r '.checks[] | select(.verdict == "fail") | "\(.id): \(.detail)", (.rows[] | select(.ok == false))' "$JSON"
	is "$(those fail)" "$(broken)"
}
