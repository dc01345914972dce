#!/usr/bin/env bats
# Why sections were aborted, against what the program itself saw.
load ../lib/lab
load ../lib/trace

setup() { need_bpf; }

# At least 99 % of all aborts are where the program has them; unknown is at most the rest.
causes_agree() {
	local wrong
	trace --aborts --summary -- "$LAB/aborts" "$1" --seconds "${2:-3}"
	is "$status" 0
	skip_if_lab_does
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	# What is too few in one cause is too many in another: half the sum of differences is misplaced.
	wrong=$(jq -n --argjson ours "$(summary '.causes | tojson')" --argjson truth "$(truth_report '.causes | tojson')" \
		--argjson several "$(truth_report .several)" \
		'([$ours | to_entries[] | (.value - ($truth[.key] // 0)) | fabs] | add) / 2 - $several | ceil')
	echo "# $1: $(summary '.causes | tojson'), program $(truth_report '.causes | tojson'), several $(truth_report .several), misplaced $wrong" >&3
	[ "$wrong" -le "$(($(truth_report .aborts) / 100 + 1))" ]
	[ "$(summary .causes.unknown)" -le "$(($(truth_report .aborts) / 100 + 1))" ]
	[ "$(summary ".causes.${1/mixture/preempt}")" -gt 0 ]
}

@test "preemption" { causes_agree preempt 5; }
@test "migration" { causes_agree migrate; }
@test "signal" { causes_agree signal; }
@test "membarrier" { causes_agree membarrier; }
@test "system call in the section" { causes_agree syscall; }
@test "all of them by turns: sums agree" {
	trace --aborts --summary -- "$LAB/aborts" mixture --seconds 4
	is "$(summary .events.abort)" "$(truth_report .aborts)"
	is "$(summary "[.causes | to_entries[] | select(.value > 0)] | length >= 4")" true
	is "$(summary '([.causes[]] | add) == .events.abort')" true
}
