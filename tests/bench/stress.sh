#!/bin/bash
# The counter of stress against a bare rseq loop written by hand (x86-64), and against one shared atomic
# word, with 1 and 2 threads. CPU time per increment; medians; rounds alternate.
set -eu
cd "$(dirname "$0")/../.."
rounds=${ROUNDS:-7}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ "$(uname -m)" = x86_64 ] || {
	echo "the bare loop is written for x86-64"
	exit 0
}

median() { sort -n "$dir/$1" | sed -n "$((($(wc -l <"$dir/$1") + 1) / 2))p"; }
spread() { sort -n "$dir/$1" | sed -n '1p;$p' | paste -sd - | sed 's/-/../'; }
row() { printf '%-34s %8s ns  (%s)\n' "$2" "$(median "$1")" "$(spread "$1")"; }
ratio() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.2f", a / b }'; }

for threads in 1 2; do
	for _ in $(seq "$rounds"); do
		"$O/bench/bare_rseq" "$threads" 0.2 >"$dir/out"
		sed -n 1p "$dir/out" >>"$dir/bare$threads"
		"$O/rseqctl" stress --compare --threads "$threads" --duration 1 --json >"$dir/json"
		for way in rseq atomic-slot atomic-shared mutex getcpu-atomic; do
			jq -r ".compare[] | select(.method == \"$way\").ns_per_op" "$dir/json" >>"$dir/$way$threads"
		done
	done
	echo "an increment, $threads threads, medians of $rounds (range)"
	row "rseq$threads" "rseqctl stress: counter"
	row "bare$threads" "bare rseq loop"
	row "atomic-slot$threads" "atomic on the same slot"
	row "atomic-shared$threads" "atomic on one shared word"
	row "mutex$threads" "mutex"
	row "getcpu-atomic$threads" "sched_getcpu and atomic"
	echo "counter / bare loop: $(ratio "rseq$threads" "bare$threads")   (bound: 1.05)"
	[ "$threads" = 1 ] || echo "shared word / counter: $(ratio "atomic-shared$threads" "rseq$threads")   (bound: at least 5)"
done
