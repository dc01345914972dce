#!/usr/bin/env bats
# Names: of descriptors, of what was unloaded, of processes that were gone before anybody looked.
load ../lib/lab
load ../lib/trace

setup() { need_bpf; }

# Object, descriptor and function of each section in the summary, in order; and why there is none, if there is a reason.
named() {
	summary '[.sections[] | [.object // "null" | split("/") | last] + [.symbol, .function | . // "null"] + [.why // empty] | join(" ")] | unique | join(", ")'
}

@test "a section has its descriptor's symbol; one whose descriptor was made while the program ran has none" {
	trace --aborts -- "$LAB/aborts" membarrier --sections 4 --seconds 1
	is "$(named)" "[anonymous] null null, aborts lab_spin_cs lab_spin, aborts queue_push_cs lab::queue::push(int), libaborts.so aborts_library_pop_cs aborts_library_pop"
	is "$(events 'select(.type == "abort") | "\(.section.symbol) \(.section.function)"' | sort -u)" \
		"$(summary '.sections[] | "\(.symbol) \(.function)"' | sort)"
}


# changed COMMAND...: a copy of the program and its library, changed by that.
changed() {
	command -v objcopy >/dev/null || skip "no binutils"
	cp "$LAB/aborts" "$LAB/libaborts.so" "$BATS_TEST_TMPDIR"
	"$@" "$BATS_TEST_TMPDIR/aborts" || skip "these binutils know nothing of this machine"
}

@test "a stripped file has no symbols, and its library still has" {
	changed strip
	trace --aborts --summary -- "$BATS_TEST_TMPDIR/aborts" membarrier --seconds 1
	is "$(named)" "aborts null null, libaborts.so aborts_library_pop_cs aborts_library_pop"
}

@test "for people the descriptor stands where there is no function" {
	changed objcopy --strip-all -K lab_spin_cs
	run "$RSEQCTL" trace --aborts --summary -- "$BATS_TEST_TMPDIR/aborts" membarrier --seconds 1
	[[ "$output" == *" lab_spin_cs "* ]]
	[[ "$output" == *" aborts_library_pop+0x"* ]]
	is "$(grep -c aborts_library_pop_cs <<<"$output")" 0
}

# What was loaded, aborted, and was gone.
unloaded() {
	trace --aborts --summary -- "$LAB/unloader" "$@"
	skip_if_lab_does
	is "$status" 0
	is "$(named)" "$(truth '[.sections[] | "\(.object) \(.symbol) \(.function)"] | sort | join(", ")')"
	is "$(summary .events.abort)" "$(truth .aborts)"
}

@test "libraries that take turns at an address, unloaded at once: each abort has its own names" {
	unloaded 2
	unloaded 1
	unloaded 30 --aborts 1
	is "$(summary '[.sections[] | .why] | unique | join(" ")')" ""
}

@test "programs that end at once" {
	trace --aborts --summary --children -- "$LAB/forker" 10 --exec </dev/null
	skip_if_lab_does
	is "$(summary '[.sections[].function] | unique | map(. // "null") | join(" ")')" "$(truth '[.sections[].function] | unique | join(" ")')"
	is "$(summary '[.sections[].symbol] | unique | map(. // "null") | join(" ")')" "aborts_library_pop_cs forker_spin_cs"
}
