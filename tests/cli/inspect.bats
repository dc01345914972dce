#!/usr/bin/env bats
# inspect against the lab: every answer compared with what the program says of itself.
load ../lib/lab

@test "an ordinary process: the first line answers who owns" {
	lab threads 4
	run "$RSEQCTL" inspect "$LAB_PID"
	is "$status" 0
	[[ "${lines[0]}" =~ ^"$LAB_PID threads: glibc "[0-9.]+" owns rseq in 4 of 4 threads (32 bytes"(", legacy")?")"$ ]]
}

@test "1,000 threads: bpf and ptrace give the same answer, and the right one" {
	lab threads 1000
	local method
	[ "$(methods | wc -l)" = 2 ] || skip "this kernel has no PTRACE_GET_RSEQ_CONFIGURATION"
	for method in bpf ptrace; do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		is "$(json '.processes[0].method')" "$method"
		is "$(json '.processes[0] | "\(.threads_total) \(.threads_registered)"')" "1000 1000"
		is "$(json '[.processes[0].threads[] | select(.owner.kind == "libc")] | length')" 1000
		matches_testimony
		json '[.processes[0].threads[] | {tid, registered, area, length, signature, owner, tp}] | sort_by(.tid)' \
			>"$BATS_TEST_TMPDIR/$method"
	done
	cmp "$BATS_TEST_TMPDIR/bpf" "$BATS_TEST_TMPDIR/ptrace"
	[ "$(json '.processes[0].max_stop_ns')" -gt 0 ]
}

@test "without the kernel's record the owner is a conclusion, and marked so" {
	lab threads 3
	inspect --method none "$LAB_PID"
	is "$status" 0
	is "$(json '.processes[0].owner | "\(.kind) \(.name) \(.confidence)"')" "libc glibc inferred"
	is "$(json '.processes[0].threads_registered')" null
	is "$(json '[.processes[0].threads[] | select(.registered == null)] | length')" 3
	is "$(json '[.processes[0].threads[].tp] | sort | join(" ")')" \
		"$(jq -r '[.threads[].tp] | sort | join(" ")' "$LAB_OUT")"
}

@test "the keys of the JSON are those of the contract" {
	lab tcmalloc-like 3
	inspect "$LAB_PID"
	jq -e 'def has_all($keys): . as $o | all($keys[]; . as $k | $o | has($k));
		has_all(["schema", "command", "version", "host", "processes", "files", "errors",
			 "vanished", "unreadable", "skipped", "findings"])
		and .schema == 1 and .command == "inspect"
		and (.host | has_all(["kernel", "arch", "rseq_class", "feature_size", "align"]))
		and all(.processes[]; has_all(["pid", "comm", "exe", "arch", "method", "max_stop_ns", "auxv",
			"tunables", "ld_preload", "ld_audit", "namespaces", "seccomp", "tracer", "libc", "owner", "threads_total", "threads_registered",
			"threads", "objects", "unknown"]))
		and all(.processes[]; .auxv | has_all(["rseq_feature_size", "rseq_align"]))
		and all(.processes[]; .libc | has_all(["name", "version", "linkage", "rseq_offset", "rseq_size",
			"rseq_flags"]))
		and all(.processes[]; .owner | has_all(["kind", "name", "object", "confidence"]))
		and all(.processes[].threads[]; has_all(["tid", "comm", "registered", "area", "length",
			"signature", "mode", "in_section", "owner", "candidates", "tp_offset", "cpu_id_start",
			"cpu_id", "rseq_cs", "flags", "node_id", "mm_cid"]))
		and all(.processes[].threads[].candidates[]; has_all(["object", "symbol", "address", "cpu_id",
			"refcount"]))
		and ([.processes[].threads[].candidates[]] | length) == 3
		and all(.processes[].objects[]; has_all(["path", "namespace", "build_id", "symbols",
			"sections_total", "sections"]))
		and all(.processes[].objects[].symbols[]; has_all(["name", "defined", "wins", "wins_reason",
			"size", "type", "bind", "version", "value"]))
		and ([.processes[].objects[].symbols[]] | length) > 3
		and all(.findings[]; has_all(["id", "severity", "confidence", "title", "subject", "detail",
			"evidence", "advice"]))
		and all(.findings[].subject; has_all(["pid", "tid", "object", "section"]))
		and (.findings | length) == 1' "$JSON"
}

@test "the content of the area, and fields beyond what is active" {
	lab threads 2
	inspect "$LAB_PID"
	local feature
	feature=$(json '.processes[0].auxv.rseq_feature_size')
	is "$(json '[.processes[0].threads[] | select(.cpu_id >= 0 and .cpu_id == .cpu_id_start)] | length')" 2
	is "$(json '[.processes[0].threads[] | select(.in_section == false)] | length')" 2 # asleep, thus known
	if [ "$feature" -ge 28 ]; then
		is "$(json '[.processes[0].threads[] | select(.mm_cid >= 0 and .node_id >= 0)] | length')" 2
	else
		is "$(json '[.processes[0].threads[] | select(.mm_cid == null and .node_id == null)] | length')" 2
	fi
	# 32 bytes reach the slice word only where the kernel has it
	[ "$feature" -ge 32 ] || {
		is "$(json '[.processes[0].threads[] | select(.slice_ctrl == null)] | length')" 2
		"$RSEQCTL" inspect --threads "$LAB_PID" | grep -q 'SLICE'
		"$RSEQCTL" inspect --threads "$LAB_PID" | grep -q 'not active'
	}
}

@test "libc: name, version, values, as the program has them" {
	lab threads 1
	inspect "$LAB_PID"
	is "$(json '.processes[0].libc | "\(.name) \(.linkage)"')" "glibc dynamic"
	is "$(json '.processes[0].namespaces')" 1
	is "$(json '.processes[0].libc.version')" "$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)"
	is "$(json '.processes[0].libc | "\(.rseq_offset) \(.rseq_size)"')" \
		"$(jq -r '"\(.rseq_offset) \(.rseq_size)"' "$LAB_OUT")"
}

@test "static programs: libc's area, with and without position independence" {
	local program
	for program in threads-static threads-static-pie; do
		lab "$program" 3
		inspect "$LAB_PID"
		is "$status" 0
		is "$(json '.processes[0].owner | "\(.kind) \(.name) \(.place)"')" "libc glibc libc"
		is "$(json '.processes[0].libc.linkage')" static
		matches_testimony
		lab_stop
	done
}

own_area() { # [ALSO=ID] own_area PLACE [VAR=VALUE]
	local method
	lab "$R0" ${2:+"$2"} own-area "$1" 3
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		quiet_but ${ALSO:+"$ALSO"}
		is "$(json '.processes[0].threads_registered')" 3
		matches_testimony
		is "$(finding libc-disabled)" info
	done
}

@test "an area of its own: TLS symbol of the executable" {
	own_area exe
	is "$(json '.processes[0].owner | "\(.kind) \(.symbol) \(.object | split("/") | last)"')" \
		"object __rseq_abi own-area"
}

@test "an area of its own: data of the executable" {
	own_area exe-data
	is "$(json '.processes[0].owner | "\(.kind) \(.place)"')" "object data"
}

@test "an area of its own: preloaded library" {
	own_area preload LD_PRELOAD="$LAB/libown_preload.so"
	is "$(json '.processes[0].owner | "\(.kind) \(.object | split("/") | last)"')" "object libown_preload.so"
}

@test "an area of its own: library opened late" {
	ALSO=owner-unloadable own_area dlopen
	is "$(json '.processes[0].owner | "\(.kind) \(.object | split("/") | last)"')" "object libown_dlopen.so"
}

@test "an area of its own: malloc memory" {
	own_area malloc
	is "$(json '.processes[0].owner.kind')" raw
	is "$(json '[.processes[0].threads[0].owner | .place, .object] | join(" ")')" "heap [heap]"
}

@test "an area of its own: a table indexed by thread id" {
	own_area table
	is "$(json '.processes[0].owner | "\(.kind) \(.place)"')" "raw anonymous"
	is "$(json '.processes[0].owner.detail')" \
		"a table indexed by thread id, $(jq .stride "$LAB_OUT") bytes each"
	is "$(finding mixed-owner)" ""
}

@test "an area of its own: static programs, with and without symbols" {
	local program place
	command -v strip >/dev/null || skip "no strip"
	for program in own-area-static own-area-static-pie; do
		for place in exe exe-data; do
			lab "$R0" "$program" "$place" 3
			inspect "$LAB_PID"
			is "$status" 0
			is "$(json '.processes[0].owner | "\(.kind) \(.object | split("/") | last)"')" "object $program"
			matches_testimony
			lab_stop
		done
		strip -o "$BATS_TEST_TMPDIR/stripped" "$LAB/$program"
		LAB_BIN=$BATS_TEST_TMPDIR lab "$R0" stripped exe 3
		inspect "$LAB_PID"
		is "$(json '.processes[0].owner | "\(.kind) \(.place)"')" "object tls-block"
		lab_stop
	done
}

@test "malloc memory is no table" {
	lab "$R0" own-area malloc 4
	inspect "$LAB_PID"
	[[ "$(json '.processes[0].owner.detail')" != *table* ]]
}

@test "libc-disabled: nobody owns, by tunable" {
	lab "$R0" threads 2
	inspect "$LAB_PID"
	is "$status" 1
	is "$(finding libc-disabled)" warning
	is "$(finding libc-failed)" ""
	is "$(json '.processes[0].owner.kind')" none
	is "$(json '.processes[0].tunables')" glibc.pthread.rseq=0
}

@test "libc-disabled: not with another tunable" {
	lab GLIBC_TUNABLES=glibc.malloc.check=0 threads 2
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '.findings | length')" 0
}

@test "libc-failed: a seccomp filter denied the call" {
	local errno
	for errno in EPERM ENOSYS; do
		lab refused-start "$errno"
		inspect "$LAB_PID"
		is "$status" 1
		is "$(finding libc-failed)" warning
		is "$(finding libc-disabled)" ""
		is "$(json '.processes[0].seccomp')" filter
		lab_stop
	done
}

@test "lost-registration: tcmalloc under libc's default is the loser" {
	lab tcmalloc-like 4 --lazy 1
	inspect "$LAB_PID"
	is "$status" 1
	is "$(finding lost-registration)" warning
	is "$(json '.processes[0].owner | "\(.kind) \(.name)"')" "libc glibc"
	is "$(json '.findings[] | select(.id == "lost-registration") | .subject.object | split("/") | last')" \
		libtcmalloc_like.so
	is "$(json '[.processes[0].threads[].candidates[].cpu_id] | sort | join(" ")')" "-2 -2 -2 -1"
	run "$RSEQCTL" inspect -q "$LAB_PID"
	[[ "${lines[0]}" == *"WARNING lost-registration: "*"; tcmalloc refused in 3, not started in 1; "* ]]
}

@test "lost-registration: tcmalloc with rseq=0 is the owner, and quiet" {
	lab "$R0" tcmalloc-like 4
	inspect "$LAB_PID"
	is "$status" "$(status_of "$(ids_severity)")"
	is "$(json '.processes[0].owner | "\(.kind) \(.name) \(.object | split("/") | last)"')" \
		"object tcmalloc libtcmalloc_like.so"
	is "$(finding lost-registration)" ""
	is "$(finding libc-disabled)" info
	matches_testimony
}

@test "tcmalloc that has not started in a thread is noted, not warned about" {
	lab "$R0" tcmalloc-like 4 --lazy 2
	inspect "$LAB_PID"
	is "$status" "$(status_of "$(ids_severity)")"
	is "$(finding thread-unregistered)" info
	is "$(finding libc-disabled)" info
	is "$(json '.processes[0].threads_registered')" 2
	lab_stop
	lab "$R0" own-area exe-data 2 # has a __rseq_abi too, and never tries it
	inspect "$LAB_PID"
	is "$status" 0
	is "$(finding not-started)" info
	is "$(finding lost-registration)" ""
}

@test "a librseq that shares libc's area has lost nothing" {
	lab with-librseq 3
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '.findings | length')" 0
	is "$(json '.processes[0].owner.kind')" libc
	lab_stop
	lab "$R0" with-librseq 3
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '.processes[0].owner | "\(.kind) \(.name)"')" "object librseq"
	matches_testimony
}

@test "a librseq that one thread forgot" {
	lab "$R0" with-librseq 3 --forget
	inspect "$LAB_PID"
	is "$status" 1
	is "$(finding thread-unregistered)" warning
}

# namespace_of FILE: those that the last inspect found it in.
namespace_of() {
	json "[.processes[0].objects[] | select(.path | endswith(\"/$1\")) | .namespace] | sort | join(\" \")"
}

owns_in_namespace() { # owns_in_namespace LIBRARY NAMESPACES [ID]: what is said of it beside namespace-owner
	local method
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		quiet_but namespace-owner ${3:+"$3"}
		is "$(json '.processes[0] | "\(.threads_registered) \(.owner.kind) \(.owner.object | split("/") | last)"')" \
			"3 object $1"
		is "$(namespace_of "$1")" "$2"
		is "$(finding libc-disabled)" info
		matches_testimony
	done
}

loses_in_namespace() { # loses_in_namespace LIBRARY NAMESPACES
	inspect "$LAB_PID"
	is "$status" 1
	is "$(json '.processes[0].owner | "\(.kind) \(.name)"')" "libc glibc"
	is "$(finding lost-registration)" warning
	is "$(json '.findings[] | select(.id == "lost-registration") | .subject.object | split("/") | last')" "$1"
	is "$(namespace_of "$1")" "$2"
	is "$(json "[.processes[0].threads[].candidates[] | select(.cpu_id == -2) | .address] | sort | join(\" \")")" \
		"$(jq -r '[.threads[].own_area] | sort | join(" ")' "$LAB_OUT")"
	matches_testimony
}

@test "a library in a link namespace of its own: the owner, where libc is not" {
	lab "$R0" dlmopen 3
	owns_in_namespace libinner.so 1 owner-unloadable
}

@test "a library in a link namespace of its own: the loser, where libc owns" {
	lab dlmopen 3
	loses_in_namespace libinner.so 1
}

@test "the same library in two link namespaces: each area is that of its own" {
	lab "$R0" dlmopen 3 --twice
	owns_in_namespace libinner.so "0 1" owner-unloadable
	lab_stop
	lab dlmopen 3 --twice
	loses_in_namespace libinner.so "0 1"
}

@test "a module of LD_AUDIT: the owner, where libc is not" {
	lab "$R0" LD_AUDIT="$LAB/libaudit_area.so" audited 3
	owns_in_namespace libaudit_area.so 1
	is "$(json '.processes[0] | "\(.namespaces) \(.ld_audit) \(.ld_preload)"')" "2 $LAB/libaudit_area.so "
}

@test "a module of LD_AUDIT: the loser, where libc owns" {
	lab LD_AUDIT="$LAB/libaudit_area.so" audited 3
	loses_in_namespace libaudit_area.so 1
}

unregistered() { # unregistered CASE SEVERITY REGISTERED
	local method
	lab thread-unregistered "$1"
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$(finding thread-unregistered)" "$2"
		is "$(json '.processes[0].threads_registered')" "$3"
		matches_testimony
		case $1 in
		raw-clone-shared) quiet_but shared-area ;;
		*) is "$status" "$(status_of "$2")" ;;
		esac
	done
}

@test "thread-unregistered: it gave libc's area back" {
	unregistered unregister warning 2
}

@test "thread-unregistered: and so did its child, which libc left out" {
	unregistered child-of-unregistered warning 2
	is "$(json '[.findings[] | select(.id == "thread-unregistered")] | length')" 2
}

@test "thread-unregistered: clone() with another thread's thread pointer is noted" {
	unregistered raw-clone-shared info 2
}

@test "thread-unregistered: clone() with its own thread pointer is noted" {
	unregistered raw-clone-own-tp info 2
}

@test "thread-unregistered: never for a worker of io_uring" {
	unregistered io-uring "" 2
	is "$(json '[.processes[0].threads[] | select(.kernel_worker)] | length')" 1
}

@test "mixed-owner: two libraries, different threads" {
	lab "$R0" mixed-owner
	inspect "$LAB_PID"
	is "$status" 1
	is "$(finding mixed-owner)" warning
	is "$(json '.processes[0].owner.kind')" mixed
	matches_testimony
}

@test "id-fields-modified: a foreign value, by every method" {
	local method
	lab id-writer --clean
	for method in $(methods); do
		lab_stop
		lab id-writer
		inspect --method "$method" "$LAB_PID"
		is "$(finding id-fields-modified)" "$(ids_severity)"
		is "$(json '.processes[0].threads[] | select(.cpu_id_start != .cpu_id) | .cpu_id_start')" 32767
	done
	lab_stop
	lab id-writer --clean
	inspect "$LAB_PID"
	is "$(json '.findings | length')" 0
}

@test "id-fields-modified: tcmalloc's cached pointer, also by ptrace, which reads before it stops" {
	local method
	lab "$R0" tcmalloc-like 3
	for method in $(methods); do
		lab_stop # a stop by ptrace has the pointer rewritten
		lab "$R0" tcmalloc-like 3
		inspect --method "$method" "$LAB_PID"
		is "$(finding id-fields-modified)" "$(ids_severity)"
		is "$(json '[.processes[0].threads[] | select(.cpu_id_start >= 2147483648)] | length')" 2
	done
	lab_stop
	lab "$R0" tcmalloc-like 3 --no-cache
	inspect "$LAB_PID"
	is "$(finding id-fields-modified)" ""
}

are_interrupted() { # are_interrupted N: that many at least
	[ "$(lab_report | jq .eintr)" -ge "$1" ]
}

@test "no thread is ever stopped with bpf; with ptrace each one is" {
	lab threads 100 --epoll
	inspect --method bpf "$LAB_PID"
	is "$(lab_report | jq .eintr)" 0
	inspect --method none "$LAB_PID"
	is "$(lab_report | jq .eintr)" 0
	inspect --method ptrace "$LAB_PID"
	# each counts when it runs again
	soon are_interrupted 99
	is "$(lab_report | jq .eintr)" 99
}

is_left_alone() { # no tracer, and nothing is stopped
	[ "$(grep -h '^TracerPid' /proc/"$LAB_PID"/task/*/status | sort -u)" = "$(printf 'TracerPid:\t0')" ] || return 1
	[ "$(grep -lE '^State:.[tT]' /proc/"$LAB_PID"/task/*/status | wc -l)" = 0 ]
}

@test "SIGKILL in the middle of ptrace, 100 times: every thread still runs" {
	lab threads 60 --count
	local i pid killed=0 start took
	start=${EPOCHREALTIME/[.,]/}
	inspect --method ptrace "$LAB_PID"
	took=$((${EPOCHREALTIME/[.,]/} - start)) # a whole run, in microseconds: killed anywhere in it
	for i in $(seq 1000); do
		"$RSEQCTL" inspect --method ptrace "$LAB_PID" >/dev/null 2>&1 3>&- 8>&- &
		pid=$!
		sleep "$(printf '0.%06d' $((took * (i * 37 % 100) / 100)))"
		kill -KILL "$pid" 2>/dev/null || true
		status=0
		wait "$pid" 2>/dev/null || status=$?
		if [ "$status" = 137 ]; then
			killed=$((killed + 1))
			took=$((took + took / 50))
		else # it had come to its end: a run takes less than it did
			took=$((took - took / 10))
		fi
		[ "$killed" -lt 100 ] || break
	done
	is "$killed" 100
	# its helpers die after it
	soon is_left_alone
	is "$(lab_report | jq .moving)" 59
	is_left_alone
}

@test "--expect-owner" {
	lab threads 2
	inspect --expect-owner glibc "$LAB_PID"
	is "$status" 0
	inspect --expect-owner libc "$LAB_PID"
	is "$status" 0
	inspect --expect-owner tcmalloc "$LAB_PID"
	is "$status" 1
	grep -q "expected owner tcmalloc, found glibc" "$ERR"
	lab_stop
	lab "$R0" tcmalloc-like 2 --no-cache
	inspect --expect-owner tcmalloc "$LAB_PID"
	is "$status" 0
	lab_stop
	lab "$R0" threads 1
	run "$RSEQCTL" inspect -q --expect-owner glibc "$LAB_PID"
	is "$status" 1
}

@test "--comm chooses by name, --all takes all" {
	lab threads 2 --comm "labrat$$" # not that of another run
	inspect --comm "lab?at$$"
	is "$status" 0
	is "$(json '[.processes[].pid] | join(" ")')" "$LAB_PID"
	inspect --comm 'no such name'
	is "$status" 3
	is "$(json '.errors | length')" 1
	inspect --all
	[ "$status" -le 1 ]
	is "$(json "[.processes[] | select(.pid == $LAB_PID)] | length")" 1
	[ "$(json .skipped)" -ge 1 ] || [ ! -d /proc/2 ] # kernel threads
}

@test "both ways of loading the BPF program see the same" {
	lab tcmalloc-like 3
	# what a probe comes to in its 200 ms may differ
	inspect --method bpf --probe-kernel never "$LAB_PID"
	cp "$JSON" "$BATS_TEST_TMPDIR/light"
	inspect --method bpf --probe-kernel never -v "$LAB_PID" # libbpf's own way, which tells what it does
	cmp "$JSON" "$BATS_TEST_TMPDIR/light"
}
