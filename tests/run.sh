#!/bin/sh
# Runs every suite, plain and under sanitizers; the last line is the sum. Called by make check.
set -u
cd "$(dirname "$0")/.." || exit 2
O=$(cd "$O" && pwd)
log=$O/check.tap
: >"$log"

suite() { # suite NAME COMMAND...: runs a TAP producer and keeps what it says
	name=$1
	shift
	echo "# $name"
	out=$O/suite.tap
	"$@" >"$out" 2>&1 </dev/null
	status=$?
	sed -nE "s#^(ok|not ok) [0-9]+#\1 $name:#p; /^#/p" "$out"
	sed -nE "s#^(ok|not ok) [0-9]+#\1 $name:#p" "$out" >>"$log"
	# A suite that died, said nothing, or less than it planned, has failed.
	planned=$(sed -nE 's/^1\.\.([0-9]+).*/\1/p' "$out")
	said=$(grep -cE '^(ok|not ok) [0-9]' "$out")
	if [ "$said" -eq 0 ] || [ "$said" != "$planned" ] || { [ "$status" -ne 0 ] && ! grep -q '^not ok' "$out"; }; then
		echo "not ok $name: the suite itself (status $status, $said of ${planned:-?} results)" | tee -a "$log"
		cat "$out"
	fi
}

suite lint/arrows sh tests/lint/arrows.sh
suite lint/spdx sh tests/lint/spdx.sh
for build in "$O" "$O/asan"; do
	variant=$([ "$build" = "$O" ] && echo plain || echo asan)
	export RSEQCTL="$build/rseqctl" LAB="$O/lab"
	for t in "$build"/tests/unit/*; do
		case $t in *.d) continue ;; esac
		suite "$variant/unit/$(basename "$t")" env CMOCKA_MESSAGE_OUTPUT=TAP "$t"
	done
	for t in areas audit check check-aborts check-kernel check-rules cli hostile inspect kinds stress users; do
		if [ "$variant" = asan ] && [ "$t" = cli ]; then
			continue # checks words and files, and one build of them is enough
		fi
		suite "$variant/$t" bats --tap "tests/cli/$t.bats"
	done
	for t in calls causes counts faults filters names session; do
		suite "$variant/trace/$t" bats --tap "tests/trace/$t.bats"
	done
done
RSEQCTL=$O/rseqctl
suite build bats --tap tests/cli/build.bats

failed=$(grep -c '^not ok' "$log")
skipped=$(grep '^ok' "$log" | grep -ci '# skip')
passed=$(($(grep -c '^ok' "$log") - skipped))
if [ "$failed" -gt 0 ]; then
	echo "# failed:"
	grep '^not ok' "$log" | sed 's/^/#   /'
fi
if [ "$skipped" -gt 0 ]; then
	echo "# skipped:"
	grep '^ok' "$log" | grep -i '# skip' | sed 's/^/#   /'
fi
# Run as root, the kernel's record is what the suite exists for.
if [ "$(id -u)" -eq 0 ] && ! grep '^ok plain/inspect: 1,000 threads' "$log" | grep -qv '# skip'; then
	[ "$failed" -gt 0 ] || failed=1
	echo "# the comparison of bpf and ptrace did not pass"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
