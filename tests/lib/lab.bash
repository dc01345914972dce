# For bats files: the program under test, and the lab.
# RSEQCTL is the binary, LAB the directory of the lab's programs; tests/run.sh sets both,
# and a suite that is run by hand takes those of build/.

R0=GLIBC_TUNABLES=glibc.pthread.rseq=0
TESTS=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
: "${RSEQCTL:=$TESTS/../build/rseqctl}" "${LAB:=$TESTS/../build/lab}"

# What starts a lab program with its variables.
LAB_ENV=(env)

# A user that nobody else is, not another run of the tests either: some tests count what a user has, or look at
# all of it. The three numbers after it are its as well.
NOBODY=$((10000 + BATS_ROOT_PID % 12500 * 4))

# soon CONDITION ARG...: waits until it holds, for as long as a slow machine may need.
soon() {
	local _
	for _ in $(seq 3000); do
		! "$@" || return 0
		sleep 0.02
	done
	"$@"
}

# said FILE: whether there is a whole line in it. What a program writes may come in pieces.
said() {
	local _
	{ read -r _ <"$1"; } 2>/dev/null
}

# members PGID: of a process group, without those that only wait to be reaped. (ps -g would ask for a session.)
members() {
	ps -eo pgid=,stat=,pid= | awk -v g="$1" '$1 == g && $2 !~ /^Z/ { print $3 }'
}

# gone GROUP: nobody is left in it.
gone() {
	[ -z "$(members "$1")" ]
}

# said_or_ended FILE PID: nothing more is to be waited for.
said_or_ended() {
	said "$1" || ! kill -0 "$2" 2>/dev/null
}

# lab [VAR=VALUE...] PROGRAM ARG...: starts it and waits for its testimony ($LAB_OUT, $LAB_PID).
lab() {
	local vars=() name
	while [[ $1 == *=* ]]; do
		vars+=("$1")
		shift
	done
	name=$1
	shift
	LAB_DIR=$(mktemp -d "$BATS_TEST_TMPDIR/lab.XXXXXX")
	LAB_OUT=$LAB_DIR/out
	mkfifo "$LAB_DIR/in"
	"${LAB_ENV[@]}" "${vars[@]}" "${LAB_BIN:-$LAB}/$name" "$@" <"$LAB_DIR/in" >"$LAB_OUT" 2>"$LAB_DIR/err" 3>&- &
	LAB_CHILD=$!
	exec 8>"$LAB_DIR/in"
	soon said_or_ended "$LAB_OUT" "$LAB_CHILD"
	if ! said "$LAB_OUT"; then
		echo "$name did not start: $(cat "$LAB_DIR/err")" >&2
		return 1
	fi
	if jq -e .skip "$LAB_OUT" >/dev/null; then
		skip "$(jq -r .skip "$LAB_OUT")"
	fi
	LAB_PID=$(head -n 1 "$LAB_OUT" | jq .pid)
}

more_lines() { # more_lines FILE N: than that
	[ "$(wc -l <"$1")" -gt "$2" ]
}

# Asks the lab program for its counters: one JSON line on stdout.
lab_report() {
	local before
	before=$(wc -l <"$LAB_OUT")
	echo report >&8
	soon more_lines "$LAB_OUT" "$before"
	tail -n 1 "$LAB_OUT"
}

lab_stop() {
	exec 8>&- || true
	[ -z "${LAB_CHILD:-}" ] || wait "$LAB_CHILD" 2>/dev/null || true
	LAB_CHILD=
}

# inspect ARG...: status in $status, JSON in $JSON, messages in $ERR.
inspect() {
	JSON=$BATS_TEST_TMPDIR/json ERR=$BATS_TEST_TMPDIR/err status=0
	# What never comes back is ended here, with a status that is none of rseqctl's.
	timeout 120 "$RSEQCTL" inspect --json "$@" >"$JSON" 2>"$ERR" 8>&- || status=$?
	[ "$status" -le 4 ] || {
		echo "rseqctl ended with $status" >&2
		cat "$ERR" >&2
		return 1
	}
}

# json FILTER: what the last inspect said, raw.
json() {
	jq -r "$1" "$JSON"
}

# finding ID: its severity in the last inspect, empty when it was not reported.
finding() {
	jq -r --arg id "$1" '[.findings[] | select(.id == $id) | .severity] | unique | join(",")' "$JSON"
}

# quiet_but [ID...]: above info there is each of these, in order of the alphabet, and nothing else; and the
# status goes with it.
quiet_but() {
	is "$(json '[.findings[] | select(.severity != "info") | .id] | unique | join(" ")')" "$*"
	is "$status" "$(($# > 0))"
}

# is WHAT EXPECTED: compares and says both.
is() {
	[ "$1" = "$2" ] || {
		printf 'expected: %s\nfound:    %s\n' "$2" "$1" >&2
		return 1
	}
}

# The ways to ask the kernel that it has: 5.10 to 5.12 have no PTRACE_GET_RSEQ_CONFIGURATION.
methods() {
	echo bpf
	"$RSEQCTL" inspect --json --method ptrace "$LAB_PID" 2>/dev/null | jq -r '.processes[0].method | select(. == "ptrace")'
}

# What id-fields-modified is here, for a registration of 32 bytes: 6.19 to 7.0.9 do not rewrite them.
ids_severity() {
	[ "$(json .host.rseq_class)" = rewrite ] && echo error || echo info
}

# The checks that fail on this kernel, in order of the alphabet, in one line. That stable kernels after these are
# mended is what makes the version no answer for rseqctl itself.
known_faults() {
	case $(uname -r)/$(uname -m) in
	6.19.*/x86_64) echo cpu_id_start ;;
	# 411c1cf43039: what the exit to user space relies on was not set on arm64, so that hardly anything aborts;
	# with the 32 bytes of the legacy mode, 7.0.10 and later do so when a signal is delivered
	6.19.*/aarch64)
		echo abort-membarrier abort-membarrier-long abort-migrate abort-migrate-long abort-preempt abort-preempt-long \
			abort-signal abort-signal-long cpu_id_start
		;;
	7.0.13+*/aarch64)
		echo abort-membarrier abort-membarrier-long abort-migrate abort-migrate-long abort-preempt abort-preempt-long \
			abort-signal-long
		;;
	esac
}

# is_known ID: whether it is one of them.
is_known() {
	[[ " $(known_faults) " == *" $1 "* ]]
}

# The findings of a check that go with them.
known_findings() {
	local found=()
	! is_known cpu_id_start || found+=(kernel-breaks-tcmalloc)
	! is_known abort-preempt || found+=(kernel-misses-aborts)
	echo "${found[*]}"
}

# failed: what failed in the check of $JSON, as known_faults has it. Where sections go on that should be aborted,
# without the workloads of stress: which of them notices is chance.
failed() {
	local chance='^$'
	! is_known abort-preempt || chance=^stress-
	jq -r --arg c "$chance" '[.checks[] | select(.verdict == "fail").id | select(test($c) | not)] | sort | join(" ")' "$JSON"
}

# as_known: a check with the fields $JSON and $status failed in what this kernel is known to break, and in nothing else.
as_known() {
	is "$(failed)" "$(known_faults)"
	is "$status" "$([ -z "$(known_faults)" ] && echo 0 || echo 1)"
}

# The exit status that goes with a severity.
status_of() {
	case $1 in
	warning | error) echo 1 ;;
	*) echo 0 ;;
	esac
}

# Every thread as the lab program testifies it: registration, place, object, thread pointer.
matches_testimony() {
	jq -e --slurpfile t <(head -n 1 "$LAB_OUT") -f "$TESTS/lib/testimony.jq" "$JSON"
}

# prove_strictly FILE: reads TAP in which every line has to be some; else prove passes over what it does not know.
prove_strictly() {
	sed '1a pragma +strict' "$1" >"$1.strict"
	prove --exec cat "$1.strict"
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

# as_nobody COMMAND...: without any privilege.
as_nobody() {
	setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups --bounding-set=-all --inh-caps=-all "$@"
}

# lab_as_nobody COMMAND...: a lab program of that user, in the folder $dir that everybody may write to;
# its testimony is in $dir/out, and fd 8 its input.
lab_as_nobody() {
	mkfifo "$dir/in"
	chmod a+rw "$dir/in"
	as_nobody "$@" <"$dir/in" >"$dir/out" 3>&- &
	exec 8>"$dir/in"
	soon said_or_ended "$dir/out" "$!"
	said "$dir/out"
}

teardown() {
	lab_stop
}
