#!/usr/bin/env bats
# What the Makefile promises. Slow: each variant is built.
load ../lib/lab

setup_file() {
	export TOP
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export MAKEFLAGS=
}

build() {
	make -C "$TOP" -j2 "$@" >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		cat "$BATS_TEST_TMPDIR/log" >&2
		return 1
	}
}

@test "BPF=0 needs neither clang nor bpftool, and answers from memory" {
	local o=$BATS_TEST_TMPDIR/nobpf
	build all O="$o" BPF=0 CLANG=false BPFTOOL=false
	is "$(ldd "$o/rseqctl" | grep -c libbpf)" 0
	"$o/rseqctl" version --json | jq -e '.features.bpf == false'
	lab threads 2
	RSEQCTL=$o/rseqctl
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '.processes[0] | "\(.method) \(.owner.name) \(.owner.confidence)"')" "none glibc inferred"
	inspect --method ptrace "$LAB_PID"
	is "$(json '.processes[0].threads_registered')" 2
	inspect --method bpf "$LAB_PID"
	is "$status" 3
	[[ "$(json '.errors[0].why')" == *"built without BPF"* ]]
	"$o/rseqctl" check --json --only syscall,tracepoints,iterator >"$JSON"
	is "$(json '[.checks[].verdict] | join(" ")')" "pass skip skip"
	[ "$(id -u)" -ne 0 ] || jq -e 'all(.checks[1:][]; .detail | test("built without BPF"))' "$JSON"
}

@test "STATIC=1 is one file that runs where nothing else is" {
	need_root
	local o=$BATS_TEST_TMPDIR/static
	build all O="$o" STATIC=1
	# everybody may go there
	root=$(mktemp -d)
	chmod 755 "$root"
	"$o/rseqctl" version --json | jq -e '.features.static'
	mkdir -p "$root/proc" "$root/sys"
	cp "$o/rseqctl" "$root/"
	run chroot "$root" /rseqctl version
	is "$status" 0
	# an empty root: no /proc to ask, no types to read; what cannot be asked is skipped with the reason
	run chroot "$root" /rseqctl check --json
	is "$status" 0
	jq -e '.failed == 0 and .passed >= 20 and all(.checks[] | select(.verdict != "pass"); .detail | length > 10)
		and (.checks[] | select(.id == "ptrace") | .verdict == "skip" and (.detail | test("/proc")))
		and (.checks[] | select(.id == "stress-dlopen") | .verdict == "skip")' <<<"$output"
	run setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups --bounding-set=+sys_chroot --inh-caps=+sys_chroot \
		--ambient-caps=+sys_chroot chroot "$root" /rseqctl check --json
	is "$status" 0
	jq -e '.failed == 0 and .passed >= 20 and all(.checks[] | select(.verdict != "pass"); .detail | length > 10)
		and (.checks[] | select(.id == "tracepoints") | .verdict == "skip" and (.detail | test("bpf and perfmon")))' <<<"$output"
	lab threads 2
	RSEQCTL=$o/rseqctl
	inspect "$LAB_PID"
	is "$(json '.processes[0] | "\(.method) \(.threads_registered)"')" "bpf 2"
}

teardown() {
	lab_stop
	[ -z "${root:-}" ] || rm -r "$root"
}

@test "a header that both compilers see rebuilds both sides; a second make does nothing" {
	local o=$BATS_TEST_TMPDIR/headers
	build all O="$o"
	is "$(make -C "$TOP" O="$o" all 2>&1 | grep -v '^make' | grep -c . || true)" 0
	touch -d '+1 second' "$o" # the clock of the files below must be later
	sleep 1
	touch "$TOP/include/rseqctl/task_record.h"
	make -C "$TOP" O="$o" all >"$BATS_TEST_TMPDIR/log" 2>&1
	grep -q 'BPF .*bpf/inspect.o' "$BATS_TEST_TMPDIR/log"
	grep -q 'CC .*src/collect/process.o' "$BATS_TEST_TMPDIR/log"
	! grep -q 'CC .*src/util/parse.o' "$BATS_TEST_TMPDIR/log"
}

@test "install and uninstall honour DESTDIR and PREFIX" {
	local o=$BATS_TEST_TMPDIR/install d=$BATS_TEST_TMPDIR/dest
	build install O="$o" BPF=0 DESTDIR="$d" PREFIX=/opt/x
	[ -x "$d/opt/x/bin/rseqctl" ]
	[ -f "$d/opt/x/share/man/man1/rseqctl-inspect.1" ]
	[ -f "$d/opt/x/share/man/man5/rseqctl-json.5" ]
	[ -f "$d/opt/x/share/man/man7/rseqctl-findings.7" ]
	[ -f "$d/opt/x/share/bash-completion/completions/rseqctl" ]
	[ -f "$d/opt/x/share/zsh/site-functions/_rseqctl" ]
	[ -f "$d/opt/x/share/fish/vendor_completions.d/rseqctl.fish" ]
	diff -r "$TOP/examples" "$d/opt/x/share/doc/rseqctl/examples"
	[ -x "$d/opt/x/share/doc/rseqctl/examples/ci/rseq-gate.sh" ]
	build uninstall O="$o" BPF=0 DESTDIR="$d" PREFIX=/opt/x
	is "$(find "$d" -type f | wc -l)" 0
	[ ! -e "$d/opt/x/share/doc/rseqctl" ]
	# a distribution has its own place; what others put beside stays
	build install O="$o" BPF=0 DESTDIR="$d" PREFIX=/usr docdir=/usr/share/doc/rseqctl-doc
	[ -f "$d/usr/share/doc/rseqctl-doc/examples/ci/github.yml" ]
	touch "$d/usr/share/doc/rseqctl-doc/copyright"
	build uninstall O="$o" BPF=0 DESTDIR="$d" PREFIX=/usr docdir=/usr/share/doc/rseqctl-doc
	is "$(find "$d" -type f)" "$d/usr/share/doc/rseqctl-doc/copyright"
	# twice is no error
	build uninstall O="$o" BPF=0 DESTDIR="$d" PREFIX=/usr docdir=/usr/share/doc/rseqctl-doc
}

@test "make help names every target that is documented" {
	run make -C "$TOP" help
	local target
	for target in deps demo check lab lint bench install uninstall clean; do
		[[ "$output" == *"$target"* ]]
	done
}

@test "the lint of arrows finds an arrow that is not allowed" {
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"
	cp -r "$TOP/src" "$TOP/bpf" "$tree"
	sh "$TOP/tests/lint/arrows.sh" "$tree"
	echo '#include "report/report.h"' >>"$tree/src/collect/process.c"
	run sh "$TOP/tests/lint/arrows.sh" "$tree"
	is "$status" 1
	[[ "$output" == *"room collect may not include report"* ]]
}
