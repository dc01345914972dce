#!/usr/bin/env bats
# Registrations: who, and why not.
load ../lib/lab
load ../lib/trace

setup() { need_bpf; }

# Standard input of the lab's list, until each of its calls was told: with all names, as long as it is there.
stay_for_calls() {
	exec 3>&-
	soon calls_are_told || true
}

calls_are_told() {
	local ERR=$BATS_TEST_TMPDIR/err n
	n=$(truth '.calls | length' 2>/dev/null)
	[ -n "$n" ] && told "$n" 'select(.comm == "failures" and (.type | test("register")))'
}

# calls_agree PROGRAM: each call of the lab's list, in order: who, what, and why it failed.
calls_agree() {
	trace --registrations -- env "$R0" "$1" all < <(stay_for_calls)
	skip_if_lab_does
	is "$status" 0
	# Not the shell's env, which libc registers.
	events 'select(.comm == "failures" and (.type | test("register"))) |
		"\(.tid) \(.type | sub("-failed"; "")) \(.area) \(.length) \(.signature) \(.errno) \(.reason) \(.caller.function)"' >"$BATS_TEST_TMPDIR/ours"
	truth '.calls[] | "\(.tid) \(.op) \(.area) \(.length) \(.signature) \(.errno) \(.reason) \(.function)"' |
		sed 's/ busy / already-registered /; s/ unregister-flags / flags /' >"$BATS_TEST_TMPDIR/theirs"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/theirs")" -ge 40 ]
	diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
	is "$(summary '.events | "\(.["register-failed"] + .["unregister-failed"])"')" \
		"$(truth '[.calls[] | select(.reason)] | length')"
	is "$(summary .events.unregister)" "$(truth '[.calls[] | select(.reason == null and .op == "unregister")] | length')"
}

@test "every call that fails, directly and through syscall(): reason and caller" {
	calls_agree "$LAB/failures"
}

@test "the same in a 32-bit program" {
	[ -x "$LAB/i386/failures" ] || skip "no compiler for 32-bit programs"
	calls_agree "$LAB/i386/failures"
}

@test "libc registers every thread" {
	trace --registrations -- "$LAB/threads" 5 </dev/null
	is "$(summary .events.register)" 5
	is "$(events 'select(.type == "register") | .tid' | sort)" "$(truth '.threads[].tid' | sort)"
	is "$(events 'select(.type == "register") | .area' | sort)" "$(truth '.threads[].area' | sort)"
}

@test "with the tunable nobody registers" {
	trace --registrations -- env "$R0" "$LAB/threads" 5 </dev/null
	is "$(summary '.events.register + .events["register-failed"]')" "$([ "$(events '.comm' | head -n 1)" = env ] && echo 1 || echo 0)"
}

@test "a library that comes late is refused, and told whose the thread is" {
	trace --registrations -- "$LAB/users" open:librseq_2018.so start:librseq_2018.so \
		< <(stay 3 'select(.type == "register-failed")') # one of each thread
	is "$(events 'select(.type == "register-failed") | "\(.errno) \(.reason) \(.caller.object | split("/") | last)"' | sort -u)" \
		"EINVAL other-area librseq_2018.so"
	[[ "$(events 'select(.type == "register-failed") | .detail' | head -n 1)" == *"registered by"*"/lib"* ]]
}

# stay_for N: of main's calls, without the program's own questions.
stay_for() {
	stay "$1" 'select(.comm == "users" and .tid == .pid and .signature and .signature != "0xacfacfac")'
}

# story LINE...: main's calls, without the program's own questions to the kernel (by a signature of their own):
# what, errno, reason, object, function; also of libraries that are gone before anybody looks.
story() {
	is "$(events "select(.tid == $(truth .pid) and .comm == \"users\" and .signature != \"0xacfacfac\") |
		\"\(.type) \(.errno) \(.reason) \(.caller.object | split(\"/\") | last) \(.caller.function)\"")" "$(printf '%s\n' "$@")"
}

@test "the story of dlopen and dlclose: who registered, who took it away while it was closed, who found it gone" {
	trace --registrations -- env "$R0" "$LAB/users" global:librseq_2018.so start1:librseq_2018.so \
		open:libblind.so start1:libblind.so close:libblind.so stop1:librseq_2018.so < <(stay_for 3)
	story "register null null librseq_2018.so start" "unregister null other-owner libblind.so stop" \
		"unregister-failed EINVAL not-registered librseq_2018.so stop"
	[[ "$(events 'select(.reason == "other-owner") | .detail' | head -n 1)" == *librseq_2018.so ]]
	[[ "$(events 'select(.reason == "not-registered" and .caller.function == "stop") | .detail')" == *"unregistered"*"libblind.so" ]]
}

@test "the story of one that takes it and registers itself" {
	trace --registrations -- env "$R0" "$LAB/users" global:librseq_2018.so start1:librseq_2018.so \
		open:libblind_taker.so start1:libblind_taker.so stop1:librseq_2018.so < <(stay_for 4)
	story "register null null librseq_2018.so start" "unregister null other-owner libblind_taker.so start" \
		"register null null libblind_taker.so start" "unregister-failed EINVAL other-area librseq_2018.so stop" \
		"unregister null null libblind_taker.so stop" # when the program ends
}

@test "the story of a program that releases what a library registered" {
	trace --registrations -- env "$R0" "$LAB/users" open:librseq_2018.so start1:librseq_2018.so release1 \
		stop1:librseq_2018.so < <(stay_for 3)
	story "register null null librseq_2018.so start" "unregister null other-owner users release_here" \
		"unregister-failed EINVAL not-registered librseq_2018.so stop"
}

@test "threads that end while registered are counted; told where their area stays" {
	trace --registrations --children -- "$LAB/goes" thread-exit </dev/null
	skip_if_lab_does
	is "$(events 'select(.type == "gone") | .tid')" ""
	[ "$(summary .events.gone)" -ge "$(truth '.registered["thread-exit"]')" ]
	trace --registrations --children -- env "$R0" "$LAB/goes" heap-area </dev/null
	is "$(events 'select(.type == "gone") | .tid' | sort)" \
		"$(truth '.ends[] | select(.registered and (.place == "malloc" or .place == "data")) | .tid' | sort)"
}

@test "exec and exit while registered" {
	trace --registrations --summary --children -- "$LAB/goes" exec --count 3 </dev/null
	skip_if_lab_does
	[ "$(summary .events.gone)" -ge "$(truth '[.registered[]] | add')" ]
}

@test "stress-ng, which kills itself by rseq: its own count of aborts, and the kills it does not tell" {
	command -v stress-ng >/dev/null || skip "stress-ng is not installed"
	trace --summary --children --buffer 65536 -- env "$R0" stress-ng --rseq 2 -t 3
	grep -q 'critical section interruptions' "$ERR" || skip "this stress-ng counts nothing"
	is "$(summary .events.abort)" "$(sed -nE 's/.* ([0-9]+) critical section interruptions.*/\1/p' "$ERR" | awk '{ n += $1 } END { print n }')"
	is "$(summary .lost)" 0
	# What its section does up to 6.18, by chance; it tells some of these deaths as something else. Later kernels
	# kill for fewer reasons.
	told=$(sed -nE 's/.* ([0-9]+) flag mismatches.*/\1/p' "$ERR" | awk '{ n += $1 } END { print n + 0 }')
	[ "$(summary '.events.fault')" -ge "$told" ] || is "$("$RSEQCTL" inspect --json $$ | jq -r .host.rseq_class | grep -cE 'original|extensible')" 0
	[ "$status" -le 1 ]
}

@test "stress-ng with libc's registration: refused, with the reason" {
	command -v stress-ng >/dev/null || skip "stress-ng is not installed"
	trace -- stress-ng --rseq 2 -t 1
	[ "$(events 'select(.type == "register-failed") | "\(.errno) \(.reason)"' | sort -u | grep -c 'EINVAL other-area')" -eq 1 ] ||
		skip "this stress-ng does not register by itself"
}
