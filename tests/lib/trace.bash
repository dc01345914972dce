# For bats files about rseqctl trace; after lab.bash.

# trace ARG...: status in $status, JSON Lines in $JSON, messages and what a command wrote in $ERR.
trace() {
	JSON=$BATS_TEST_TMPDIR/jsonl ERR=$BATS_TEST_TMPDIR/err status=0
	timeout 300 "$RSEQCTL" trace --json "$@" >"$JSON" 2>"$ERR" || status=$?
}

# trace_start ARG...: the same in the background, when it has attached.
trace_start() {
	JSON=$BATS_TEST_TMPDIR/jsonl ERR=$BATS_TEST_TMPDIR/err
	timeout 300 "$RSEQCTL" trace --json "$@" >"$JSON" 2>"$ERR" 3>&- 8>&- &
	TRACE_PID=$!
	soon said_or_ended "$JSON" "$TRACE_PID"
	! said "$JSON" || return 0
	echo "trace did not start: $(cat "$ERR")" >&2
	return 1
}

# As Ctrl-C does: status in $status.
trace_stop() {
	kill -INT "$(pgrep -P "$TRACE_PID")"
	status=0
	wait "$TRACE_PID" || status=$?
}

# told N FILTER: so many such events have been told. The last line may not be whole.
told() {
	[ "$(jq -R "fromjson? | $2 | 1" "$BATS_TEST_TMPDIR/jsonl" 2>/dev/null | wc -l)" -ge "$1" ]
}

# stay N FILTER: standard input of a program that stays until so many such events were told. One that is gone
# cannot be asked for names.
stay() {
	exec 3>&-
	soon told "$@" >/dev/null || true
}

# fresh: nothing has been told yet, not by another trace of this test either.
fresh() {
	rm -f "$BATS_TEST_TMPDIR/jsonl"
}

# events FILTER: of each event; summary FILTER: of the last line.
events() {
	jq -r "select(.type != \"start\" and .type != \"summary\") | $1" "$JSON"
}
summary() {
	tail -n 1 "$JSON" | jq -r "$1"
}

# truth FILTER: of a lab program that was traced as a command, whose testimony went to stderr.
truth() {
	grep '^{' "$ERR" | head -n 1 | jq -r "$1"
}
# Of its last report.
truth_report() {
	grep '^{' "$ERR" | tail -n 1 | jq -r "$1"
}

# Skips with the program's own reason.
skip_if_lab_does() {
	local why
	why=$(truth '.skip // empty')
	[ -z "$why" ] || skip "$why"
}

need_bpf() {
	need_root
	timeout 60 "$RSEQCTL" trace --aborts --summary -d 0.01 >/dev/null 2>"$BATS_TEST_TMPDIR/why" || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/why")"
}
