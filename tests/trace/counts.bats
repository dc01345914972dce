#!/usr/bin/env bats
# Totals are the program's own, whatever becomes of single events.
load ../lib/lab
load ../lib/trace

setup() { need_bpf; }

# All that must agree in any summary.
sums_agree() {
	is "$(summary '([.causes[]] | add) == .events.abort')" true
	is "$(summary '(([.sections[].aborts] | add // 0) + .other_sections) == .events.abort')" true
	is "$(summary '[.sections[] | ([.causes[]] | add) == .aborts] | all')" true
	is "$(summary '[.sections[] | (([.offsets[].count] | add) + .offsets_other) == .aborts] | all')" true
	is "$(summary .missed)" 0
}

@test "a storm of 10 s in a summary: exactly what the program counted" {
	trace --aborts --summary -- "$LAB/aborts" storm --threads 4 --seconds 10 --aborts 1000
	is "$status" 0
	[ "$(summary .events.abort)" -ge 1000 ]
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	is "$(summary '[.sections[].aborts] | sort | map(tostring) | join(" ")')" \
		"$(truth_report '.sections | sort | map(tostring) | join(" ")')"
	sums_agree
}

@test "a storm of 10 s, event by event: as many lines, none lost" {
	trace --aborts -- "$LAB/aborts" storm --threads 4 --seconds 10
	is "$status" 0
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	is "$(summary .lost)" 0
	is "$(grep -c '"type": *"abort"' "$JSON")" "$(truth_report .aborts)"
	sums_agree
}

@test "a reader that is slow: events are lost, exactly as many as it says, and totals stay" {
	JSON=$BATS_TEST_TMPDIR/jsonl ERR=$BATS_TEST_TMPDIR/err
	# it reads nothing before the program has said its counts and is gone
	timeout 300 "$RSEQCTL" trace --json --aborts --buffer 64 -- "$LAB/aborts" membarrier --seconds 4 --aborts 10000 2>"$ERR" |
		{ soon more_lines "$ERR" 1 && cat; } >"$JSON"
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	[ "$(summary .lost)" -gt 0 ]
	is "$(($(grep -c '"type": *"abort"' "$JSON") + $(summary .lost)))" "$(truth_report .aborts)"
	sums_agree
}

has_aborted() { # has_aborted BEFORE: a hundred times more
	[ "$(lab_report | jq .aborts)" -ge "$(($1 + 100))" ]
}

is_paused() {
	[ "$(lab_report | jq .paused)" = true ]
}

@test "watched from outside: the difference of the program's two reports" {
	lab aborts storm --threads 4 --paused
	trace_start --aborts --summary -p "$LAB_PID"
	local before after
	before=$(lab_report | jq .aborts)
	echo go >&8
	soon has_aborted "$before"
	echo pause >&8
	soon is_paused
	after=$(lab_report | jq .aborts)
	trace_stop
	is "$status" 0
	[ "$after" -gt "$before" ]
	is "$(summary .events.abort)" "$((after - before))"
	sums_agree
}

@test "more sections than the map has room for: the others are counted together" {
	trace --aborts --summary --children -- "$LAB/forker" 2600 --aborts 3
	skip_if_lab_does
	is "$(summary .events.abort)" "$(truth .aborts)"
	[ "$(summary .other_sections)" -gt 0 ]
	sums_agree
}

@test "offsets are those of instructions in the section" {
	trace --aborts -- "$LAB/aborts" membarrier --seconds 1
	is "$(events 'select(.ip_offset < 0 or .ip_offset >= .section.length) | .ip_offset' | wc -l)" 0
	is "$(summary '[.sections[] | .length as $l | .offsets[].offset < $l] | all')" true
}

@test "--no-cause: counted, and no cause is claimed" {
	trace --aborts --summary --no-cause -- "$LAB/aborts" membarrier --seconds 1
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	is "$(summary .causes)" null
}

@test "--stack: every stack's count, and their sum" {
	trace --aborts --summary --stack -- "$LAB/aborts" membarrier --seconds 3
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	is "$(summary '(([.sections[].stacks[].count] | add) + .stacks_lost) == .events.abort')" true
	is "$(summary '[.sections[] | select(.function == "lab_spin") | .stacks[0].frames[0].function] | unique | join(" ")')" lab_spin
}

@test "a quiet program: no aborts, said plainly" {
	run "$RSEQCTL" trace --aborts --summary -- sleep 0.2
	is "$status" 0
	[[ "$output" == *"no aborts"* ]]
}

@test "a section that is hit by nearly every interruption is called out, those that share them are not" {
	# A busy machine interrupts less often: until there are enough of them to say something.
	run "$RSEQCTL" trace --aborts --summary -- "$LAB/aborts" preempt --sections 1 --seconds 5 --aborts 200
	[[ "$output" == *"livelock?"*lab_spin* ]]
	# By turns in three: each has its part, and together they have nearly all.
	trace --aborts --summary -- "$LAB/aborts" preempt --sections 3 --seconds 5 --aborts 200
	is "$(summary '[.sections[].occupancy] | length == 3 and (map(. < 0.5) | all) and add > 0.7 and add <= 1')" true
	run "$RSEQCTL" trace --aborts --summary -- "$LAB/aborts" preempt --sections 3 --seconds 5 --aborts 200
	is "$(grep -c "livelock?" <<<"$output")" 0
}
