#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What check says of kernels whose faults are known: exactly these fail. make check-vm boots them.
bats_require_minimum_version 1.5.0
load ../lib/lab

setup() {
	JSON=$BATS_TEST_TMPDIR/json
	status=0
	"$RSEQCTL" check --json --skip stress --timeout $((5 * ${PATIENCE:-1})) >"$JSON" || status=$?
	jq -r '.checks[] | "\(.verdict) \(.id): \(.detail)"' "$JSON" | sed 's/^/# /' >&3
}

# That stable kernels after these are mended is what makes the version no answer for rseqctl itself.
known_faults() {
	case $(uname -r)/$(uname -m) in
	6.19.*/x86_64) echo cpu_id_start ;;
	# 411c1cf43039: what the exit to user space relies on was not set on arm64, so that hardly anything aborts;
	# with the 32 bytes of the legacy mode, 7.0.10 and later do so when a signal is delivered
	6.19.*/aarch64)
		echo abort-membarrier abort-membarrier-long abort-migrate abort-migrate-long abort-preempt abort-preempt-long \
			abort-signal abort-signal-long cpu_id_start
		;;
	7.0.13+*/aarch64)
		echo abort-membarrier abort-membarrier-long abort-migrate abort-migrate-long abort-preempt abort-preempt-long \
			abort-signal-long
		;;
	esac
}

@test "exactly what this kernel is known to break fails" {
	local known
	known=$(known_faults)
	is "$(jq -r '[.checks[] | select(.verdict == "fail").id] | sort | join(" ")' "$JSON")" "$known"
	# without any abort there is none to count
	unknown=$([[ $known != *abort-signal\ * ]] || echo tracepoints)
	is "$(jq -r '[.checks[] | select(.verdict == "unknown").id] | join(" ")' "$JSON")" "$unknown"
	is "$status" "$([ -z "$known" ] && echo 0 || echo 1)"
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
	found=
	[[ $(known_faults) != *cpu_id_start* ]] || found=kernel-breaks-tcmalloc
	[[ $(known_faults) != *abort* ]] || found="$found kernel-misses-aborts"
	is "$(jq -r '[.findings[].id] | sort | join(" ")' "$JSON")" "${found# }"
}
