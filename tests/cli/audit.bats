#!/usr/bin/env bats
# What decides the status, what is left out, and many processes at once.
load ../lib/lab

# start NAME [VAR=VALUE...] PROGRAM ARG...: like lab, but many may run; NAME is its name as a process.
start() {
	local name=$1 vars=() program dir=$BATS_TEST_TMPDIR/many
	shift
	while [[ $1 == *=* ]]; do
		vars+=("$1")
		shift
	done
	program=$1
	shift
	if [ ! -d "$dir" ]; then
		mkdir "$dir"
		mkfifo "$dir/in"
		exec 7<>"$dir/in" # the only writer
	fi
	ln -sf "$(realpath "$LAB/$program")" "$dir/$name"
	env "${vars[@]}" "$dir/$name" "$@" <"$dir/in" >"$dir/$name.out" 2>"$dir/$name.err" 3>&- 7>&- &
	PIDS+=("$!")
	soon said_or_ended "$dir/$name.out" "$!"
	is "$(jq .pid "$dir/$name.out")" "$!"
}

setup() {
	PIDS=()
}

teardown() {
	lab_stop
	exec 7>&- || true
	[ "${#PIDS[@]}" -eq 0 ] || wait "${PIDS[@]}" 2>/dev/null || true
}

# An audit of seven: an ordinary one, two losers, three with something to note, one that nobody owns.
start_seven() {
	start aud-plain threads 2
	start aud-loser tcmalloc-like 3
	start aud-loser2 tcmalloc-like 2
	start aud-owner "$R0" tcmalloc-like 3 --no-cache
	start aud-raw "$R0" own-area malloc 2
	start aud-exe "$R0" own-area exe 2
	start aud-none "$R0" threads 2
}

# The sums of the last inspect are those of its own lists.
sums_are_right() {
	jq -e '
		def name: . as $p | .owner | if .kind == "libc" and .name and $p.libc.version then "\(.name) \($p.libc.version)"
			elif .kind == "libc" or .kind == "object" then .name // (if .kind == "object" then .object else null end) // .kind
			else .kind // "unknown" end;
		def counts: group_by(.) | map({key: .[0], value: length}) | from_entries;
		([.processes[] | name] | counts) as $owners
		| ([.findings[] | {pid: .subject.pid, what: "\(.severity) \(.id)"}] | unique | map(.what) | counts) as $findings
		| (.summary.owners | map({key: .owner, value: .processes}) | from_entries) == $owners
			and (.summary.findings | map({key: "\(.severity) \(.id)", value: .processes}) | from_entries) == $findings
			and (.summary.owners | map(.processes) | add // 0) == (.processes | length)
			and (.summary.owners | map(-.processes) | . == sort)' "$JSON"
}

# The same sums as the text has them, one a line: "PROCESSES SEVERITY FINDING" and "PROCESSES OWNER".
text_sums() {
	sed -nE '/^[0-9]+ processes/,/^[0-9]+ [^ ]+: /s/^  ([0-9]+) +(.*)$/\1 \2/p' "$1" | tr -s ' ' | sort
}

json_sums() {
	json '.summary | (.owners[] | "\(.processes) \(.owner)"), (.findings[] | "\(.processes) \(.severity) \(.id)")' | sort
}

@test "--fail-on: a warning" {
	local on
	lab tcmalloc-like 2
	for on in "" "--fail-on warning" "--fail-on info" "--fail-on=warning"; do
		# shellcheck disable=SC2086 # words are meant
		inspect $on "$LAB_PID"
		is "$on $status" "$on 1"
	done
	for on in error never; do
		inspect --fail-on "$on" "$LAB_PID"
		is "$on $status" "$on 0"
		is "$(finding lost-registration)" warning # shown all the same
		"$RSEQCTL" inspect --fail-on "$on" "$LAB_PID" >"$BATS_TEST_TMPDIR/text"
		head -n 1 "$BATS_TEST_TMPDIR/text" | grep -q 'WARNING lost-registration'
	done
	inspect --fail-on error --fail-on warning "$LAB_PID" # the last one counts
	is "$status" 1
}

@test "--fail-on: an error" {
	local on
	lab "$R0" lookup-exe global:liblookup_b.so own:liblookup_b.so
	for on in error warning info; do
		inspect --fail-on "$on" "$LAB_PID"
		is "$on $status" "$on 1"
		is "$(finding interposed-size)" error
	done
	inspect --fail-on never "$LAB_PID"
	is "$status" 0
	inspect --fail-on error --ignore interposed-size "$LAB_PID"
	is "$status" 0
}

@test "--fail-on: a note" {
	local on
	lab "$R0" own-area exe 2
	for on in error warning never; do
		inspect --fail-on "$on" "$LAB_PID"
		is "$on $status" "$on 0"
	done
	inspect --fail-on info "$LAB_PID"
	is "$status" 1
	is "$(finding libc-disabled)" info
	lab_stop
	lab threads 1 # nothing at all
	inspect --fail-on info "$LAB_PID"
	is "$status" 0
}

@test "--fail-on: neither the expected owner nor what could not be done is its business" {
	lab threads 1
	inspect --fail-on never --expect-owner tcmalloc "$LAB_PID"
	is "$status" 1
	inspect --fail-on never 999999999
	is "$status" 3
	lab_stop
	lab tcmalloc-like 1
	inspect --fail-on never "$LAB_PID" 999999999
	is "$status" 3
	inspect "$LAB_PID" 999999999
	is "$status" 1
}

@test "--ignore: out of text, JSON, first line and status" {
	lab tcmalloc-like 2
	inspect --ignore lost-registration "$LAB_PID"
	is "$status" 0
	is "$(json '.findings | length')" 0
	is "$(json .ignored)" 1
	is "$(json '.summary.findings | length')" 0
	"$RSEQCTL" inspect --ignore lost-registration "$LAB_PID" >"$BATS_TEST_TMPDIR/text"
	is "$(grep -c lost-registration "$BATS_TEST_TMPDIR/text")" 0
	head -n 1 "$BATS_TEST_TMPDIR/text" | grep -qE '^[0-9]+ tcmalloc-like: glibc [0-9.]+ owns rseq in 2 of 2 threads'
	grep -qx '1 finding ignored' "$BATS_TEST_TMPDIR/text"
	inspect --ignore mixed-owner "$LAB_PID" # is not there
	is "$status" 1
	is "$(json '"\(.ignored) \(.findings | length)"')" "0 1"
	is "$("$RSEQCTL" inspect "$LAB_PID" | grep -c ignored)" 0
}

@test "--ignore: the first line leads with what is left" {
	lab "$R0" with-librseq 3 --forget # thread-unregistered and libc-disabled, both warnings
	local all=thread-unregistered,libc-disabled args
	inspect "$LAB_PID"
	is "$(finding thread-unregistered) $(finding libc-disabled)" "warning warning"
	run "$RSEQCTL" inspect -q "$LAB_PID"
	[[ "$output" == *": WARNING thread-unregistered: "* ]]
	run "$RSEQCTL" inspect -q --ignore thread-unregistered "$LAB_PID"
	is "$status" 1
	[[ "$output" == *": WARNING libc-disabled: "* ]]
	for args in "--ignore $all" "--ignore=$all" "--ignore libc-disabled --ignore thread-unregistered" \
		"--ignore $all --ignore $all"; do
		# shellcheck disable=SC2086 # words are meant
		run "$RSEQCTL" inspect -q $args "$LAB_PID"
		is "$args $status" "$args 0"
		[[ "$output" != *WARNING* ]]
		# shellcheck disable=SC2086
		inspect $args "$LAB_PID"
		is "$args $(json .ignored)" "$args 2"
	done
}

@test "--ignore: of some processes, and what they are counted for" {
	start_seven
	local before without
	inspect "${PIDS[@]}"
	before=$(json '.findings | length')
	is "$(json .ignored)" 0
	without=$(json '[.findings[] | select(.id | IN("libc-disabled", "not-started"))] | length')
	inspect --ignore libc-disabled --ignore id-fields-modified,not-started "${PIDS[@]}"
	is "$status" 1
	[ "$without" -ge 5 ] # libc-disabled in four, not-started in one
	is "$(json '"\(.ignored) \(.findings | length)"')" "$without $((before - without))"
	is "$(json '[.findings[].id | select(IN("libc-disabled", "not-started"))] | length')" 0
	sums_are_right
	inspect --ignore libc-disabled,not-started,lost-registration "${PIDS[@]}"
	is "$status" 0
	is "$(json '"\(.ignored) \(.findings | length) \(.processes | length)"')" \
		"$((without + 2)) $((before - without - 2)) 7"
	sums_are_right
}

@test "several processes by number: the sums of the JSON, and text without a summary" {
	start_seven
	inspect "${PIDS[@]}"
	is "$status" 1
	is "$(json '[.processes[].pid] | join(" ")')" "${PIDS[*]}"
	sums_are_right
	is "$(json '.summary.findings[] | select(.id == "lost-registration") | .processes')" 2
	is "$(json '[.summary.findings[] | select(.id == "libc-disabled") | "\(.severity) \(.processes)"] | join(", ")')" \
		"warning 1, info 3"
	is "$(json '.summary.findings | map(.severity) | . == (map(select(. == "error")) + map(select(. == "warning")) + map(select(. == "info")))')" true
	run "$RSEQCTL" inspect "${PIDS[@]}"
	is "$(grep -c 'PROCESSES' <<<"$output")" 0
	is "$(grep -cE '^[0-9]+ aud-' <<<"$output")" 7
	is "$(grep -c '^  executable: ' <<<"$output")" 7
}

@test "a process with the same finding twice is one process" {
	start aud-mixed "$R0" mixed-owner
	start aud-raw "$R0" own-area malloc 2
	inspect "${PIDS[@]}"
	is "$(json '[.findings[] | select(.id == "not-started")] | length')" 3
	is "$(json '.summary.findings[] | select(.id == "not-started") | .processes')" 2
	sums_are_right
}

@test "an audit by name: the summary, in full what has a warning, in one line what has a note" {
	start_seven
	local text=$BATS_TEST_TMPDIR/text
	inspect --comm 'aud-*'
	is "$status" 1
	is "$(json '[.processes[].pid] | join(" ")')" "${PIDS[*]}"
	sums_are_right
	"$RSEQCTL" inspect --comm 'aud-*' >"$text" || status=$?
	is "$status" 1
	is "$(head -n 1 "$text")" \
		"7 processes: 3 with warnings, 3 with notes, 1 without findings; 0 vanished, 0 unreadable, 0 skipped (kernel threads, zombies)"
	is "$(text_sums "$text")" "$(json_sums)"
	is "$(grep -oE '^[0-9]+ aud-[^ ]*: (WARNING|info) [a-z-]+' "$text" | cut -d ' ' -f 2- | sort | paste -sd ';')" \
		"aud-exe: info libc-disabled;aud-loser2: WARNING lost-registration;aud-loser: WARNING lost-registration;aud-none: WARNING libc-disabled;aud-owner: info libc-disabled;aud-raw: info libc-disabled"
	is "$(grep -c aud-plain "$text")" 0
	is "$(grep -c '^  executable: ' "$text")" 3
	# the full ones come first
	is "$(grep -oE '^[0-9]+ aud-[^ ]*: (WARNING|info)' "$text" | awk '{ print $3 }' | uniq | tr '\n' ' ')" "WARNING info "
	# every finding of a process that is not shown in full is named
	is "$(sed -n 's/^[0-9]* aud-raw: info \([a-z, -]*\): .*/\1/p' "$text")" \
		"$(json "[.findings[] | select(.subject.pid == ${PIDS[4]}) | .id] | join(\", \")")"
	is "$(json ".findings | map(select(.subject.pid == ${PIDS[4]}) | .id) | contains([\"libc-disabled\", \"not-started\"])")" true
	# no line for each thread but in full ones
	"$RSEQCTL" inspect --comm 'aud-*' --threads >"$text" || true
	is "$(grep -cE '^  +TID ' "$text")" 3
	"$RSEQCTL" inspect --comm 'aud-*' -v >"$text" 2>/dev/null || true
	is "$(grep -c '^  executable: ' "$text")" 7
	is "$(text_sums "$text")" "$(json_sums)"
	is "$("$RSEQCTL" inspect --comm 'aud-*' -q | cut -d ' ' -f 2 | tr -d ':' | paste -sd ' ')" \
		"aud-plain aud-loser aud-loser2 aud-owner aud-raw aud-exe aud-none"
}

@test "an error in an audit is counted apart, and stands before what is more frequent" {
	local text=$BATS_TEST_TMPDIR/text
	start_seven
	start aud-error "$R0" lookup-exe global:liblookup_b.so own:liblookup_b.so
	"$RSEQCTL" inspect --comm 'aud-*' >"$text" || status=$?
	is "$status" 1
	head -n 1 "$text" | grep -q '^8 processes: 1 with errors, 3 with warnings, 3 with notes, 1 without findings; '
	is "$(grep -A 1 SEVERITY "$text" | sed -n 's/^  1  *error  *//p')" interposed-size
	is "$(grep -c '^[0-9]* aud-error: ERROR interposed-size: ' "$text")" 1
}

@test "an audit leaves out what is ignored" {
	start_seven
	local text=$BATS_TEST_TMPDIR/text
	status=0
	"$RSEQCTL" inspect --comm 'aud-*' --ignore lost-registration,libc-disabled >"$text" || status=$?
	is "$status" 0
	is "$(head -n 1 "$text")" \
		"7 processes: 1 with notes, 6 without findings; 0 vanished, 0 unreadable, 0 skipped (kernel threads, zombies); 6 findings ignored"
	is "$(grep -cE 'lost-registration|libc-disabled' "$text")" 0
	is "$(grep -E '^[0-9]+ aud-' "$text" | cut -d ' ' -f 2)" "aud-raw:"
	inspect --comm 'aud-*' --ignore lost-registration,libc-disabled
	is "$(json .ignored)" 6
	is "$(text_sums "$text")" "$(json_sums)"
	sums_are_right
}

@test "an audit of the whole machine" {
	start_seven
	local text=$BATS_TEST_TMPDIR/text
	inspect --all
	is "$status" 1
	sums_are_right
	is "$(json "[.processes[] | select(.pid | IN(${PIDS[0]}, ${PIDS[1]}, ${PIDS[2]}, ${PIDS[3]}, ${PIDS[4]}, ${PIDS[5]}, ${PIDS[6]}))] | length")" 7
	inspect --all --fail-on never
	is "$status" 0
	status=0
	"$RSEQCTL" inspect --all >"$text" || status=$?
	is "$status" 1
	head -n 1 "$text" | grep -qE '^[0-9]+ processes: .*[0-9]+ with warnings, .*without findings; [0-9]+ vanished, [0-9]+ unreadable, [0-9]+ skipped'
	sed -n 2p "$text" | grep -q '^kernel '
	is "$(grep -c "^${PIDS[0]} " "$text")" 0
	is "$(grep -c "^${PIDS[1]} aud-loser: WARNING lost-registration: " "$text")" 1
	# the whole of it, or status 4
	[ -w /dev/full ] || skip "no /dev/full"
	status=0
	"$RSEQCTL" inspect --all >/dev/full 2>/dev/null || status=$?
	is "$status" 4
}

@test "one process by name is no audit, and of none nothing is said" {
	start aud-one tcmalloc-like 2
	run "$RSEQCTL" inspect --comm 'aud-*'
	is "$status" 1
	[[ "${lines[0]}" == "${PIDS[0]} aud-one: WARNING lost-registration: "* ]]
	is "$(grep -c PROCESSES <<<"$output")" 0
	[[ "$output" == *"1 process: 1 with warnings; 0 vanished, "* ]]
	inspect --comm 'aud-*'
	sums_are_right
	inspect --comm 'no such name'
	is "$status" 3
	is "$(json '.summary | "\(.owners | length) \(.findings | length)"')" "0 0"
}

@test "kernel threads and zombies are skipped, and change no status" {
	lab zombie
	local name
	name=$(cat "/proc/$(jq .zombie "$LAB_OUT")/comm")
	inspect --comm "$name"
	is "$status" 0
	[ "$(json .skipped)" -ge 1 ]
	sums_are_right
}

# decoded ARG...: what "inspect -v" says of files and mappings
decoded() {
	"$RSEQCTL" inspect -v "$@" 2>&1 >/dev/null | sed -n 's/.*decoded \([0-9]*\) files for \([0-9]*\) mappings/\1 \2/p'
}

# Device and inode of every file that is mapped as code, in all of these processes
mapped_files() {
	sed -nE 's/^[^ ]+ ..x. [^ ]+ ([^ ]+ [1-9][0-9]*) .*/\1/p' "${@/#//proc/}" | sort -u
}

@test "each file is decoded once, however many processes map it" {
	local i first files
	start one-first threads 1
	first=$(decoded --comm 'one-*')
	is "${first% *}" "$(mapped_files "${PIDS[@]/%//maps}" | wc -l)"
	for i in 2 3 4 5 6; do start "one-$i" threads 1; done
	is "$(decoded --comm 'one-*')" "${first% *} $((6 * ${first#* }))"
	is "$(decoded "${PIDS[@]}")" "${first% *} $((6 * ${first#* }))"
	# one more program: only its own files are new
	start one-loser tcmalloc-like 1
	files=$(mapped_files "${PIDS[@]/%//maps}" | wc -l)
	[ "$files" -gt "${first% *}" ]
	is "$(decoded --comm 'one-*' | cut -d ' ' -f 1)" "$files"
}

@test "a file under another name is the same file, and a copy of it is not" {
	local bin=$BATS_TEST_TMPDIR/bin first
	mkdir "$bin"
	cp "$(realpath "$LAB/threads")" "$bin/a"
	ln "$bin/a" "$bin/b"
	cp "$bin/a" "$bin/c"
	LAB=$bin
	start one-a a 1
	first=$(decoded --comm 'one-*' | cut -d ' ' -f 1)
	start one-b b 1
	is "$(decoded --comm 'one-*' | cut -d ' ' -f 1)" "$first"
	start one-c c 1
	is "$(decoded --comm 'one-*' | cut -d ' ' -f 1)" $((first + 1))
}

@test "each file is decoded once: seen from outside" {
	need_root # the decoder of a file is then nobody
	command -v strace >/dev/null || skip "no strace"
	export ASAN_OPTIONS=detect_leaks=0 # cannot be traced
	local i log=$BATS_TEST_TMPDIR/log
	for i in 1 2 3 4; do start "one-$i" tcmalloc-like 1; done
	strace -f -qq -e trace=setresuid -o "$log" "$RSEQCTL" inspect --comm 'one-*' >/dev/null 7>&- || true
	is "$(grep -c 'setresuid(65534' "$log")" "$(mapped_files "${PIDS[@]/%//maps}" | wc -l)"
}

# on_terminal COMMAND: what it writes to a terminal of 200 columns, as it is
on_terminal() {
	command -v script >/dev/null || skip "no script(1)"
	TERM=xterm script -qec "stty cols 200; $1" /dev/null 7>&- 8>&- </dev/null
}

# What is left of it on the screen, where each line may have been erased and begun again.
screen() {
	tr -s '\r' <"$1" | sed -E $'s/\r$//; s/.*\r\033\\[K//; s/.*\r//'
}

@test "progress on a terminal, and nothing of it is left" {
	local out=$BATS_TEST_TMPDIR/out seen
	start aud-1 threads 1
	start aud-2 tcmalloc-like 1
	start aud-3 "$R0" threads 1
	on_terminal "'$RSEQCTL' inspect --comm 'aud-*' --output '$BATS_TEST_TMPDIR/text'; stty >/dev/null" >"$out" || true
	is "$(grep -oE '[0-9]+ of [0-9]+ processes' "$out" | paste -sd ';')" "1 of 3 processes;2 of 3 processes;3 of 3 processes"
	is "$(screen "$out" | tr -d '\n')" ""
	on_terminal "'$RSEQCTL' inspect --all --output /dev/null" >"$out" || true
	seen=$(grep -oE '[0-9]+ of [0-9]+ processes' "$out" | tail -n 1)
	[[ "$seen" =~ ^([0-9]+)\ of\ ([0-9]+)\ processes$ ]]
	is "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
	is "$(screen "$out" | tr -d '\n')" ""
	# text on the same terminal
	on_terminal "'$RSEQCTL' inspect --color never --comm 'aud-*'" >"$out" || true
	grep -q '3 of 3 processes' "$out"
	"$RSEQCTL" inspect --comm 'aud-*' >"$BATS_TEST_TMPDIR/plain" || true
	is "$(screen "$out" | head -n 1)" "$(head -n 1 "$BATS_TEST_TMPDIR/plain")"
	is "$(screen "$out" | grep -c 'of 3 processes')" 0
	# messages in between
	on_terminal "'$RSEQCTL' inspect --comm 'aud-*' --expect-owner glibc --output /dev/null" >"$out" || true
	is "$(screen "$out" | sed '/^$/d')" "rseqctl inspect: ${PIDS[2]}: expected owner glibc, found none"
}

@test "no progress elsewhere: a file, JSON on the same terminal, a process by number, -q" {
	local out=$BATS_TEST_TMPDIR/out
	start aud-1 threads 1
	start aud-2 threads 1
	"$RSEQCTL" inspect --comm 'aud-*' 2>"$out" >/dev/null
	[ ! -s "$out" ]
	"$RSEQCTL" inspect --comm 'aud-*' --json 2>"$out" >/dev/null
	[ ! -s "$out" ]
	on_terminal "'$RSEQCTL' inspect --comm 'aud-*' 2>'$BATS_TEST_TMPDIR/err'" >"$out"
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
	is "$(grep -c 'of 2 processes' "$out")" 0
	on_terminal "'$RSEQCTL' inspect --comm 'aud-*' --json" >"$out"
	tr -d '\r' <"$out" | jq -e '.processes | length == 2'
	is "$(grep -c 'of 2 processes' "$out")" 0
	on_terminal "'$RSEQCTL' inspect -q --comm 'aud-*'" >"$out"
	is "$(grep -c 'of 2 processes' "$out")" 0
	on_terminal "'$RSEQCTL' inspect ${PIDS[*]} --output /dev/null" >"$out"
	is "$(tr -d '\r\n' <"$out")" ""
}

# --- others' programs ---

@test "the ordinary programs of this machine have nothing above info" {
	need_root
	local names
	names=$(find "$LAB" -type f -perm /111 -exec basename {} \; | sort -u | jq -R . | jq -s .)
	inspect --all
	# Not those of a lab, wherever it was built or copied to, nor rseqctl, whose checks do it on purpose, nor one that was told to do without rseq.
	jq --argjson names "$names" '
		def base: split("/") | last | sub(" \\(deleted\\)$"; "");
		[.processes[] | select(.exe != null and (.exe | test("/lab/|/bats-run-") | not)
			and (.exe | base | IN("rseqctl", $names[]) | not)
			and (.tunables // "" | contains("rseq") | not)
			and (.ld_preload // "") == "" and (.ld_audit // "") == "") | .pid] as $ordinary
		| {ordinary: $ordinary, found: [.findings[] | select(.severity != "info" and (.subject.pid | IN($ordinary[])))]}' \
		"$JSON" >"$BATS_TEST_TMPDIR/ordinary"
	cat "$BATS_TEST_TMPDIR/ordinary"
	jq -e ".ordinary | index($$)" "$BATS_TEST_TMPDIR/ordinary" # this shell is one of them
	is "$(jq '.found | length' "$BATS_TEST_TMPDIR/ordinary")" 0
}

# quiet FILE PROGRAM [VAR=VALUE]: libc owns, and nothing else is said; without libc nobody owns.
quiet() {
	local file=$1 program=$2 vars=("${@:3}") method
	compgen -G "/usr/lib/*/$file" >/dev/null || skip "no $file: its package is not there"
	[ -x "$LAB/$program" ] || skip "no $program: the lab was built without $file"
	lab "${vars[@]}" "$program" 3
	grep -qF "/$file" "/proc/$LAB_PID/maps" # or it would be any program
	for method in $(methods) none; do
		inspect --method "$method" "$LAB_PID"
		is "$method $status" "$method 0"
		is "$(json '.processes[0].owner | "\(.kind) \(.name)"')" "libc glibc"
		is "$(json '[.findings[].id] | join(" ")')" ""
		is "$(json '.processes[0].unknown | map(.what) | map(select(startswith("threads") | not)) | join(" ")')" ""
		[ "$method" = none ] || matches_testimony
	done
	lab_stop
	lab "$R0" "${vars[@]}" "$program" 3
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$method $status" "$method 1"
		is "$(json '.processes[0].owner | "\(.kind) \(.name)"')" "none null"
		is "$(json '[.findings[] | "\(.id) \(.severity)"] | join(", ")')" "libc-disabled warning"
		matches_testimony
	done
	# its memory cannot tell that nobody does, but it names nobody either
	inspect --method none "$LAB_PID"
	is "$(json '.processes[0].owner.kind')" null
	is "$(json '[.findings[] | .id] - ["libc-disabled"] | length')" 0
}

@test "preloaded: gperftools' tcmalloc, which is not the one with rseq" {
	quiet libtcmalloc_minimal.so.4 threads LD_PRELOAD=libtcmalloc_minimal.so.4
}

@test "linked: gperftools' tcmalloc, which is not the one with rseq" {
	quiet libtcmalloc_minimal.so.4 threads-libtcmalloc_minimal.so.4
}

@test "preloaded: jemalloc" {
	quiet libjemalloc.so.2 threads LD_PRELOAD=libjemalloc.so.2
}

@test "linked: jemalloc" {
	quiet libjemalloc.so.2 threads-libjemalloc.so.2
}

@test "preloaded: mimalloc" {
	quiet libmimalloc.so.2 threads LD_PRELOAD=libmimalloc.so.2
}

@test "linked: mimalloc" {
	quiet libmimalloc.so.2 threads-libmimalloc.so.2
}

@test "preloaded: lttng-ust" {
	quiet liblttng-ust.so.1 threads LD_PRELOAD=liblttng-ust.so.1
}

@test "linked: lttng-ust" {
	quiet liblttng-ust.so.1 threads-liblttng-ust.so.1
}

@test "preloaded: liburcu" {
	quiet liburcu.so.8 threads LD_PRELOAD=liburcu.so.8
}

@test "linked: liburcu" {
	quiet liburcu.so.8 threads-liburcu.so.8
}
