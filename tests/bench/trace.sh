#!/bin/bash
# What it costs to be traced. The storm (some 12,000 aborts a second on one CPU) and a load that
# only switches and makes system calls, alone and traced by turns, first one and then the other; and
# the time that each BPF program takes. Ratios of neighbours, so that a slow machine is no slow trace.
#
# usage: trace.sh [storm] [peers] [pipe] [kernel]: all; PAIRS, PEER_PAIRS and STORM_MS choose how much
set -eu
cd "$(dirname "$0")/../.."
pairs=${PAIRS:-15} peer_pairs=${PEER_PAIRS:-5} ms=${STORM_MS:-400}
dir=$(mktemp -d)
switch=/proc/sys/kernel/bpf_stats_enabled
stats=$(cat $switch 2>/dev/null || echo 0)
tracer=
finish() {
	[ -z "$tracer" ] || kill "$tracer" 2>/dev/null || true
	[ ! -w $switch ] || echo "$stats" >$switch
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

skip() { echo "skip: $*"; }
have() { command -v "$1" >/dev/null 2>&1 || { skip "$1 is not installed: make deps-bench"; false; }; }
quartiles() { # quartiles NAME: the median and, in brackets, the middle half
	sort -n "$dir/$1" | awk '{ v[NR] = $1 } END {
		printf "%s  [%s..%s]", v[int((NR + 1) / 2)], v[int((NR + 3) / 4)], v[int((3 * NR + 3) / 4)] }'
}

# --- loads: each leaves its throughput in a file ---

storm=("$O/bench/storm" "$ms" "$dir/storm")
run_storm() { # run_storm [TRACER...]
	rm -f "$dir/storm"
	"$@" "${storm[@]}"
	cut -d ' ' -f 1 "$dir/storm" >"$dir/throughput"
	cut -d ' ' -f 2 "$dir/storm" >>"$dir/aborts"
}
run_pipe() { # run_pipe [TRACER...]
	"$@" taskset -c "$(($(nproc) - 1))" perf bench -f simple sched pipe -l 100000 >"$dir/seconds"
	awk '{ print 1 / $1 }' "$dir/seconds" >"$dir/throughput"
}

# --- tracers: each is given a command ---

summary() { "$O/rseqctl" trace --aborts --summary -- "$@" >/dev/null; }
events_pipe() { "$O/rseqctl" trace --aborts --events -- "$@" | tail -n 50 | grep ' lost, ' >>"$dir/lost"; }
events_file() {
	"$O/rseqctl" trace --aborts --events -- "$@" >"$dir/events"
	tail -n 50 "$dir/events" | grep ' lost, ' >>"$dir/lost"
}
bt() { # bt ACTION COMMAND...
	local action=$1
	shift
	bpftrace -c "$*" -e "tracepoint:rseq:rseq_ip_fixup { $action }" >/dev/null 2>&1
}
perf_trace() { perf trace -a --no-syscalls -e rseq:rseq_ip_fixup -o "$dir/perf" -- "$@" >/dev/null 2>&1; }
beside() { # beside OPTIONS COMMAND...: all of the machine is traced meanwhile
	local options=$1
	shift
	rm -f "$dir/start"
	# shellcheck disable=SC2086 # words are meant
	"$O/rseqctl" trace --json $options >"$dir/start" &
	tracer=$!
	until [ -s "$dir/start" ]; do sleep 0.02; done
	"$@"
	kill "$tracer"
	wait "$tracer"
	tracer=
}

# --- pairs ---

compare() { # compare LABEL PAIRS LOAD [TRACER...]: the load's throughput alone is 100 %
	local label=$1 n=$2 load=$3 i turn alone traced
	shift 3
	rm -f "$dir/kept"
	for i in $(seq "$n"); do
		for turn in $((i % 2)) $(((i + 1) % 2)); do
			if [ "$turn" = 0 ]; then
				"$load"
				alone=$(cat "$dir/throughput")
			else
				"$load" "$@"
				traced=$(cat "$dir/throughput")
			fi
		done
		awk "BEGIN { if ($alone > 0) printf \"%.1f\n\", 100 * $traced / $alone }" >>"$dir/kept"
	done
	printf '  %-36s %s %%' "$label" "$(quartiles kept)"
}
bound() { echo "   (bound: $1)"; }

part_storm() {
	rm -f "$dir/aborts" "$dir/lost"
	echo "the storm's throughput when it is traced, of untraced: medians of $pairs pairs [quartiles]"
	compare "control: untraced" "$pairs" run_storm; echo
	compare "rseqctl trace --summary" "$pairs" run_storm summary; bound 97
	compare "rseqctl trace --events, into a pipe" "$pairs" run_storm events_pipe; bound 95
	compare "rseqctl trace --events, into a file" "$pairs" run_storm events_file; bound 95
	echo "  aborts in $ms ms: $(quartiles aborts)"
	awk '{ n += $1; lost += $6 } END { printf "  events: %d aborts, %d lost\n", n, lost }' "$dir/lost"
}

part_peers() {
	echo "the same below its peers: medians of $peer_pairs pairs [quartiles]"
	if have bpftrace; then
		compare "bpftrace count()" "$peer_pairs" run_storm bt '@ = count();'; echo
		compare "bpftrace count() by process, section" "$peer_pairs" run_storm bt '@[comm, pid, args->start_ip] = count();'; echo
		compare "bpftrace printf()" "$peer_pairs" run_storm bt 'printf("%s %d %lx\n", comm, pid, args->start_ip);'; echo
	fi
	! have perf || { compare "perf trace" "$peer_pairs" run_storm perf_trace; echo; }
}

part_pipe() {
	have perf || return 0
	echo "perf bench sched pipe on one CPU, all of the machine traced: medians of $pairs pairs [quartiles]"
	compare "control: untraced" "$pairs" run_pipe; echo
	compare "rseqctl trace --aborts --faults" "$pairs" run_pipe beside "--summary --aborts --faults"; bound 97
	compare "rseqctl trace --registrations" "$pairs" run_pipe beside "--summary --registrations"; echo
}

# --- the kernel's own clock ---

show_programs() { "${BPFTOOL:-bpftool}" prog show -j >"$dir/programs"; }
per_run() { # per_run NAME: what the youngest program of that name takes
	jq "map(select(.name == \"$1\" and .run_cnt > 0)) | last | .run_time_ns / .run_cnt | round" "$dir/programs"
}
storm_and_show() {
	rm -f "$dir/storm"
	"${storm[@]}"
	show_programs
}
abort_ns() { # abort_ns OPTIONS
	rm -f "$dir/ns"
	for _ in 1 2 3 4 5; do
		beside "--aborts $1" storm_and_show
		per_run trace_abort >>"$dir/ns"
	done
	printf '  %-36s %s ns' "rseqctl trace $1" "$(quartiles ns)"
}
peer_ns() { # peer_ns LABEL ACTION
	rm -f "$dir/ns"
	printf '%s\n' "${storm[*]}" "'${BPFTOOL:-bpftool}' prog show -j >$dir/programs" >"$dir/script"
	for _ in 1 2 3 4 5; do
		bt "$2" /bin/sh "$dir/script"
		per_run rseq_ip_fixup >>"$dir/ns"
	done
	printf '  %-36s %s ns\n' "$1" "$(quartiles ns)"
}
busy_and_show() { # what the other programs watch for
	for kind in signal membarrier migrate; do
		"$O/lab/aborts" "$kind" --seconds 1 </dev/null >/dev/null
	done
	show_programs
}

part_kernel() {
	[ -w $switch ] || { skip "there is no kernel.bpf_stats_enabled"; return 0; }
	echo 1 >$switch
	echo "BPF time per abort: medians of 5 storms [quartiles]"
	abort_ns "--summary"; bound 400
	abort_ns "--summary --stack"; bound 1300
	abort_ns "--summary --no-cause"; echo
	abort_ns "--events"; echo
	if have bpftrace; then
		peer_ns "bpftrace count() by process, section" '@[comm, pid, args->start_ip] = count();'
		peer_ns "bpftrace count() by stack" '@[ustack] = count();'
	fi
	echo "BPF time of what else is hooked, per event of its own"
	beside "--summary --aborts --registrations --faults" busy_and_show
	for name in signal ipi migrate enter call; do
		printf '  %-36s %s ns\n' "trace_$name" "$(per_run "trace_$name")"
	done
	echo 0 >$switch
}

"$O/rseqctl" trace --aborts --summary -- true >/dev/null || { skip "nothing can be traced here"; exit 0; }
"${storm[@]}" || { skip "no storm, so nothing is measured"; exit 0; }
[ ! -w $switch ] || echo 0 >$switch
[ $# -gt 0 ] || set -- storm peers pipe kernel
for part; do
	"part_$part"
done
