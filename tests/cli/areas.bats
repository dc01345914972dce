#!/usr/bin/env bats
# The area itself: its size, its place, what lies in it, and the threads that share or lack it. Every
# finding has a case that triggers it, and one beside it that must not.
load ../lib/lab

# What the last inspect says owns: its kind, and for an object or raw memory its file name.
owner() {
	json '.processes[0].owner | if .kind | IN("object", "raw") then "\(.kind) \(.object | split("/") | last)" else .kind end'
}

# says ID WORD: the finding gives it as what it knows. Numbers stand alone: 32 is not in 132.
says() {
	jq -r --arg id "$1" '.findings[] | select(.id == $id) | .detail, .evidence[], (.subject | tojson)' "$JSON" |
		grep -qwF -e "$2" || {
		echo "$1 does not say $2" >&2
		json '.findings[]' >&2
		return 1
	}
}

length() {
	head -n 1 "$LAB_OUT" | jq '[.threads[].length] | max'
}

# look OWNER [VAR=VALUE...] PROGRAM ARG...: starts and inspects it; the report is as the lab has it.
look() {
	lab_stop
	lab "${@:2}"
	inspect "${METHOD[@]}" "$LAB_PID"
	is "$(owner)" "$1"
	matches_testimony
}

# judge ID SEVERITY OWNER [VAR=VALUE...] PROGRAM ARG...
judge() {
	look "${@:3}"
	is "$(finding "$1")" "$2"
	[[ $2 != @(warning|error) ]] || is "$status" 1
}

# judge_all_ways: the same by every method that this kernel has.
judge_all_ways() {
	local METHOD=()
	judge "$@"
	if methods | grep -qx ptrace; then
		METHOD=(--method ptrace)
		judge "$@"
	fi
}

METHOD=()

# The victim of these stories does not outlive a stop by ptrace.
by_bpf() {
	need_root
	METHOD=(--method bpf)
}

need_libc_owner() {
	lab threads 1
	[ "$(jq '.rseq_size // 0' "$LAB_OUT")" -gt 0 ] || skip "libc does not own rseq here"
	lab_stop
}

# --- the size of a definition ---

@test "interposed-size: the executable's 20 bytes under a library's 32" {
	judge_all_ways interposed-size error "object lookup-exe20" "$R0" \
		lookup-exe20 global:liblookup_a.so own:liblookup_a.so
	says interposed-size 20
	says interposed-size 32
	is "$(finding length-exceeds-area)" error
}

@test "interposed-size: the executable's 32 bytes under a library's 64, though 32 are registered" {
	judge interposed-size error "object lookup-exe" "$R0" lookup-exe global:liblookup_b.so own:liblookup_b.so
	says interposed-size 32
	says interposed-size 64
	is "$(finding length-exceeds-area)" ""
}

@test "interposed-size: a library that asks for 64 bytes where the winner has 32" {
	judge interposed-size error "object lookup-exe" "$R0" lookup-exe global:liblookup_b.so long:liblookup_b.so
	[ "$(length)" = 64 ] || skip "this kernel takes no 64 bytes here"
	is "$(finding length-exceeds-area)" error
	says length-exceeds-area 64
	says length-exceeds-area 32
}

@test "interposed-size: a preloaded object of 20 bytes before dependencies of 64 and 32" {
	judge interposed-size error "object liblookup_small.so" "$R0" LD_PRELOAD="$LAB/liblookup_small.so" \
		lookup-deps own:liblookup_ref.so
	is "$(finding length-exceeds-area)" error
}

@test "interposed-size: two dependencies, the smaller one first" {
	judge interposed-size error "object liblookup_a.so" "$R0" lookup-deps-ab own:liblookup_ref.so
	is "$(finding length-exceeds-area)" ""
}

@test "interposed-size: libraries opened late for all, the smaller one first" {
	judge interposed-size error "object liblookup_small.so" "$R0" \
		lookup global:liblookup_small.so global:liblookup_a.so own:liblookup_a.so
	is "$(finding length-exceeds-area)" error
}

@test "interposed-size: whoever owns" {
	need_libc_owner
	judge interposed-size error libc lookup-exe20 global:liblookup_a.so
	is "$(finding length-exceeds-area)" ""
}

@test "interposed-size: not when the largest wins" {
	judge interposed-size "" "object liblookup_b.so" "$R0" lookup-deps own:liblookup_ref.so
	judge interposed-size "" "object lookup-exe64" "$R0" \
		lookup-exe64 global:liblookup_a.so global:liblookup_small.so own:liblookup_a.so
	is "$(finding length-exceeds-area)" ""
	judge interposed-size "" "object liblookup_b.so" "$R0" \
		lookup global:liblookup_b.so global:liblookup_a.so own:liblookup_a.so
}

@test "interposed-size: not when a preloaded object is the largest" {
	judge interposed-size "" "object liblookup_b.so" "$R0" LD_PRELOAD="$LAB/liblookup_b.so" \
		lookup-deps-ab own:liblookup_ref.so
}

@test "interposed-size: not by a definition in another link namespace" {
	need_libc_owner
	judge interposed-size "" libc LD_AUDIT="$LAB/libaudit_area.so" lookup-exe20
	is "$(json '[.processes[0].objects[].symbols[] | select(.name == "__rseq_abi") | .size] | sort | join(" ")')" "20 32"
}

@test "interposed-size: not of one size" {
	judge interposed-size "" "object lookup-exe" "$R0" \
		lookup-exe global:liblookup_a.so global:liblookup_symbolic.so own:liblookup_a.so
	is "$(finding length-exceeds-area)" ""
}

@test "interposed-size: not where each keeps to its own" {
	judge interposed-size "" "object liblookup_b.so" "$R0" \
		lookup local:liblookup_small.so local:liblookup_b.so own:liblookup_b.so
	is "$(finding length-exceeds-area)" ""
	# Not exported, so nobody is bound to it.
	judge interposed-size "" "object liblookup_b.so" "$R0" \
		lookup-hidden global:liblookup_b.so own:liblookup_b.so
}

# --- the length that is registered ---

@test "length-exceeds-area: 32 bytes in a symbol of 20, and nobody interposes" {
	judge_all_ways length-exceeds-area error "object lookup-exe20" "$R0" lookup-exe20 own:lookup-exe20
	says length-exceeds-area 32
	says length-exceeds-area 20
	is "$(finding interposed-size)" ""
	judge length-exceeds-area error "object liblookup_small.so" "$R0" \
		lookup local:liblookup_small.so own:liblookup_small.so
}

exceeds() { # exceeds OWNER PROGRAM ARG...: 64 bytes in a symbol of 32, where the kernel takes them
	look "$1" "$R0" "${@:2}"
	[ "$(length)" = 64 ] || skip "this kernel takes no 64 bytes here"
	is "$(finding length-exceeds-area)" error
	is "$status" 1
	says length-exceeds-area 64
	says length-exceeds-area 32
}

@test "length-exceeds-area: 64 bytes in a symbol of 32" {
	exceeds "object lookup-hidden" lookup-hidden long:lookup-hidden
}

@test "length-exceeds-area: 64 bytes in a late library's symbol of 32" {
	exceeds "object liblookup_a.so" lookup local:liblookup_a.so long:liblookup_a.so
}

@test "length-exceeds-area: not when it fits" {
	judge length-exceeds-area "" "object lookup-hidden64" "$R0" lookup-hidden64 long:lookup-hidden64
	judge length-exceeds-area "" "object lookup-hidden" "$R0" lookup-hidden own:lookup-hidden
	judge length-exceeds-area "" "object liblookup_b.so" "$R0" lookup local:liblookup_b.so long:liblookup_b.so
	judge length-exceeds-area "" "object areas" "$R0" areas long
}

@test "length-exceeds-area: without symbols the block of thread-local storage is the measure" {
	command -v strip >/dev/null || skip "no strip"
	local program
	for program in lookup-hidden64 lookup-hidden; do
		strip -o "$BATS_TEST_TMPDIR/$program" "$LAB/$program"
		LAB_BIN=$BATS_TEST_TMPDIR lab "$R0" "$program" "long:$program"
		inspect "$LAB_PID"
		is "$(json '.processes[0].owner | "\(.kind) \(.place)"')" "object tls-block"
		if [ "$program" = lookup-hidden64 ]; then
			is "$(finding length-exceeds-area)" ""
		elif [ "$(length)" = 64 ]; then
			is "$(finding length-exceeds-area)" error
			says length-exceeds-area 64
		fi
		lab_stop
	done
}

@test "length-and-size: a length of which this kernel fills less is noted" {
	look "object lookup-hidden64" "$R0" lookup-hidden64 long:lookup-hidden64
	[ "$(length)" = 64 ] || skip "this kernel takes no 64 bytes"
	local noted=info
	# from 7.0 on 33 bytes are in use, and a whole struct rseq is 64 bytes: that is what a program registers
	[ "$(json .host.feature_size)" -le 32 ] || noted=
	is "$(finding length-and-size)" "$noted"
	is "$status" 0
	[ -z "$noted" ] || says length-and-size 64
	judge_all_ways length-and-size "$noted" "object areas" "$R0" areas long
	is "$status" 0
}

@test "length-and-size: not for 32 bytes, nor for what libc registers" {
	judge length-and-size "" "object lookup-hidden64" "$R0" lookup-hidden64 own:lookup-hidden64
	judge length-and-size "" "object areas" "$R0" areas standard
	lab_stop
	lab threads 2
	inspect "$LAB_PID"
	is "$(finding length-and-size)" ""
}

@test "length-and-size: libc's area registered anew with a length that its size does not tell" {
	need_libc_owner
	look libc areas libc-length
	[[ ",$(finding length-and-size)," == *,warning,* ]]
	is "$status" 1
	says length-and-size "$(length)"
	says length-and-size "$(jq .rseq_size "$LAB_OUT")"
}

@test "length-and-size: not when it is registered anew as it was" {
	need_libc_owner
	judge_all_ways length-and-size "" libc areas libc-again
	is "$(json '.findings | length')" 0
}

@test "mixed-length: one thread with 64 bytes" {
	judge_all_ways mixed-length warning "object areas" "$R0" areas long-one
	says mixed-length 32
	says mixed-length 64
}

@test "mixed-length: not when all threads have the same" {
	judge mixed-length "" "object areas" "$R0" areas standard
	judge mixed-length "" "object areas" "$R0" areas long
}

@test "mixed-length: not for threads that have none" {
	need_libc_owner
	judge mixed-length "" libc areas left-one
	is "$(finding mixed-signature)" ""
	is "$(finding mixed-offset)" ""
}

# --- the signature ---

# signatures: those that are registered.
signatures() {
	json '[.processes[0].threads[].signature | ascii_downcase] | unique | join(" ")'
}

standard_signature() {
	case $(uname -m) in
	x86_64) echo 0x53053053 ;;
	aarch64) echo 0xd428bc00 ;;
	*) skip "no signature known for $(uname -m)" ;;
	esac
}

@test "mixed-signature: one thread with a signature of its own" {
	judge_all_ways mixed-signature warning "object areas" "$R0" areas signature-one
	is "$(signatures)" "0x1ab0c0de $(standard_signature)"
	says mixed-signature 0x1ab0c0de
	is "$(finding nonstandard-signature)" warning
}

@test "mixed-signature: not when all threads have the same" {
	judge mixed-signature "" "object areas" "$R0" areas signature
	judge mixed-signature "" "object areas" "$R0" areas standard
}

@test "nonstandard-signature: every thread, and no critical section" {
	judge_all_ways nonstandard-signature warning "object areas" "$R0" areas signature
	is "$(signatures)" 0x1ab0c0de
	says nonstandard-signature 0x1ab0c0de
}

@test "nonstandard-signature: an abort handler that carries another is an error" {
	judge nonstandard-signature error "object areas" "$R0" areas signature libsection.so
	says nonstandard-signature "$(standard_signature)"
}

@test "nonstandard-signature: an abort handler that carries the same is no error" {
	judge nonstandard-signature warning "object areas" "$R0" areas signature libsection_own.so
}

@test "nonstandard-signature: not the architecture's own" {
	judge nonstandard-signature "" "object areas" "$R0" areas standard libsection.so
	is "$(signatures)" "$(standard_signature)"
	is "$(finding mixed-signature)" ""
}

# --- the offset from the thread pointer ---

@test "mixed-offset: one owner, another place in one thread" {
	judge_all_ways mixed-offset warning "object areas" "$R0" areas offset-one
}

@test "mixed-offset: is noted where it is in the nature of the memory" {
	judge mixed-offset info "object libown_dlopen.so" "$R0" own-area dlopen
	quiet_but owner-unloadable
	judge mixed-offset info "raw [heap]" "$R0" own-area malloc
	is "$status" 0
	lab_stop
	lab "$R0" own-area table
	inspect "$LAB_PID"
	is "$(finding mixed-offset)" info
	is "$status" 0
	matches_testimony
}

@test "mixed-offset: not at one offset, whoever owns" {
	judge mixed-offset "" "object own-area" "$R0" own-area exe
	judge mixed-offset "" "object libown_preload.so" "$R0" LD_PRELOAD="$LAB/libown_preload.so" own-area preload
	judge mixed-offset "" "object areas" "$R0" areas standard
	lab_stop
	lab threads 3
	inspect "$LAB_PID"
	is "$(finding mixed-offset)" ""
}

@test "mixed-offset: not of two owners" {
	judge mixed-offset "" mixed "$R0" mixed-owner
}

# --- libc's area ---

@test "libc-area-abandoned: the program registered its own instead" {
	need_libc_owner
	judge_all_ways libc-area-abandoned warning "object areas" areas abandoned
}

@test "libc-area-abandoned: in one thread" {
	need_libc_owner
	judge_all_ways libc-area-abandoned warning mixed areas abandoned-one
	is "$(finding mixed-owner)" warning
}

@test "libc-area-abandoned: not when it was given back only" {
	need_libc_owner
	judge libc-area-abandoned "" none areas left
	judge libc-area-abandoned "" libc areas left-one
	is "$(finding thread-unregistered)" warning
	judge libc-area-abandoned "" libc areas libc-again
}

@test "libc-area-abandoned: not when libc never had it" {
	judge libc-area-abandoned "" "object areas" "$R0" areas standard
	judge libc-area-abandoned "" "object own-area" "$R0" own-area exe-data
}

@test "emulated: live in libc's area, unknown to the kernel" {
	need_libc_owner
	judge_all_ways emulated warning none areas emulated
	is "$(json '.processes[0].threads_registered')" 0
}

@test "emulated: in one thread" {
	need_libc_owner
	judge_all_ways emulated warning libc areas emulated-one
	says emulated "$(head -n 1 "$LAB_OUT" | jq '.threads[-1].tid')"
}

@test "emulated: not when the area says that it is unregistered" {
	need_libc_owner
	judge emulated "" none areas left
	judge emulated "" libc areas left-one
	judge emulated "" "object areas" areas abandoned
	lab_stop
	lab "$R0" threads 2
	inspect "$LAB_PID"
	is "$(finding emulated)" ""
}

@test "emulated: not when the area is another thread's" {
	need_libc_owner
	judge emulated "" libc thread-unregistered raw-clone-shared
	is "$(head -n 1 "$LAB_OUT" | jq '.threads[-1].libc_cpu_id >= 0')" true
	judge emulated "" libc thread-unregistered raw-clone-own-tp
	judge emulated "" none vfork
}

# --- the memory of the area ---

lost() { # lost CASE SEVERITY
	local METHOD
	by_bpf
	lab_stop
	lab "$R0" TMPDIR="$BATS_TEST_TMPDIR" lost-area "$1"
	inspect "${METHOD[@]}" "$LAB_PID"
	is "$(finding area-invalid)" "$2"
	is "$(json '.processes[0].owner.kind')" raw
	is "$(json '.processes[0].threads_registered')" 3
	matches_testimony
	is "$(lab_report | jq .report)" 1 # a look did not kill it
	if [ -n "$2" ]; then
		is "$status" 1
	else
		is "$status" 0
	fi
}

@test "area-invalid: it was unmapped" {
	lost unmapped error
	says area-invalid "$(jq .victim <(head -n 1 "$LAB_OUT"))"
}

@test "area-invalid: it cannot be written any more" {
	lost read-only error
	says area-invalid "$(jq .victim <(head -n 1 "$LAB_OUT"))"
	lost no-access error
}

@test "area-invalid: it is in a file that was deleted, and no object" {
	lost deleted-file error
}

@test "area-invalid: not in memory that is there" {
	lost private ""
	lost replaced ""
	lost file ""
}

@test "area-invalid: not in memory that only looks deleted" {
	lost memfd ""
	lost shared ""
}

@test "area-invalid: not when an upgrade deleted the program" {
	local place
	for place in exe-data exe; do
		cp "$LAB/own-area" "$BATS_TEST_TMPDIR/upgraded"
		LAB_BIN=$BATS_TEST_TMPDIR lab "$R0" upgraded "$place" 3
		rm "$BATS_TEST_TMPDIR/upgraded"
		inspect "$LAB_PID"
		is "$(finding area-invalid)" ""
		is "$(json '.processes[0].owner.kind')" object
		grep -q 'upgraded (deleted)' "/proc/$LAB_PID/maps"
		lab_stop
	done
}

@test "area-invalid: not when an upgrade deleted the library" {
	cp "$LAB/libown_preload.so" "$BATS_TEST_TMPDIR/libown_preload.so"
	lab "$R0" LD_PRELOAD="$BATS_TEST_TMPDIR/libown_preload.so" own-area preload 2
	rm "$BATS_TEST_TMPDIR/libown_preload.so"
	inspect "$LAB_PID"
	is "$(finding area-invalid)" ""
	is "$(owner)" "object libown_preload.so"
	matches_testimony
}

# --- what rseq_cs points to ---

descriptor() { # descriptor CASE SEVERITY
	local METHOD pointer
	by_bpf
	need_libc_owner
	judge dangling-section "$2" libc descriptor "$1"
	pointer=$(head -n 1 "$LAB_OUT" | jq -r .rseq_cs)
	is "$(json '.processes[0].threads[1].rseq_cs')" "$pointer"
	is "$(lab_report | jq -r .rseq_cs)" "$pointer"
	[ -z "$2" ] || says dangling-section "$pointer"
}

# in_section true|false: of the victim. BPF programs know where a thread sleeps since 5.15.
in_section() {
	local known=$1
	[ "$(printf '%s\n' 5.15 "$(uname -r)" | sort -V | head -n 1)" = 5.15 ] || known=null
	is "$(json '.processes[0].threads[1].in_section')" "$known"
}

@test "dangling-section: its library was closed" {
	descriptor unloaded error
}

@test "dangling-section: its memory was unmapped" {
	descriptor unmapped error
}

@test "dangling-section: a page of zeroes" {
	descriptor zeroes error
}

@test "dangling-section: another version" {
	descriptor version error
}

@test "dangling-section: its abort handler is inside" {
	descriptor abort-inside error
}

@test "dangling-section: its code cannot be executed, or is gone" {
	descriptor not-code error
	descriptor freed-code error
}

@test "dangling-section: not for a section that is valid, and left" {
	descriptor outside ""
	in_section false
	is "$status" 0
	descriptor copy ""
	in_section false
	is "$status" 0
}

@test "dangling-section: not inside a section" {
	descriptor inside ""
	in_section true
	is "$status" 0
}

# --- threads ---

@test "shared-area: clone() with another thread's thread pointer" {
	need_libc_owner
	judge_all_ways shared-area warning libc thread-unregistered raw-clone-shared
	says shared-area "$(head -n 1 "$LAB_OUT" | jq '.threads[-1].tid')"
}

@test "shared-area: not with its own thread pointer, nor for others without a registration" {
	need_libc_owner
	local story
	for story in raw-clone-own-tp unregister child-of-unregistered; do
		judge shared-area "" libc thread-unregistered "$story"
	done
}

@test "shared-area: not for a worker of the kernel" {
	need_libc_owner
	judge shared-area "" libc thread-unregistered io-uring
	is "$status" 0
}

# quiet: the last inspect has nothing above info.
quiet() {
	is "$(json '[.findings[] | select(.severity != "info") | .id] | join(" ")')" ""
	is "$status" 0
}

@test "a child of vfork and its parent: nothing above info" {
	local parent
	lab vfork
	inspect "$LAB_PID"
	quiet
	parent=$(head -n 1 "$LAB_OUT" | jq .parent)
	inspect "$parent"
	quiet
}

@test "threads that come and go: nothing above info" {
	lab storm --threads
	for _ in 1 2 3 4 5; do
		inspect "$LAB_PID"
		quiet
	done
}

@test "thread-unregistered: a filter that closed after the start, and the evidence for it" {
	local errno
	for errno in EPERM ENOSYS; do
		judge_all_ways thread-unregistered warning "object late-filter" "$R0" late-filter "$errno"
		is "$(json '.processes[0] | "\(.threads_registered) \(.threads_total) \(.seccomp)"')" "2 4 filter"
		is "$(json '[.findings[] | select(.id == "thread-unregistered") | .evidence[] | select(test("seccomp"))] | length > 0')" true
	done
}

@test "thread-unregistered: not by a filter after which no thread came" {
	judge thread-unregistered "" "object late-filter" "$R0" late-filter none
	is "$(json '.processes[0].seccomp')" filter
	is "$status" 0
}

# --- rseq that is there and not used ---

@test "unused-registration: a weak reference that the linker made nothing" {
	[ -x "$LAB/weakref-lld" ] || skip "no lld"
	need_libc_owner
	look libc weakref-lld
	[ "$(jq .bound "$LAB_OUT")" = false ] || skip "lld binds it on this architecture"
	is "$(finding unused-registration)" info
	is "$status" 0
	says unused-registration __rseq_offset
	command -v strip >/dev/null || return 0
	strip -o "$BATS_TEST_TMPDIR/stripped" "$LAB/weakref-lld"
	lab_stop
	LAB_BIN=$BATS_TEST_TMPDIR lab stripped
	inspect "$LAB_PID"
	is "$(finding unused-registration)" info
}

@test "unused-registration: not when the reference is bound, copied or linked in" {
	need_libc_owner
	local program
	for program in weakref weakref-nopie weakref-lto weakref-lldpie weakref-static weakref-static-pie; do
		[ -x "$LAB/$program" ] || continue
		lab_stop
		lab "$program"
		is "$(jq .bound "$LAB_OUT")" true
		inspect "$LAB_PID"
		is "$(finding unused-registration)" ""
		is "$(json '.processes[0].owner.kind')" libc
		is "$status" 0
		matches_testimony
	done
}

@test "unused-registration: not for a section that nobody was seen in" {
	judge unused-registration "" "object areas" "$R0" areas standard libsection.so
}

@test "unused-registration: --sample, a section that no thread enters" {
	lab "$R0" areas standard libsection.so
	local start=$SECONDS
	inspect --sample 1 "$LAB_PID"
	[ $((SECONDS - start)) -ge 1 ]
	quiet_but
	is "$(finding unused-registration)" info
	is "$(json '.findings[] | select(.id == "unused-registration") | "\(.confidence) \(.subject.object | split("/") | last)"')" \
		"inferred libsection.so"
	inspect "$LAB_PID" # nobody watched
	is "$(finding unused-registration)" ""
}

@test "unused-registration: --sample, not for a section that a thread is or was in" {
	local case
	for case in inside outside; do
		lab descriptor "$case"
		inspect --sample 1 "$LAB_PID"
		is "$(finding unused-registration)" ""
		matches_testimony
		lab_stop
	done
}
