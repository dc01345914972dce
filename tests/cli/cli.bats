#!/usr/bin/env bats
# Arguments, statuses, formats and messages.
load ../lib/lab

# The commands that this build has.
commands() {
	"$RSEQCTL" --help | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+) .*/\1/p'
}

@test "help goes to stdout with status 0, wrong usage to stderr with status 2" {
	local args
	for args in --help "inspect --help" "stress --help" "check --help" "explain --help" "version --help" --usage --version; do
		# shellcheck disable=SC2086 # words are meant
		"$RSEQCTL" $args >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
		[ -s "$BATS_TEST_TMPDIR/out" ]
		[ ! -s "$BATS_TEST_TMPDIR/err" ]
	done
	for args in "" nonsense "inspect" "inspect x" "inspect 0" "inspect -1" "inspect 1 --all" \
		"inspect --method x 1" "inspect --probe-kernel always 1" "inspect --format yaml 1" "inspect --all --method ptrace" \
		"explain a b" "explain nonsense" "version x" "inspect --color maybe 1" "inspect --sample 0 1" "inspect --sample 1s 1" "inspect --all --sample 1" "inspect --expect-owner glbic 1" "--nonsense" \
		"inspect --fail-on none 1" "inspect --fail-on fatal 1" "inspect --ignore nonsense 1" \
		"stress x" "stress --threads 0" "stress --threads 65537" "stress --duration 0" "stress --duration 1s" \
		"stress --duration 1.2345" "stress --duration 1." "stress --workload nonsense" "stress --workload counter," "stress --disturb nonsense" \
		"stress --disturb none,yield" "stress --inject nonsense" "stress --inject few-cpus --workload counter" \
		"stress --owner me" "stress --owner libc --length 64" "stress --length 31" "stress --cpus x" "stress --cpus 1-0" "stress --cpus 0," \
		"stress --cpus 4096" "stress --ops 0" "stress --ops 1 --duration 1" "stress --seed x" "stress --min-aborts -1" \
		"stress --compare --inject no-section" "stress --compare --format tap" "stress --format sarif" \
		"check x" "check --only nonsense" "check --only syscall," "check --only=" "check --skip nonsense" "check --only abor" \
		"stress --duration ." "stress --duration 1000000.001" "stress --output=" "check --output=" \
		"check --inject nonsense" "check --timeout 0" "check --timeout 1s" "check --timeout 3601" "check --format sarif" \
		"version --format tap" "explain --format junit" "inspect --format tap 1" \
		"inspect --ignore libc-disabled, 1" "inspect --ignore libc-disabled,mixed 1" "inspect --ignore= 1"; do
		status=0
		# shellcheck disable=SC2086
		"$RSEQCTL" $args >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
		echo "$args: $status"
		is "$status" 2
		[ ! -s "$BATS_TEST_TMPDIR/out" ]
		[ -s "$BATS_TEST_TMPDIR/err" ]
	done
}

@test "wrong usage of trace is said before anything is traced" {
	commands | grep -qx trace || skip "built without trace"
	local args
	for args in "-p 0" "-p x" "--pid=-1" "-t 0" "-d 0" "-d 1s" "-d 1.2.3" "-d -1" "-n 0" "-n x" "--interval 0" \
		"--interval 0.01" "--comm=" "--comm 1234567890123456" "--events --summary" "--summary --events" \
		"-n 1 --summary" "--children" "--children -t 1" "-p 1 -- true" "-t 1 true" "--" "4711" \
		"--comm=*a*" "--comm=a --comm=b" "--cgroup=/a --cgroup=/b" "-d 1e3" "--output=" \
		"--fail-on none" "--format yaml" "--nonsense -- true" "-p"; do
		status=0
		# shellcheck disable=SC2086 # words are meant
		"$RSEQCTL" trace $args >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
		echo "$args: $status"
		is "$status" 2
		[ ! -s "$BATS_TEST_TMPDIR/out" ]
		[ -s "$BATS_TEST_TMPDIR/err" ]
	done
	run "$RSEQCTL" trace 4711
	[[ "$output" == *"-p 4711"* ]]
	# the range is said: 0.01 is a number of seconds
	run "$RSEQCTL" trace --interval 0.01
	[[ "$output" == *"from 0.05 to "*"not '0.01'"* ]]
	run "$RSEQCTL" trace --duration 0
	[[ "$output" == *"from 0.000000001 to "* ]]
}

@test "a mistyped word is answered with the nearest one" {
	run "$RSEQCTL" inspct
	[[ "$output" == *"did you mean 'inspect'?"* ]]
	run "$RSEQCTL" explain mixed-ovner
	[[ "$output" == *"did you mean 'mixed-owner'?"* ]]
	run "$RSEQCTL" inspect --expect-owner glbic 1
	[[ "$output" == *"did you mean 'glibc'?"* ]]
	run "$RSEQCTL" inspect --ignore libc-disabled,mixed-ovner 1
	[[ "$output" == *"did you mean 'mixed-owner'?"* ]]
	# where nothing is right there is nothing near
	run "$RSEQCTL" stress --disturb x
	is "$(grep -c "did you mean" <<<"$output")" 0
	run "$RSEQCTL" stress --workload conter
	[[ "$output" == *"did you mean 'counter'?"* ]]
	run "$RSEQCTL" check --only ptrase
	[[ "$output" == *"did you mean 'ptrace'?"* ]]
	run "$RSEQCTL" check --only syscall,sress
	[[ "$output" == *"did you mean 'stress'?"* ]]
	run "$RSEQCTL" explain ptrase
	[[ "$output" == *"did you mean 'ptrace'?"* ]]
	run "$RSEQCTL" xyzzy
	[[ "$output" != *"did you mean"* ]]
}

@test "output that cannot be written is status 4" {
	run "$RSEQCTL" inspect $$ --output /nonexistent/x
	is "$status" 4
	[ -w /dev/full ] || skip "no /dev/full"
	status=0
	"$RSEQCTL" explain >/dev/full 2>/dev/null || status=$?
	is "$status" 4
}

@test "--output writes there and nowhere else" {
	run "$RSEQCTL" version --json --output "$BATS_TEST_TMPDIR/v"
	is "$output" ""
	is "$(jq -r .command "$BATS_TEST_TMPDIR/v")" version
}

has_files() { # has_files DIR N
	[ "$(ls -A "$1" | wc -l)" -eq "$2" ]
}

@test "an output file is whole or as it was" {
	local dir=$BATS_TEST_TMPDIR/d n
	mkdir "$dir"
	echo old >"$dir/file"
	chmod 640 "$dir/file"
	ln -s file "$dir/link"
	# nobody sees a part of it, the mode stays, and a link is followed
	"$RSEQCTL" explain --json --output "$dir/link"
	[ -L "$dir/link" ]
	jq -e '.command == "explain"' "$dir/file"
	is "$(stat -c %a "$dir/file")" 640
	is "$(ls -A "$dir" | tr '\n' ' ')" "file link "
	# what cannot be written whole leaves the old one
	echo old >"$dir/file"
	status=0
	(ulimit -f 1 && exec "$RSEQCTL" explain --json --output "$dir/file") 2>"$BATS_TEST_TMPDIR/err" || status=$?
	is "$status" 4
	grep -q 'cannot write the output: File too large' "$BATS_TEST_TMPDIR/err"
	is "$(cat "$dir/file")" old
	# and nothing beside it: the process that takes it away may need a moment
	soon has_files "$dir" 2
	is "$(ls -A "$dir" | tr '\n' ' ')" "file link "
	# nor does one that is killed
	"$RSEQCTL" stress --json --duration 100 --output "$dir/file" 2>/dev/null 3>&- &
	n=$!
	soon has_files "$dir" 3
	is "$(ls -A "$dir" | grep -c '^\.file\.')" 1
	kill -KILL "$n"
	soon has_files "$dir" 2
	is "$(ls -A "$dir" | tr '\n' ' ')" "file link "
	is "$(cat "$dir/file")" old
	# a pipe, and what /dev names, are written in place
	mkfifo "$dir/pipe"
	"$RSEQCTL" version --json --output "$dir/pipe" &
	jq -e '.command == "version"' "$dir/pipe"
	[ -p "$dir/pipe" ]
	is "$("$RSEQCTL" version --json --output /dev/stdout | jq -r .command)" version
}

@test "an output file in a folder of another user, and one that may not be written" {
	need_root
	dir=$(mktemp -d)
	chown "$NOBODY" "$dir"
	chmod 755 "$dir"
	# inspect gives its privileges up before it writes
	"$RSEQCTL" inspect $$ --json --output "$dir/file"
	jq -e '.command == "inspect"' "$dir/file"
	cp "$RSEQCTL" "$dir/rseqctl"
	chmod 755 "$dir/rseqctl"
	status=0
	as_nobody "$dir/rseqctl" version --output "$dir/file" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	is "$status" 4
	grep -q 'Permission denied' "$BATS_TEST_TMPDIR/err"
	jq -e '.command == "inspect"' "$dir/file"
	# written in place where the folder is not
	chown root "$dir"
	chown "$NOBODY" "$dir/file"
	as_nobody "$dir/rseqctl" version --json --output "$dir/file"
	jq -e '.command == "version"' "$dir/file"
	# a mount point cannot be replaced
	echo old >"$dir/mounted"
	unshare -m sh -c "touch '$dir/point' && mount --bind '$dir/mounted' '$dir/point'" 2>/dev/null || skip "no mounts"
	unshare -m sh -c "mount --bind '$dir/mounted' '$dir/point' && '$RSEQCTL' version --json --output '$dir/point'"
	jq -e '.command == "version"' "$dir/mounted"
}

@test "common options stand before the command or after it" {
	is "$("$RSEQCTL" --json version)" "$("$RSEQCTL" version --json)"
	lab threads 1
	is "$("$RSEQCTL" -q inspect "$LAB_PID" | wc -l)" 1
}

@test "a terminal of 80 columns is not overrun" {
	command -v script >/dev/null || skip "no script(1)"
	lab threads 2
	TERM=xterm script -qec "stty cols 80; $RSEQCTL inspect --color never $LAB_PID" /dev/null 8>&- </dev/null >"$BATS_TEST_TMPDIR/out"
	grep -q 'SYMBOL' "$BATS_TEST_TMPDIR/out"
	is "$(tr -d '\r' <"$BATS_TEST_TMPDIR/out" | sed 1d | awk 'length > 80' | wc -l)" 0
}

@test "version says what was built in" {
	run "$RSEQCTL" version --json
	is "$status" 0
	is "$(jq -r .version <<<"$output")" "$("$RSEQCTL" --version | cut -d ' ' -f 2)"
	jq -e '.features.bpf == true and .features.static == false' <<<"$output"
}

@test "explain knows every finding, in text and JSON" {
	local id n
	n=$("$RSEQCTL" explain -q | wc -l)
	[ "$n" -ge 7 ]
	"$RSEQCTL" explain --json | jq -e ".findings | length == $n and all(.[]; .id and .title and .severity and .story and .advice)"
	for id in $("$RSEQCTL" explain -q); do
		"$RSEQCTL" explain "$id" | grep -q '^severity: '
		"$RSEQCTL" explain "$id" --json | jq -e ".findings[0].id == \"$id\""
	done
}

@test "explain lists the findings by table, with the severities that each can have" {
	"$RSEQCTL" explain >"$BATS_TEST_TMPDIR/list"
	is "$(head -n 1 "$BATS_TEST_TMPDIR/list")" "Ownership and conflicts in a process"
	# checks have a table of their own behind them
	is "$(sed '1,/^Checks$/d' "$BATS_TEST_TMPDIR/list" | awk '{ print $1 }')" "$("$RSEQCTL" check --list -q)"
	sed -i '/^Checks$/,$d' "$BATS_TEST_TMPDIR/list"
	# the same findings, tables and severities as in the JSON
	"$RSEQCTL" explain --json >"$BATS_TEST_TMPDIR/json"
	is "$(awk '/^  / { print $1 }' "$BATS_TEST_TMPDIR/list" | sort)" "$(jq -r '.findings[].id' "$BATS_TEST_TMPDIR/json" | sort)"
	is "$(awk '/^  / { print $1 }' "$BATS_TEST_TMPDIR/list" | sort)" "$("$RSEQCTL" explain -q | sort)"
	is "$(grep -c '^[A-Z]' "$BATS_TEST_TMPDIR/list")" "$(jq '[.findings[].table] | unique | length' "$BATS_TEST_TMPDIR/json")"
	is "$(sed -nE 's/^  [a-z-]+ +((error|warning|info)(, (error|warning|info))*) .*/\1/p' "$BATS_TEST_TMPDIR/list" | sort)" \
		"$(jq -r '.findings[].severities | join(", ")' "$BATS_TEST_TMPDIR/json" | sort)"
	grep -qE '^  thread-unregistered +warning, info +a thread is' "$BATS_TEST_TMPDIR/list"
	grep -qE '^  not-started +info +an object' "$BATS_TEST_TMPDIR/list"
}

teardown() {
	lab_stop
	[ -z "${dir:-}" ] || rm -rf "$dir"
}

# letters FILE: without blanks and line breaks, which the formatter puts where it likes
letters() {
	sed 's/.\x08//g' "$1" | tr -d '[:space:]'
}

@test "the manual of the findings says what explain says" {
	mandoc -T utf8 "$TESTS/../man/rseqctl-findings.7" >"$BATS_TEST_TMPDIR/man"
	letters "$BATS_TEST_TMPDIR/man" >"$BATS_TEST_TMPDIR/letters"
	local id said
	for id in $("$RSEQCTL" explain -q); do
		"$RSEQCTL" explain --json "$id" >"$BATS_TEST_TMPDIR/json"
		for said in title severity story advice; do
			jq -r ".findings[0].$said" "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/said"
			# the page begins sentences with a capital
			grep -qiF -- "$(letters "$BATS_TEST_TMPDIR/said")" "$BATS_TEST_TMPDIR/letters" || {
				echo "$id: the manual does not have its $said"
				return 1
			}
		done
	done
	is "$(grep -c '^\.SS' "$TESTS/../man/rseqctl-findings.7")" "$("$RSEQCTL" explain -q | wc -l)"
}

@test "colour only when asked for, or on a terminal" {
	lab "$R0" threads 1
	is "$("$RSEQCTL" inspect "$LAB_PID" | grep -c $'\033')" 0
	"$RSEQCTL" inspect --color always "$LAB_PID" | grep -q $'\033'
	is "$("$RSEQCTL" inspect --color never "$LAB_PID" | grep -c $'\033')" 0
}

@test "every option of --help is in the man page, and the other way round" {
	local cmd page
	for cmd in $(commands); do
		page=$TESTS/../man/rseqctl-$cmd.1
		[ -f "$page" ]
		"$RSEQCTL" "$cmd" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u >"$BATS_TEST_TMPDIR/help"
		MANWIDTH=200 mandoc -T utf8 "$page" | sed 's/.\x08//g' | awk '/^OPTIONS/ { on = 1; next } /^[A-Z]/ { on = 0 } on' |
			grep -oE -- '^ +(-[a-zA-Z?], )?--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u >"$BATS_TEST_TMPDIR/man"
		diff "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/man"
	done
}

@test "man pages are well-formed" {
	local page
	for page in "$TESTS"/../man/*.[1-8]; do
		mandoc -T lint -W warning "$page"
	done
}

# complete WORD...: what bash offers for the last word
complete_words() {
	(
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		PATH=$(dirname "$RSEQCTL"):$PATH
		# shellcheck source=/dev/null
		. "$TESTS/../completions/rseqctl.bash"
		_rseqctl
		printf '%s\n' "${COMPREPLY[@]}" | sort
	)
}

@test "bash completes commands, options, words and findings" {
	is "$(complete_words rseqctl "" | tr '\n' ' ')" "check explain inspect stress trace version "
	is "$(complete_words rseqctl in)" inspect
	is "$(complete_words rseqctl inspect --method "" | tr '\n' ' ')" "auto bpf none ptrace "
	is "$(complete_words rseqctl inspect --method = p)" ptrace
	is "$(complete_words rseqctl inspect --probe-kernel "" | tr '\n' ' ')" "auto never "
	is "$(complete_words rseqctl stress --workload counter,li)" counter,list
	is "$(complete_words rseqctl stress --inject no-s)" no-section
	is "$(complete_words rseqctl stress --owner "" | tr '\n' ' ')" "libc self "
	is "$(complete_words rseqctl stress --format "" | tr '\n' ' ')" "json junit tap text "
	is "$(complete_words rseqctl inspect --format "" | tr '\n' ' ')" "json text "
	is "$(complete_words rseqctl --color a | tr '\n' ' ')" "always auto "
	is "$(complete_words rseqctl explain "" | wc -l)" "$({ "$RSEQCTL" explain -q; "$RSEQCTL" check --list -q; echo abort; echo stress; } | wc -l)"
	is "$(complete_words rseqctl check --only syscall,ptr)" syscall,ptrace
	is "$(complete_words rseqctl check --skip stre | wc -l)" "$(("$("$RSEQCTL" check --list -q | grep -c ^stress-)" + 1))"
	is "$(complete_words rseqctl check --inject no)" no-section
	is "$(complete_words rseqctl check --format "" | tr '\n' ' ')" "json junit openmetrics tap text "
	complete_words rseqctl inspect "" | grep -qx $$
	is "$(complete_words rseqctl inspect --ignore mixed-ow)" mixed-owner
	is "$(complete_words rseqctl inspect --ignore not-started,mixed-ow)" not-started,mixed-owner
	local cmd
	for cmd in $(commands); do
		is "$(complete_words rseqctl "$cmd" -- | tr '\n' ' ')" \
			"$("$RSEQCTL" "$cmd" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u | tr '\n' ' ')"
	done
}

@test "zsh and fish have the same options and words" {
	local cmd option word
	for cmd in $(commands); do
		for option in $("$RSEQCTL" "$cmd" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
			grep -qE -- "$option(=|\\[|\\})" "$TESTS/../completions/_rseqctl"
			grep -E -- "('__fish_seen_subcommand_from $cmd'|'not __fish_seen|^complete -c rseqctl (-s [^ ]+ )?-l)" "$TESTS/../completions/rseqctl.fish" |
				grep -qE -- "-l ${option#--}( |$)"
		done
		for word in $(grep -E "seen_subcommand_from $cmd'" "$TESTS/../completions/rseqctl.fish" | grep -oE -- '-l [a-z-]+' | cut -c 4- | sort -u); do
			"$RSEQCTL" "$cmd" --help | grep -q -- "--$word"
		done
	done
	for word in "auto bpf ptrace none" "auto always never" "error warning info never" "glibc tcmalloc librseq libc object raw mixed none"; do
		is "$(grep -lF "$word" "$TESTS"/../completions/* | wc -l)" 3
	done
}

@test "help names each command's own formats" {
	[[ "$("$RSEQCTL" stress --help)" == *"--format=FORMAT        text, json, tap, junit"* ]]
	[[ "$("$RSEQCTL" check --help)" == *"text, json, tap, junit, openmetrics"* ]]
	[[ "$("$RSEQCTL" explain --help)" == *"--format=FORMAT        text, json"* ]]
	is "$("$RSEQCTL" --help | grep -cE '.{80}|[[:space:]]$')" 0
	# each command of the list on one line
	is "$("$RSEQCTL" --help | sed '1,/^Commands:/d;/^$/,$d' | grep -cvE '^  [a-z]+ ')" 0
}
