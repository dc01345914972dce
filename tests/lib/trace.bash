# For bats files about rseqctl trace; after lab.bash.

# trace ARG...: status in $status, JSON Lines in $JSON, messages and what a command wrote in $ERR.
trace() {
	JSON=$BATS_TEST_TMPDIR/jsonl ERR=$BATS_TEST_TMPDIR/err status=0
	timeout 120 "$RSEQCTL" trace --json "$@" >"$JSON" 2>"$ERR" || status=$?
}

# trace_start ARG...: the same in the background, when it has attached.
trace_start() {
	JSON=$BATS_TEST_TMPDIR/jsonl ERR=$BATS_TEST_TMPDIR/err
	timeout 120 "$RSEQCTL" trace --json "$@" >"$JSON" 2>"$ERR" 3>&- 8>&- &
	TRACE_PID=$!
	for _ in $(seq 500); do
		[ -s "$JSON" ] && return 0
		kill -0 "$TRACE_PID" 2>/dev/null || break
		sleep 0.02
	done
	echo "trace did not start: $(cat "$ERR")" >&2
	return 1
}

# As Ctrl-C does: status in $status.
trace_stop() {
	kill -INT "$(pgrep -P "$TRACE_PID")"
	status=0
	wait "$TRACE_PID" || status=$?
}

# linger SECONDS: how long a program stays, as its standard input, so that names can be looked up. An
# emulated machine has more PATIENCE.
linger() { sleep "$(($1 * ${PATIENCE:-1}))"; }

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
