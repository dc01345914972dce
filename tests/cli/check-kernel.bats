#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What check says of kernels whose faults are known: exactly these fail. make check-vm boots them.
bats_require_minimum_version 1.5.0
load ../lib/lab

setup() {
	JSON=$BATS_TEST_TMPDIR/json
	status=0
	"$RSEQCTL" check --json --skip stress --timeout $((60 * ${PATIENCE:-1})) >"$JSON" || status=$?
	jq -r '.checks[] | "\(.verdict) \(.id): \(.detail)"' "$JSON" | sed 's/^/# /' >&3
}

@test "exactly what this kernel is known to break fails" {
	as_known
	# without any abort there is none to count
	is "$(jq -r '[.checks[] | select(.verdict == "unknown").id] | join(" ")' "$JSON")" "$(! is_known abort-signal || echo tracepoints)"
}

@test "the class and the findings are those of this kernel" {
	case $(uname -r) in
	5.10.* | 6.1.*) class=original ;;
	6.12.* | 6.18.*) class=extensible ;;
	6.19.*) class=rewrite ;;
	7.0.13+* | 7.[1-9].*) class=split ;;
	*) skip "a kernel of which nothing is known here" ;;
	esac
	is "$(jq -r .host.rseq_class "$JSON")" "$class"
	is "$(jq -r '[.findings[].id] | sort | join(" ")' "$JSON")" "$(known_findings)"
}
