#!/usr/bin/env bats
# The deaths by rseq, named by the broken rule, and those that only look like one.
load ../lib/lab
load ../lib/trace

setup() { need_bpf; }

own() { env GLIBC_TUNABLES=glibc.pthread.rseq=0 "$@"; }

# killed KIND [REASON]: the child's end is reported once, with the reason, and the status is 1.
killed() {
	trace --faults --children -- env "$R0" "$LAB/faults" "$1" "${@:3}" </dev/null
	skip_if_lab_does
	is "$(truth .child.killed_by_rseq)" true
	is "$(events 'select(.type == "fault") | "\(.tid) \(.reason)"')" "$(truth .child.tid) ${2:-$1}"
	is "$(events 'select(.type == "fault") | .area')" "$(truth .child.area)"
	is "$status" 1
	is "$(summary .events.fault)" 1
	is "$(summary '.reasons[] | select(.type == "fault") | "\(.reason) \(.count)"')" "${2:-$1} 1"
}

# spared KIND: however it dies, it is not reported.
spared() {
	trace --faults --children -- env "$R0" "$LAB/faults" "$@" </dev/null
	skip_if_lab_does
	is "$(truth .child.killed_by_rseq)" false
	is "$(events .reason)" ""
	is "$(summary .events.fault)" 0
	is "$status" 0
}

@test "signature" { killed signature; }
@test "signature, seen at a switch" { killed signature signature --by-switch; }
@test "signature, with libc's area" {
	trace --faults --children -- "$LAB/faults" signature </dev/null
	skip_if_lab_does
	is "$(events .reason)" signature
}
@test "signature of a descriptor that the thread is not in" { killed signature-outside signature; }
@test "version" { killed version; }
@test "abort handler inside its section" { killed abort-inside; }
@test "abort handler in the kernel" { killed abort-kernel; }
@test "descriptor unmapped" { killed descriptor-unmapped; }
@test "descriptor in the kernel" { killed descriptor-kernel; }
@test "section that ends beyond user space" { killed start-overflow; }
@test "flags of the descriptor" { killed flags; }
@test "flags of the area" { killed area-flags; }
@test "area unmapped" { killed area-unmapped; }
@test "area read-only" { killed area-read-only; }
@test "area read-only, while another trace asks the kernel the same" {
	timeout 60 "$RSEQCTL" trace --json --faults >"$BATS_TEST_TMPDIR/other" 3>&- &
	OTHER=$!
	until [ -s "$BATS_TEST_TMPDIR/other" ]; do sleep 0.02; done
	killed area-read-only
	kill "$OTHER"
	wait "$OTHER" || true
	is "$(jq -r --argjson tid "$(truth .child.tid)" 'select(.type == "fault" and .tid == $tid).reason' "$BATS_TEST_TMPDIR/other")" \
		area-read-only
}
@test "a field that only the kernel may write" { killed read-only-field read-only-field --by-switch; }
@test "a system call in the section" { killed syscall-in-section; }
@test "a general protection fault that was handled, then a signature" { killed handled-gp-then-signature signature; }
@test "a fault that the program catches is a fault" {
	trace --faults --children -- env "$R0" "$LAB/faults" signature --handler </dev/null
	skip_if_lab_does
	# Up to 6.18 the next switch finds the same descriptor, if it comes before the handler is done.
	is "$(events .reason | sort -u)" signature
}

@test "null pointer" { spared null-pointer; }
@test "stack overflow" { spared stack-overflow; }
@test "kill -SEGV from outside" { spared kill-segv; }
@test "tgkill to itself" { spared tgkill-self; }
@test "sigqueue" { spared sigqueue; }
@test "sigqueue with the kernel's own code" { spared sigqueue-kernel; }
@test "general protection fault, no descriptor" { spared gp; }
@test "general protection fault outside of a section" { spared gp-outside; }
@test "general protection fault inside a section" { spared gp-inside; }
@test "general protection fault with a broken descriptor that nobody looked at" { spared gp-bad-outside; }
@test "illegal instruction" { spared sigill; }

@test "the section of a fault has its names though its process is gone" {
	# its parent is not
	trace --faults --children -- env "$R0" "$LAB/faults" signature < <(stay 1 'select(.type == "fault")')
	skip_if_lab_does
	is "$(events '.section.object | split("/") | last')" faults
	[ "$(events .section.function)" != null ]
}

@test "--fail-on never: the fault is reported, the status is 0" {
	trace --faults --children --fail-on never -- env "$R0" "$LAB/faults" signature </dev/null
	is "$status" 0
	is "$(summary .events.fault)" 1
}
