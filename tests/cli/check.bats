#!/usr/bin/env bats
# check: the command around the probes. What each probe finds wrong is tested beside it.
load ../lib/lab

# check ARG...: status in $status, JSON in $JSON, messages in $ERR; $BEFORE is put in front.
check() {
	JSON=$BATS_TEST_TMPDIR/json ERR=$BATS_TEST_TMPDIR/err status=0
	timeout 600 "${BEFORE[@]}" "$RSEQCTL" check --json --timeout $((60 * ${PATIENCE:-1})) "$@" >"$JSON" 2>"$ERR" || status=$?
	[ "$status" -le 4 ] || {
		echo "rseqctl check $* ended with $status" >&2
		cat "$ERR" >&2
		return 1
	}
	jq -r '.checks[]? | select(.verdict != "pass") | "\(.verdict) \(.id): \(.detail)"' "$JSON" >&2
}

# verdict ID
verdict() {
	json ".checks[] | select(.id == \"$1\") | .verdict"
}

detail() {
	json ".checks[] | select(.id == \"$1\") | .detail"
}

setup() {
	BEFORE=()
}

teardown() {
	lab_stop
	[ -z "${dir:-}" ] || rm -rf "$dir"
}

# A copy of the program that every user may run, in $dir.
readable_copy() {
	dir=$(mktemp -d)
	chmod 755 "$dir"
	cp "$RSEQCTL" "$dir/"
	chmod 755 "$dir/rseqctl"
	RSEQCTL=$dir/rseqctl
}

nobody=(setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups --bounding-set=-all --inh-caps=-all)

rseq_or_skip() {
	"$RSEQCTL" check --only syscall -q >"$BATS_TEST_TMPDIR/probe" || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/probe")"
}

# 5.10 to 5.12 have no PTRACE_GET_RSEQ_CONFIGURATION.
has_ptrace() {
	! "$RSEQCTL" check --json --only ptrace | jq -e '.checks[0].detail // "" | startswith("this kernel has no PTRACE_GET")' >/dev/null
}

need_ptrace() {
	has_ptrace || skip "the example is the check ptrace, which this kernel does not have"
}

@test "nothing fails here but what this kernel is known to break, and the document has its keys" {
	rseq_or_skip
	check
	as_known
	jq -e '.schema == 1 and .command == "check" and .version and .host.kernel and .host.arch and (.host | has("rseq_class"))
		and .environment.cpus >= 1 and .inject == null and (.findings | type) == "array"
		and .failed + .passed + .skipped + .unknown == (.checks | length)
		and ([.checks[] | select(.verdict == "pass")] | length) == .passed
		and ([.checks[] | select(.verdict == "fail")] | length) == .failed
		and all(.checks[]; .id and .title and (.verdict | IN("pass", "fail", "skip", "unknown")) and has("detail") and (.rows | type) == "array")
		and all(.checks[] | select(.verdict != "pass"); .detail | length > 10)' "$JSON"
	is "$(json '.checks[].id')" "$("$RSEQCTL" check --list -q)"
	is "$(wc -c <"$ERR")" 0
	[ "$(id -u)" -ne 0 ] || is "$(verdict ptrace)" "$(has_ptrace && echo pass || echo skip)"
}

@test "an ordinary user may do what needs no privilege, and the rest is skipped by name" {
	need_root
	rseq_or_skip
	readable_copy
	BEFORE=("${nobody[@]}")
	check
	as_known
	is "$(verdict syscall)" pass
	local id
	for id in tracepoints iterator; do
		is "$(verdict "$id")" skip
		[[ "$(detail "$id")" == *"bpf and perfmon"* ]] || [[ "$(detail "$id")" == *"built without BPF"* ]]
	done
	jq -e 'all(.checks[] | select(.id | startswith("stress-")); .verdict | IN("pass", "skip", "fail"))' "$JSON" # as_known has seen to those that fail
}

@test "BPF: what is missing is named, what is permitted and refused has failed" {
	need_root
	rseq_or_skip
	"$RSEQCTL" version --json | jq -e .features.bpf >/dev/null || skip "built without BPF"
	readable_copy
	check --only tracepoints,iterator
	is "$status $(verdict iterator)" "0 pass"
	if is_known abort-signal; then # there is no abort to be seen
		is "$(verdict tracepoints)" unknown
	else
		jq -e '.passed == 2 and (.checks[0].rows[0] | .ok and .expected == .seen and (.seen | tonumber) > 0)' "$JSON"
	fi
	# the two capabilities are enough, and one is not
	BEFORE=(setpriv --reuid "$NOBODY" --inh-caps=+bpf,+perfmon --ambient-caps=+bpf,+perfmon)
	check --only iterator
	is "$status" 0
	BEFORE=(setpriv --reuid "$NOBODY" --inh-caps=+bpf --ambient-caps=+bpf)
	check --only iterator
	is "$status $(verdict iterator)" "3 skip"
	[[ "$(detail iterator)" == *"does not have perfmon" ]]
	if unshare -Ur true 2>/dev/null; then
		BEFORE=(unshare -Ur)
		check --only tracepoints
		is "$status $(verdict tracepoints)" "3 skip"
		[[ "$(detail tracepoints)" == *"user namespace"* ]]
	fi
	BEFORE=("$LAB/break-call" EPERM bpf)
	check --only syscall,tracepoints,iterator
	is "$status $(verdict tracepoints) $(verdict iterator) $(verdict syscall)" "1 fail fail pass"
	[[ "$(detail tracepoints)" == "permitted, and yet refused: "*EPERM* ]]
	jq -e 'all(.checks[] | select(.verdict == "fail"); .meaning and .fix)' "$JSON"
}

@test "ptrace: not permitted is a skip" {
	rseq_or_skip
	export ASAN_OPTIONS=detect_leaks=0 # which traces as well
	BEFORE=("$LAB/break-call" EPERM ptrace)
	check --only syscall,ptrace
	is "$status $(verdict ptrace)" "0 skip"
	[[ "$(detail ptrace)" == *"not permitted (EPERM)"* ]]
}

@test "a probe that crashes or hangs has failed, and the others go on" {
	rseq_or_skip
	export ASAN_OPTIONS=detect_leaks=0
	BEFORE=("$LAB/break-call" kill ptrace)
	check --only syscall,ptrace,stress-getcpu
	is "$status $(verdict syscall) $(verdict ptrace) $(verdict stress-getcpu)" "1 pass fail pass"
	[[ "$(detail ptrace)" == "its process was killed by signal 31 "* ]]
	BEFORE=("$LAB/break-call" hang ptrace)
	check --timeout 10 --only syscall,ptrace,stress-getcpu
	[ "$status" -ne 77 ] || skip "no seccomp listener"
	is "$status $(verdict syscall) $(verdict ptrace) $(verdict stress-getcpu)" "1 pass fail pass"
	[[ "$(detail ptrace)" == "it did not end within "* ]]
}

@test "rseq that is denied is one failure, and what needs it is skipped" {
	local error
	for error in EPERM ENOSYS; do
		BEFORE=("$LAB/refuse-exec" "$error")
		check --skip libc
		is "$status $(verdict syscall)" "1 fail"
		jq -e '.failed == 1 and .passed == 0 and all(.checks[1:][]; .verdict == "skip"
			and (.detail | test("see syscall|all-probes")))' "$JSON"
		is "$(json '[.findings[].id] | join(" ")')" seccomp-blocks-rseq
	done
	# nor does a filter that kills for it take rseqctl with it
	BEFORE=(env "$R0" "$LAB/break-call" kill rseq)
	check --skip libc
	is "$status $(verdict syscall)" "1 fail"
	jq -e '.failed == 1 and .passed == 0 and all(.checks[1:][]; .verdict == "skip")' "$JSON"
	"$LAB/refuse-exec" EPERM "$RSEQCTL" check -q --skip libc >"$BATS_TEST_TMPDIR/text" || true
	grep -q '^fail: .* 1 failed (syscall), 0 of ' "$BATS_TEST_TMPDIR/text"
	grep -q 'Operation not permitted' "$BATS_TEST_TMPDIR/text"
}

@test "a filter that answers for the kernel: nothing passes, and the kernel is not blamed" {
	rseq_or_skip
	BEFORE=("$LAB/refuse-exec" fake)
	check --skip libc,stress,tracepoints
	is "$status $(verdict syscall)" "1 fail"
	# one cause: the others lead to it, and say nothing of what a failure of theirs would mean
	jq -e '(.checks[0] | .because == null and .meaning and .fix)
		and all(.checks[1:][] | select(.verdict == "fail"); .because == "syscall" and .meaning == null and .fix == null
			and (.detail | endswith(": see syscall")))
		and all(.checks[] | select(.verdict != "fail"); .because == null)' "$JSON"
	"${BEFORE[@]}" "$RSEQCTL" check --skip libc,stress,tracepoints >"$BATS_TEST_TMPDIR/text" || true
	grep -qE "^fail: .*: $(json .failed) failed \(syscall, $(($(json .failed) - 1)) because of syscall\), 0 of" "$BATS_TEST_TMPDIR/text"
	is "$(grep -c '^  fail .*: see syscall$' "$BATS_TEST_TMPDIR/text")" "$(($(json .failed) - 1))"
	is "$(grep -c '^      means: ' "$BATS_TEST_TMPDIR/text")" 1
	is "$("${BEFORE[@]}" "$RSEQCTL" check -q --skip libc,stress,tracepoints | grep '^  fail' | tr -s ' ' | cut -d ' ' -f 3)" syscall
	jq -e '.passed == 0 and .failed > 10 and ([.findings[].id] == ["seccomp-blocks-rseq"])
		and (.host.rseq_class or (.host.unknown[0].why | test("cannot be read")))' "$JSON"
	# also where it was not asked for
	"${BEFORE[@]}" "$RSEQCTL" check -q --only cpu_id_start,abort-signal >"$BATS_TEST_TMPDIR/text" || true
	grep -qF ": 2 failed (2 because of syscall), 0 of 2" "$BATS_TEST_TMPDIR/text"
	is "$(grep -c ': see syscall$' "$BATS_TEST_TMPDIR/text")" 2
	check --only cpu_id_start,abort-signal
	jq -e '.failed == 2 and all(.checks[]; .because == "syscall") and ([.findings[].id] == ["seccomp-blocks-rseq"])' "$JSON"
}

@test "what is broken on purpose is seen" {
	rseq_or_skip
	need_ptrace
	check --inject unregistered --only iterator,ptrace
	is "$status $(json .inject)" "1 unregistered"
	is "$(verdict ptrace)" fail
	jq -e '.checks[] | select(.id == "ptrace") | .detail == "3 of 3 answers differ" and all(.rows[]; .ok == false)' "$JSON"
	is "$(json '.findings | length')" 0
	check --inject no-section --only stress-counter,ptrace
	is "$status $(verdict stress-counter) $(verdict ptrace)" "1 fail pass"
	jq -e '.checks[] | select(.id == "stress-counter") | (.detail | test("seed [0-9]+")) and any(.rows[]; .ok == false)' "$JSON"
}

@test "nothing passed: status 3" {
	need_root
	readable_copy
	BEFORE=("${nobody[@]}")
	check --only tracepoints,iterator
	is "$status" 3
	jq -e '.passed == 0 and .failed == 0 and .skipped == 2' "$JSON"
	BEFORE=()
	check --only ptrace --skip ptrace
	is "$status" 3
	jq -e '.checks == []' "$JSON"
	"$RSEQCTL" check --only bad-signature --json >"$JSON" || status=$?
	is "$status" 3
}

@test "--only and --skip take ids and the words before a dash" {
	is "$("$RSEQCTL" check --list -q --only abort-signal)" abort-signal
	is "$("$RSEQCTL" check --list -q --only syscall,ptrace | tr '\n' ' ')" "syscall ptrace "
	is "$("$RSEQCTL" check --list -q --only stress | wc -l)" "$("$RSEQCTL" stress --list -q | grep -c '^workload ')"
	is "$("$RSEQCTL" check --list -q --only stress --skip stress-list | wc -l)" "$(("$("$RSEQCTL" stress --list -q | grep -c '^workload ')" - 1))"
	is "$("$RSEQCTL" check --list -q --skip stress,abort | grep -cE '^(stress|abort)-')" 0
	# repeated, they add up
	is "$("$RSEQCTL" check --list -q --only ptrace --only syscall,abort --skip abort-signal --skip abort-signal-long | tr '\n' ' ')" \
		"$("$RSEQCTL" check --list -q --only syscall,abort,ptrace --skip abort-signal,abort-signal-long | tr '\n' ' ')"
	is "$("$RSEQCTL" check --list -q --only ptrace --only syscall | tr '\n' ' ')" "syscall ptrace "
	is "$("$RSEQCTL" check --list --json | jq -r '.list[].id')" "$("$RSEQCTL" check --list -q)"
	is "$("$RSEQCTL" check --list | sed -n '/^Checks/,/^$/s/^  \([^ ]*\) .*/\1/p')" "$("$RSEQCTL" check --list -q)"
	is "$("$RSEQCTL" check --list --json | jq -r '.faults[].name' | tr '\n' ' ')" "no-section unregistered "
}

@test "the list, the manual and explain have the same checks" {
	# the names that head a paragraph, which may be several
	sed -n '/^\.SS Checks/,/^\.SH/p' "$TESTS/../man/rseqctl-check.1" | sed -e ':a;/\\$/{N;s/\\\n//;ba}' | grep -A 1 '^\.TP' |
		grep -E '^\.(B|BR) ' | sed 's/^\.BR\{0,1\} //; s/\\//g; s/"//g; s/,/ /g' | tr -s ' ' '\n' | grep . | sort >"$BATS_TEST_TMPDIR/man"
	"$RSEQCTL" check --list -q | sort >"$BATS_TEST_TMPDIR/list"
	diff "$BATS_TEST_TMPDIR/list" "$BATS_TEST_TMPDIR/man"
	local id
	for id in $(cat "$BATS_TEST_TMPDIR/list"); do
		"$RSEQCTL" explain "$id" | grep -q '^a failure means: .'
		"$RSEQCTL" explain "$id" --json | jq -e ".findings == [] and (.checks | length) == 1 and (.checks[0] | .id == \"$id\"
			and (.asked, .meaning, .fix, .since | length > 5))"
	done
}

@test "the list has two formats, and any other is wrong usage" {
	local format
	for format in tap junit openmetrics; do
		run "$RSEQCTL" check --list --format "$format"
		is "$status" 2
		[[ $output == *"--list has no format '$format': text, json"* ]]
	done
	"$RSEQCTL" check --list --format json --only stress | jq -e '.schema == 1 and .command == "check"
		and (.list | length > 5 and all(.[]; .id and .title and .default)) and all(.faults[]; .name and .summary)'
}

@test "explain knows the words that --only takes" {
	local word
	for word in $("$RSEQCTL" check --list -q | sed -n 's/-.*//p' | sort -u); do
		is "$("$RSEQCTL" explain "$word" --json | jq -r '.checks[].id')" "$("$RSEQCTL" check --list -q --only "$word")"
	done
	"$RSEQCTL" explain abort >"$BATS_TEST_TMPDIR/text"
	is "$(sed -n '1s/:.*//p; s/^  \([^ ]*\) .*/\1/p' "$BATS_TEST_TMPDIR/text" | tr '\n' ' ')" "abort $("$RSEQCTL" check --list -q --only abort | tr '\n' ' ')"
	grep -q 'rseqctl explain ID' "$BATS_TEST_TMPDIR/text"
	# these have one story
	"$RSEQCTL" explain stress | grep -q '^a failure means: .'
	"$RSEQCTL" explain read | grep -q '^read-only: '
	run "$RSEQCTL" explain abrt
	is "$status" 2
	[[ $output == *"did you mean 'abort'?" ]]
	is "$(grep -lE "[\"'(]abort stress .*explain -q" "$TESTS"/../completions/* | wc -l)" 3
}

@test "text: one line answers, -q says what failed, -v says what was asked" {
	rseq_or_skip
	need_ptrace
	"$RSEQCTL" check --only syscall,ptrace >"$BATS_TEST_TMPDIR/text"
	grep -qE '^pass: kernel .*: 2 of 2 checks passed$' "$BATS_TEST_TMPDIR/text"
	is "$(grep -c EXPECTED "$BATS_TEST_TMPDIR/text")" 0
	is "$("$RSEQCTL" check --only syscall,ptrace -q | wc -l)" 1
	"$RSEQCTL" check --only ptrace -v | grep -qE 'length of the registration +0x20 +0x20 +yes'
	"$RSEQCTL" check --only syscall,ptrace -q --inject unregistered >"$BATS_TEST_TMPDIR/text" || true
	grep -qE '^fail: .*unregistered injected: 1 failed \(ptrace\), 1 of 2 checks passed$' "$BATS_TEST_TMPDIR/text"
	grep -q '^      means: ' "$BATS_TEST_TMPDIR/text"
	# what is broken on purpose is not to be mended
	is "$(grep -c '^      to do: ' "$BATS_TEST_TMPDIR/text")" 0
	is "$(grep -c '^  pass' "$BATS_TEST_TMPDIR/text")" 0
	"$RSEQCTL" check --only stress-getcpu -v | grep -qE 'seed [0-9]+: [0-9]+ operations'
}

@test "TAP is read by prove" {
	command -v prove >/dev/null || skip "no prove"
	rseq_or_skip
	need_ptrace
	"$RSEQCTL" check --format tap --only syscall,bad-signature,ptrace --output "$BATS_TEST_TMPDIR/good.tap"
	prove_strictly "$BATS_TEST_TMPDIR/good.tap"
	is "$(grep -c '^ok .* # SKIP .*all-probes' "$BATS_TEST_TMPDIR/good.tap")" "$("$RSEQCTL" check --list -q | grep -c '^bad-signature$')"
	status=0
	"$RSEQCTL" check --format tap --only syscall,ptrace --inject unregistered >"$BATS_TEST_TMPDIR/bad.tap" || status=$?
	is "$status" 1
	run prove_strictly "$BATS_TEST_TMPDIR/bad.tap"
	is "$status" 1
	[[ $output == *"Failed: 1"* ]]
	grep -q '^    length of the registration: expected 0x20, seen 0x0$' "$BATS_TEST_TMPDIR/bad.tap"
	# the block behind a failure is YAML
	/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
	sed -n 's/^  //; /^---$/,/^\.\.\.$/p' "$BATS_TEST_TMPDIR/bad.tap" | /usr/bin/python3 -c 'import sys, yaml
block = yaml.safe_load(sys.stdin)
assert block["verdict"] == "fail" and len(block["rows"].splitlines()) == 3, block'
}

@test "JUnit is read by xmllint" {
	command -v xmllint >/dev/null || skip "no xmllint"
	rseq_or_skip
	need_ptrace
	"$RSEQCTL" check --format junit --only syscall,ptrace,bad-signature --inject unregistered --output "$BATS_TEST_TMPDIR/xml" || true
	x() { xmllint --xpath "$1" "$BATS_TEST_TMPDIR/xml"; }
	is "$(x 'string(/testsuite/@tests)')" "$(x 'count(//testcase)')"
	is "$(x 'string(/testsuite/@failures)')" 1
	is "$(x 'string(/testsuite/@skipped)')" "$(x 'count(//skipped)')"
	is "$(x 'string(//testcase[@name="ptrace"]/failure/@message)')" "3 of 3 answers differ"
	is "$(x 'string(//testcase[@name="ptrace"]/failure)' | wc -l)" 3
	is "$(x 'string(//property[@name="inject"]/@value)')" unregistered
}

# What OpenMetrics asks for, of gauges alone.
strict_metrics() {
	awk '
	/^# EOF$/ { eof = NR; next }
	/^# HELP [a-z_]+ ./ { help[$3]++; next }
	/^# TYPE [a-z_]+ gauge$/ { if (help[$3] != 1 || type[$3]++) bad = 1; family = $3; next }
	match($0, /^[a-z_]+(\{([a-z_]+="([^"\\]|\\["\\n])*",?)*\})? [0-9.e+-]+$/) {
		name = $0; sub(/[{ ].*/, "", name)
		if (name != family || seen[$0]++) bad = 1
		next
	}
	{ bad = 1 }
	END { exit bad || eof != NR || NR < 10 }' "$1"
}

@test "OpenMetrics is read by promtool, by Prometheus' own parser, and by a strict one" {
	rseq_or_skip
	need_ptrace
	local m=$BATS_TEST_TMPDIR/metrics
	"$RSEQCTL" check --format openmetrics --only syscall,ptrace,bad-signature --inject unregistered --output "$m" || true
	strict_metrics "$m"
	grep -qx 'rseqctl_check_failed 1' "$m"
	grep -qx 'rseqctl_check_verdict{check="ptrace",verdict="fail"} 1' "$m"
	grep -q '^rseqctl_check_info{version="[^"]*",kernel="[^"]*",arch="[^"]*",rseq_class="[^"]*".*,inject="unregistered"} 1$' "$m"
	# the strict one is strict
	sed 's/^# EOF$//' "$m" >"$m.bad"
	run strict_metrics "$m.bad"
	is "$status" 1
	sed 's/ gauge$/ counter/' "$m" >"$m.bad"
	run strict_metrics "$m.bad"
	is "$status" 1
	if command -v promtool >/dev/null; then
		is "$(promtool check metrics <"$m" 2>&1)" ""
	fi
	/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null || skip "no python3-prometheus-client"
	/usr/bin/python3 - "$m" <<-'END'
		import sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
		families = {f.name: f for f in parse(open(sys.argv[1]).read())}
		assert all(f.type == "gauge" for f in families.values())
		assert families["rseqctl_check_failed"].samples[0].value == 1
		assert {s.labels["check"] for s in families["rseqctl_check_verdict"].samples} >= {"syscall", "ptrace"}
	END
}

@test "output that cannot be written: status 4, the old file whole" {
	local file=$BATS_TEST_TMPDIR/file
	run "$RSEQCTL" check --only syscall --output /nonexistent/x
	is "$status" 4
	echo old >"$file"
	status=0
	(ulimit -f 0 && exec "$RSEQCTL" check --only syscall --output "$file") 2>/dev/null || status=$?
	is "$status" 4
	is "$(cat "$file")" old
	[ -w /dev/full ] || skip "no /dev/full"
	status=0
	"$RSEQCTL" check --only syscall --json >/dev/full 2>/dev/null || status=$?
	is "$status" 4
}

@test "a reader that is gone ends it" {
	exec 7> >(true)
	wait $!
	status=0
	"$RSEQCTL" check --json --only syscall >&7 2>"$BATS_TEST_TMPDIR/err" || status=$?
	exec 7>&-
	is "$status" 141
	# a pipe that is closed is not written to, and that is said where SIGPIPE does not do it
	exec 7> >(true)
	wait $!
	status=0
	(trap '' PIPE && exec "$RSEQCTL" check --json --only syscall) >&7 2>"$BATS_TEST_TMPDIR/err" || status=$?
	exec 7>&-
	is "$status" 4
	grep -q 'cannot write the output: Broken pipe' "$BATS_TEST_TMPDIR/err"
}

# Starting ps takes long beside the workloads of an emulated machine.
children_of() {
	local file=/proc/$1/task/$1/children
	if [ -r "$file" ]; then
		echo $(<"$file") # one line without blanks at its ends
	else
		echo $(ps -o pid= --ppid "$1")
	fi 2>/dev/null # it may be gone
}

ignores_hup() { # ignores_hup PID
	local mask
	mask=$(awk '$1 == "SigIgn:" { print $2 }' "/proc/$1/status")
	((16#$mask & 1))
}

@test "a signal ends it at once, with what was seen" {
	rseq_or_skip
	local pid child children
	JSON=$BATS_TEST_TMPDIR/json
	# behind this shell, which has to be in time
	# (with --output, the file has helpers of its own)
	nice -n 19 "$RSEQCTL" check --json --only syscall,stress >"$JSON" 3>&- &
	pid=$!
	# when a workload has begun, which has a process of its own: where sections go on, they are over soon
	until children=$(children_of "$pid") && [ -n "$children" ] && [ -n "$(children_of "${children%% *}")" ]; do
		kill -0 "$pid"
	done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	is "$(failed)" ""
	is "$status" "$([ "$(json .failed)" -eq 0 ] && echo 3 || echo 1)"
	jq -e '.passed >= 1 and .unknown >= 1 and .checks[-1].verdict == "unknown"
		and .checks[-1].detail == "interrupted by a signal" and .interrupted' "$JSON"
	for child in $children; do
		soon gone "$child"
	done
	# what is ignored, as under nohup, stays so
	(trap '' HUP && exec "$RSEQCTL" check --json --only syscall,stress-getcpu --output "$JSON") 3>&- &
	pid=$!
	soon ignores_hup "$pid"
	kill -HUP "$pid"
	wait "$pid"
	is "$(json .passed)" 2
}

@test "what it inherits does not matter: SIGCHLD ignored, one CPU, no BTF" {
	rseq_or_skip
	JSON=$BATS_TEST_TMPDIR/json
	# churn has children of its own, and sections
	only=$(is_known abort-preempt && echo stress-getcpu || echo stress-churn)
	bash -c "trap '' CHLD; exec '$RSEQCTL' check --json --only syscall,ptrace,$only" >"$JSON"
	is "$(json .passed)" "$(has_ptrace && echo 3 || echo 2)"
	BEFORE=(taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')")
	check --skip abort
	is "$(failed)" "$(known_faults | tr ' ' '\n' | grep -v '^abort-')"
	[ "$(id -u)" -eq 0 ] && mkdir "$BATS_TEST_TMPDIR/empty" && unshare -m mount --bind "$BATS_TEST_TMPDIR/empty" /sys/kernel/btf 2>/dev/null || skip "BTF cannot be hidden here"
	unshare -m sh -c "mount --bind '$BATS_TEST_TMPDIR/empty' /sys/kernel/btf && exec '$RSEQCTL' check --json --only syscall,tracepoints,iterator" >"$JSON"
	is "$(json .failed)" 0
	is "$(verdict tracepoints)" skip
}

@test "time in which it was stopped is nobody's fault, and neither is who is killed from outside" {
	rseq_or_skip
	local pid child
	JSON=$BATS_TEST_TMPDIR/json
	"$RSEQCTL" check --json --only stress-getcpu --timeout 2 >"$JSON" 3>&- &
	pid=$!
	until child=$(ps -o pid= --ppid "$pid") && [ -n "$child" ]; do sleep 0.02; done
	kill -STOP "$pid"
	# four times as long as asked for is its limit
	sleep 9
	kill -CONT "$pid"
	wait "$pid"
	is "$(verdict stress-getcpu)" pass
	ASAN_OPTIONS=detect_leaks=0 nice -n 19 "$RSEQCTL" check --json --only stress-getcpu >"$JSON" 3>&- &
	pid=$!
	# All the time, and before it: a workload takes half a second. A leak check would wait for ever for its own child.
	while kill -0 "$pid" 2>/dev/null; do
		for child in $(children_of "$pid"); do kill -KILL "$child" 2>/dev/null || true; done
	done
	status=0
	wait "$pid" || status=$?
	is "$status" 3
	is "$(verdict stress-getcpu)" unknown
	[[ "$(detail stress-getcpu)" == *"from outside"* ]]
}

@test "no process or thread to be had is unknown, not a fault" {
	need_root
	rseq_or_skip
	readable_copy
	local n id
	# for rseqctl alone; for a question; for one that starts another
	for n in 1 2 3; do
		BEFORE=(prlimit --nproc="$n" setpriv --reuid "$((NOBODY + 2))" --regid "$((NOBODY + 2))" --clear-groups --bounding-set=-all --inh-caps=-all)
		check --skip stress
		# what a kernel breaks at a signal needs no second thread to be seen
		for id in $(failed); do is_known "$id"; done
		[ "$(json .unknown)" -gt 0 ]
		is "$(json '[.checks[] | select(.verdict == "skip" and (.detail | test("temporarily")))] | length')" 0
	done
}

@test "traced by strace: what is interrupted all the time is no other class of kernel" {
	command -v strace >/dev/null || skip "no strace"
	rseq_or_skip
	check --only syscall
	local class
	class=$(json .host.rseq_class)
	BEFORE=(strace -f -o /dev/null)
	check --only syscall,errno,fork,clone
	is "$(json .failed)" 0
	is "$(json .host.rseq_class)" "$class"
}

@test "on a terminal it shows how far it is, and nowhere else" {
	command -v script >/dev/null || skip "no script(1)"
	rseq_or_skip
	TERM=xterm script -qec "'$RSEQCTL' check --only syscall,stress-getcpu --output /dev/null" /dev/null </dev/null >"$BATS_TEST_TMPDIR/out" || true
	grep -q '2 of 2 checks: stress-getcpu' "$BATS_TEST_TMPDIR/out"
	"$RSEQCTL" check --only syscall 2>&1 >/dev/null | wc -c | grep -qx 0
}

# --- examples/ci ---

GATE=$TESTS/../examples/ci/rseq-gate.sh

@test "examples/ci: the gate tells who owns, and fails for another owner" {
	rseq_or_skip
	local reports=$BATS_TEST_TMPDIR/reports
	mkdir "$reports"
	export RSEQCTL REPORTS=$reports
	# what every check says is tested above
	cat >"$BATS_TEST_TMPDIR/rseqctl" <<-END
		#!/bin/sh
		[ "\$1" != check ] || set -- "\$@" --only syscall,errno,ptrace
		exec '$RSEQCTL' "\$@"
	END
	chmod 755 "$BATS_TEST_TMPDIR/rseqctl"
	lab "$R0" tcmalloc-like 2
	RSEQCTL=$BATS_TEST_TMPDIR/rseqctl run sh "$GATE" tcmalloc "$LAB_PID"
	echo "$output"
	if is_known abort-preempt && ! is_known cpu_id_start; then
		# in 200 ms a slow machine may not see it, but then it is not known to be safe
		[ "$status" -le 1 ]
		[[ $output != *"safe for either"* ]]
	else
		is "$status" "$([ -z "$(known_findings)" ] && echo 0 || echo 1)" # tcmalloc is there
	fi
	! command -v xmllint >/dev/null || xmllint --noout "$reports/rseq-check.xml"
	jq -e '.processes[0].owner.name == "tcmalloc"' "$reports/rseq-inspect.json"
	RSEQCTL=$BATS_TEST_TMPDIR/rseqctl run sh "$GATE" glibc "$LAB_PID"
	is "$status" 1
	[[ $output == *"tcmalloc"* ]]
	# the container's case: no such process, no owner, no program
	RSEQCTL=$BATS_TEST_TMPDIR/rseqctl run sh "$GATE" tcmalloc 4194305
	is "$status" 3
	RSEQCTL=$BATS_TEST_TMPDIR/rseqctl run sh "$GATE" tcmalloc
	is "$status" 2
	status=0
	RSEQCTL=/nonexistent sh "$GATE" >/dev/null 2>&1 || status=$?
	is "$status" 127
	RSEQCTL=$BATS_TEST_TMPDIR/rseqctl run "$LAB/refuse-exec" EPERM /bin/sh "$GATE"
	is "$status" 1
}

@test "examples/ci: an ordinary user gates a service of its own, as inside a container" {
	need_root
	rseq_or_skip
	readable_copy
	chmod 777 "$dir"
	cp "$GATE" "$LAB/tcmalloc-like" "$LAB/libtcmalloc_like.so" "$dir/"
	chmod 755 "$dir"/*
	dir=$dir lab_as_nobody env "$R0" LD_LIBRARY_PATH="$dir" "$dir/tcmalloc-like" 2
	LAB_CHILD=$!
	local pid
	pid=$(head -n 1 "$dir/out" | jq .pid)
	cd "$dir"
	RSEQCTL=$dir/rseqctl REPORTS=$dir run as_nobody sh "$dir/rseq-gate.sh" tcmalloc "$pid"
	echo "$output"
	cd /
	is "$status" "$([ -z "$(known_faults)" ] && echo 0 || echo 1)"
	jq -e '.processes[0].owner | .name == "tcmalloc" and .confidence == "inferred"' "$dir/rseq-inspect.json"
	grep -q '</testsuite>' "$dir/rseq-check.xml"
}

@test "examples/ci: the workflow and the job are YAML, and their shell is shell" {
	/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
	/usr/bin/python3 - "$TESTS/../examples/ci" "$BATS_TEST_TMPDIR" <<-'END'
		import sys, yaml
		folder, out = sys.argv[1:]
		github = yaml.safe_load(open(folder + "/github.yml"))
		steps = github["jobs"]["rseq"]["steps"]
		assert all(("run" in s) != ("uses" in s) for s in steps)
		scripts = [s["run"] for s in steps if "run" in s]
		gitlab = yaml.safe_load(open(folder + "/gitlab.yml"))
		jobs = {k: v for k, v in gitlab.items() if isinstance(v, dict)}
		assert all(j["stage"] in gitlab["stages"] for j in jobs.values())
		assert all(n in jobs for j in jobs.values() for n in j.get("needs", []))
		assert "rseqctl/examples/ci/rseq-gate.sh" in jobs["rseqctl"]["artifacts"]["paths"]
		scripts += ["\n".join(j["script"]) for j in jobs.values()]
		assert sum("rseq-gate.sh tcmalloc" in s for s in scripts) == 2
		for i, s in enumerate(scripts):
		    open(f"{out}/{i}.script", "w").write(s)
	END
	local script
	for script in "$BATS_TEST_TMPDIR"/*.script; do
		sh -n "$script"
		# every target of the Makefile that they use is one
		grep -oE 'make -C rseqctl [a-z]+' "$script" | cut -d ' ' -f 4 | while read -r target; do
			grep -q "^$target:" "$TESTS/../Makefile"
		done
	done
}
