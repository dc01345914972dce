#!/bin/bash
# inspect on a process of 1,000 threads, against gdb and against a bare BPF iterator that dumps the
# same records. Ratios of medians; rounds alternate, so that what disturbs the machine disturbs all.
set -eu
cd "$(dirname "$0")/../.."
rounds=${ROUNDS:-7}
dir=$(mktemp -d)
mkfifo "$dir/in"
"$O/lab/threads" 1000 <"$dir/in" >"$dir/out" &
exec 8>"$dir/in"
trap 'exec 8>&-; rm -rf "$dir"' EXIT
until [ -s "$dir/out" ]; do sleep 0.05; done
pid=$(jq .pid "$dir/out")

timed() { # timed NAME COMMAND...: appends milliseconds to a file of that name
	local name=$1 start end
	shift
	start=${EPOCHREALTIME/[.,]/}
	"$@" >/dev/null 2>&1 8>&-
	end=${EPOCHREALTIME/[.,]/}
	echo $(((end - start) / 10)) >>"$dir/$name" # hundredths of a millisecond
}

median() { sort -n "$dir/$1" | sed -n "$((($(wc -l <"$dir/$1") + 1) / 2))p"; }
spread() { sort -n "$dir/$1" | awk 'NR == 1 { low = $1 } { high = $1 } END { printf "%.1f..%.1f", low / 100, high / 100 }'; }
row() { printf '%-34s %9.1f ms  (%s)\n' "$2" "$(($(median "$1")))e-2" "$(spread "$1")"; }
ratio() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.2f", a / b }'; }

for _ in $(seq "$rounds"); do
	timed bpf "$O/rseqctl" inspect "$pid"
	timed bare "$O/bench/bare_iter" "$pid"
	timed ptrace "$O/rseqctl" inspect --method ptrace "$pid"
	"$O/rseqctl" inspect --method ptrace --json "$pid" | jq '.processes[0].max_stop_ns / 10000 | floor' >>"$dir/stop"
	"$O/bench/peak" "$O/rseqctl" inspect "$pid" 2>>"$dir/peak" >/dev/null
done
if command -v gdb >/dev/null 2>&1; then
	# shellcheck disable=SC2016 # gdb's own variable
	for _ in 1 2 3; do
		timed gdb gdb -p "$pid" -batch -ex 'thread apply all x/8wx $fs_base+(long)__rseq_offset'
	done
fi

echo "a process of 1,000 threads, medians of $rounds (range)"
row bpf "rseqctl inspect"
row bare "bare BPF iterator, same records"
row ptrace "rseqctl inspect --method ptrace"
row stop "  longest stop of one thread"
[ ! -f "$dir/gdb" ] || row gdb "gdb -p ... thread apply all (3)"
echo "inspect / bare iterator: $(ratio bpf bare)   (bound: 2)"
[ ! -f "$dir/gdb" ] || echo "gdb / inspect: $(ratio gdb bpf)   (bound: 20)"
echo "peak memory of inspect and its helpers: $(median peak) KiB   (bound: 32768)"
