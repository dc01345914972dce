#!/usr/bin/env bats
# One libc in a root directory: the lab's programs run in there, rseqctl looks from outside.
# tests/libc/run.sh sets LIBC (glibc, musl), LIBC_VERSION and LIBC_ROOT.
load ../lib/lab

setup() {
	LAB_ENV=(sh "$BATS_TEST_DIRNAME/enter.sh" "$LIBC_ROOT")
	LAB_BIN=/lab
	# What makes libc leave rseq to others, where it would take it.
	FREE=()
	! libc_registers || FREE=("$R0")
}

# --- what is true of this libc ---

version_at_least() { # version_at_least VERSION
	[ "$(printf '%s\n' "$1" "$LIBC_VERSION" | sort -V | head -n 1)" = "$1" ]
}

libc_registers() {
	[ "$LIBC" = glibc ] && version_at_least 2.35
}

# The size of what the kernel fills, as it tells every program at its start; 0 before 6.3.
feature_size() {
	od -A n -v -t u8 -w16 /proc/self/auxv | awk '$1 == 27 { size = $2 } END { print size + 0 }'
}

# What __rseq_size means: 20 is "the original fields", until glibc took the kernel's word for it.
true_size() {
	local feature
	feature=$(feature_size)
	if ! libc_registers; then
		echo null
	elif version_at_least 2.41 && [ "$feature" -gt 20 ]; then
		echo "$feature"
	else
		echo 20
	fi
}

true_length() {
	local size
	size=$(true_size)
	[ "$size" -gt 32 ] && echo "$size" || echo 32
}

# --- what the report says ---

# libc's name, version, linkage and values are those of the program.
says_libc() { # says_libc LINKAGE
	is "$(json '.processes[0].libc | "\(.name) \(.version) \(.linkage)"')" "$LIBC $LIBC_VERSION $1"
	says_values
}

says_values() {
	is "$(json '.processes[0].libc | "\(.rseq_offset) \(.rseq_size)"')" \
		"$(jq -r '"\(.rseq_offset) \(.rseq_size)"' "$LAB_OUT")"
}

owner_is() { # owner_is "KIND NAME OBJECT REGISTERED-THREADS"
	is "$(json '.processes[0] | "\(.owner.kind) \(.owner.name) \(.owner.object | . // "-" | split("/") | last) \(.threads_registered)"')" \
		"$1"
}

kind_is() { # kind_is KIND REGISTERED-THREADS
	is "$(json '.processes[0] | "\(.owner.kind) \(.threads_registered)"')" "$1 $2"
}

# libc owns this process's threads, or where it never registers, nobody does.
libc_or_none() { # libc_or_none THREADS
	if libc_registers; then
		kind_is libc "$1"
	else
		kind_is none 0
	fi
}

# With another owner libc's absence is worth a note, but only where libc has been sent away.
notes_libc() {
	if libc_registers; then
		is "$(finding libc-disabled)" info
	else
		is "$(finding libc-disabled)$(finding libc-failed)" ""
	fi
}

# --- tests ---

@test "libc says of itself what it should" {
	lab threads 2
	is "$(jq -c '.rseq_size' "$LAB_OUT")" "$(true_size)"
	is "$(jq -c '.rseq_offset != null' "$LAB_OUT")" "$(libc_registers && echo true || echo false)"
	if libc_registers; then
		is "$(jq -c '[.threads[].length] | unique' "$LAB_OUT")" "[$(true_length)]"
		lab_stop
		lab "$R0" threads 2
		is "$(jq -c '[.rseq_size, .rseq_offset != null, .threads[].libc_cpu_id]' "$LAB_OUT")" "[0,true,-2,-2]"
	fi
	is "$(jq -c '[.threads[].area] | unique' "$LAB_OUT")" "[null]"
}

@test "an ordinary process: owner, libc, every thread" {
	local method
	lab threads 5
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		is "$(json '.findings | length')" 0
		libc_or_none 5
		says_libc dynamic
		is "$(json '.processes[0].namespaces')" 1
		matches_testimony
	done
}

@test "an ordinary process: the first line" {
	lab threads 5
	run "$RSEQCTL" inspect "$LAB_PID"
	is "$status" 0
	if libc_registers; then
		[[ "${lines[0]}" == "$LAB_PID threads: glibc $LIBC_VERSION owns rseq in 5 of 5 threads ($(true_length) bytes"* ]]
	else
		is "${lines[0]}" "$LAB_PID threads: nobody owns rseq: 0 of 5 threads are registered"
	fi
}

@test "without the kernel's record: libc by what it left in memory" {
	lab threads 3
	inspect --method none "$LAB_PID"
	says_libc dynamic
	if libc_registers; then
		is "$status" 0
		is "$(json '[.processes[0].threads[].tid] | sort | join(" ")')" \
			"$(jq -r '[.threads[].tid] | sort | join(" ")' "$LAB_OUT")"
		is "$(json '.processes[0].owner | "\(.kind) \(.name) \(.confidence)"')" "libc glibc inferred"
	else
		is_unknown_or "none"
	fi
}

# Without the kernel's record the owner in memory is found, or not known and said so: a libc that never
# registers may keep no list of its threads either. One that does must lead to the owner.
is_unknown_or() { # is_unknown_or "KIND OBJECT"
	local found
	found=$(json '.processes[0].owner | "\(.kind) \(.object // "" | split("/") | last // "")"')
	if libc_registers || [ "${found%% *}" != null ]; then
		is "${found% }" "$1"
		is "$(json .processes[0].owner.confidence)" inferred
	else
		[ "$(json '[.processes[0].unknown[] | select(.what == "threads" or .what == "owner")] | length')" -gt 0 ]
	fi
}

@test "1,000 threads" {
	lab threads 1000
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '.processes[0].threads_total')" 1000
	libc_or_none 1000
	matches_testimony
}

@test "the tunable: nobody owns, and only a libc that obeys is told on" {
	local method
	lab "$R0" threads 3
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		kind_is none 0
		says_libc dynamic
		matches_testimony
		if libc_registers; then
			is "$status" 1
			is "$(finding libc-disabled)" warning
		else
			is "$status" 0
			is "$(json '.findings | length')" 0
		fi
	done
}

@test "a refused registration: libc-failed, and only where libc tried" {
	lab refused-start EPERM
	inspect "$LAB_PID"
	kind_is none 0
	matches_testimony
	if libc_registers; then
		is "$(finding libc-failed)" warning
	else
		is "$(json '.findings | length')" 0
	fi
}

own_area() { # own_area PLACE "KIND NAME OBJECT" [VAR=VALUE]
	local method
	lab "${FREE[@]}" ${3:+"$3"} own-area "$1" 3
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		# musl's dlclose unloads nothing
		quiet_but $([ "$1 $LIBC" != "dlopen glibc" ] || echo owner-unloadable)
		[[ -z "$2" ]] || owner_is "$2 3"
		is "$(json '.processes[0].threads_registered')" 3
		says_libc dynamic
		notes_libc
		matches_testimony
	done
}

@test "an area of its own: TLS symbol of the executable" {
	own_area exe "object null own-area"
	is "$(json '.processes[0].owner | "\(.place) \(.symbol)"')" "tls-symbol __rseq_abi"
	is "$(json .processes[0].owner.confidence)" certain
	inspect --method none "$LAB_PID"
	is_unknown_or "object own-area"
}

@test "an area of its own: data of the executable" {
	own_area exe-data "object null own-area"
}

@test "an area of its own: preloaded library" {
	own_area preload "object null libown_preload.so" LD_PRELOAD=/lab/libown_preload.so
}

@test "an area of its own: library opened late" {
	own_area dlopen "object null libown_dlopen.so"
	inspect --method none "$LAB_PID"
	is_unknown_or "object libown_dlopen.so"
}

@test "an area of its own: malloc memory" {
	own_area malloc ""
	is "$(json .processes[0].owner.kind)" raw
}

@test "an area of its own: a table indexed by thread id" {
	own_area table ""
	is "$(json .processes[0].owner.kind)" raw
	is "$(json '.processes[0].owner.detail')" \
		"a table indexed by thread id, $(jq .stride "$LAB_OUT") bytes each"
}

@test "two owners in one process" {
	# musl opens no library late that wants its thread-local storage beside that of the program.
	[ "$LIBC" = glibc ] || FREE+=(LD_PRELOAD=/lab/libother.so)
	lab "${FREE[@]}" mixed-owner
	inspect "$LAB_PID"
	is "$status" 1
	is "$(finding mixed-owner)" warning
	kind_is mixed 3
	matches_testimony
}

@test "tcmalloc: the owner where libc is not" {
	local method
	for method in bpf ptrace; do
		lab "${FREE[@]}" tcmalloc-like 4 --no-cache
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		owner_is "object tcmalloc libtcmalloc_like.so 4"
		is "$(finding lost-registration)" ""
		notes_libc
		matches_testimony
		lab_stop
	done
}

@test "tcmalloc: the loser where libc owns" {
	libc_registers || skip "this libc never registers, tcmalloc always wins"
	lab tcmalloc-like 4 --lazy 1
	inspect "$LAB_PID"
	is "$status" 1
	owner_is "libc glibc $(json .processes[0].owner.object | sed 's#.*/##') 4"
	is "$(finding lost-registration)" warning
	is "$(json '[.processes[0].threads[].candidates[].cpu_id] | sort | join(" ")')" "-2 -2 -2 -1"
	matches_testimony
}

@test "librseq: shares libc's area, or owns where libc does not" {
	lab with-librseq 3
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '.findings | length')" 0
	if libc_registers; then
		kind_is libc 3
		says_libc dynamic
		matches_testimony
		lab_stop
		lab "$R0" with-librseq 3
		inspect "$LAB_PID"
		is "$status" 0
	fi
	owner_is "object librseq librseq_like.so 3"
	matches_testimony
}

@test "librseq: a thread that forgot" {
	lab "${FREE[@]}" with-librseq 3 --forget
	inspect "$LAB_PID"
	is "$status" 1
	is "$(finding thread-unregistered)" warning
	is "$(json .processes[0].threads_registered)" 2
	matches_testimony
}

@test "libc's area given back by a thread, and a child of that thread" {
	libc_registers || skip "this libc never registers a thread"
	local method case
	for case in unregister child-of-unregistered; do
		lab thread-unregistered "$case"
		for method in $(methods); do
			inspect --method "$method" "$LAB_PID"
			is "$status" 1
			is "$(finding thread-unregistered)" warning
			kind_is "$(json .processes[0].owner.kind)" 2
			matches_testimony
		done
		lab_stop
	done
}

@test "a dead leader: everything is read through a living thread" {
	lab leader-gone
	inspect "$LAB_PID"
	is "$status" 0
	# The dead thread's registration lasts as long as its record does: the count may have it or not.
	is "$(json .processes[0].owner.kind)" "$(libc_registers && echo libc || echo none)"
	says_libc dynamic
	matches_testimony
}

# A static program may hold nothing that tells its libc's version: then that is what is said.
says_static() {
	is "$(json '.processes[0].libc | "\(.name) \(.linkage)"')" "$LIBC static"
	says_values
	[ "$(json .processes[0].libc.version)" = null ] || is "$(json .processes[0].libc.version)" "$LIBC_VERSION"
	[ "$(json .processes[0].libc.version)" != null ] ||
		is "$(json '[.processes[0].unknown[] | select(.what == "libc.version")] | length')" 1
}

static_program() { # static_program NAME
	local method
	lab "$1" 3
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		libc_or_none 3
		says_static
		matches_testimony
	done
	lab_stop
	lab "$R0" "$1" 3
	inspect "$LAB_PID"
	kind_is none 0
	if libc_registers; then
		is "$(finding libc-disabled)" warning
	else
		is "$(json '.findings | length')" 0
	fi
	matches_testimony
}

@test "a static program" {
	static_program threads-static
}

@test "a static program that can lie anywhere" {
	static_program threads-static-pie
}

stripped_program() { # stripped_program NAME
	local method
	lab "$1" 3
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		libc_or_none 3
		is "$(json .processes[0].libc.linkage)" static
		! libc_registers || is "$(json '.processes[0].owner | "\(.place) \(.confidence)"')" "libc inferred"
		matches_testimony
	done
}

@test "a static program without symbols" {
	stripped_program threads-static-stripped
}

@test "a static program without symbols that can lie anywhere" {
	stripped_program threads-static-pie-stripped
}

@test "a static program with an area of its own" {
	local program place
	for program in own-area-static own-area-static-pie; do
		for place in exe exe-data; do
			lab "${FREE[@]}" "$program" "$place" 3
			inspect "$LAB_PID"
			is "$status" 0
			owner_is "object null $program 3"
			notes_libc
			matches_testimony
			lab_stop
		done
		lab "${FREE[@]}" "$program" malloc 3
		inspect "$LAB_PID"
		kind_is raw 3
		matches_testimony
		lab_stop
	done
}

# stripped_area PROGRAM PLACE: $owner is what the report says, as KIND and PLACE.
stripped_area() {
	lab "${FREE[@]}" "$1-stripped" "$2" 3
	inspect "$LAB_PID"
	is "$(json '[.processes[0].threads[].area] | sort | join(" ")')" \
		"$(jq -r '[.threads[].area] | sort | join(" ")' "$LAB_OUT")"
	owner=$(json '.processes[0].owner | "\(.kind) \(.place)"')
	lab_stop
}

@test "a static program without symbols with an area of its own: never taken for libc's" {
	local program place owner
	for program in own-area-static own-area-static-pie; do
		stripped_area "$program" exe
		is "$owner" "object tls-block"
		stripped_area "$program" exe-data
		is "$owner" "object data"
		for place in malloc table; do # nobody's, or not known: libc's own memory has no name either
			stripped_area "$program" "$place"
			[[ "$owner" == "raw "* ]] || is "$owner" "null null"
		done
	done
}

# namespaces_of FILE: those that the last inspect found it in.
namespaces_of() {
	json "[.processes[0].objects[] | select(.path | endswith(\"/$1\")) | .namespace] | sort | join(\" \")"
}

# owns_in_namespace LIBRARY NAMESPACES, of the running program; loses_in_namespace likewise.
owns_in_namespace() {
	local method
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		# a module of LD_AUDIT stays
		quiet_but namespace-owner $([ "$1" != libinner.so ] || echo owner-unloadable)
		owner_is "object null $1 3"
		is "$(namespaces_of "$1")" "$2"
		is "$(finding lost-registration)" ""
		says_libc dynamic
		notes_libc
		matches_testimony
	done
}

loses_in_namespace() {
	local method
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 1
		kind_is libc 3
		is "$(finding lost-registration)" warning
		is "$(namespaces_of "$1")" "$2"
		is "$(json "[.processes[0].threads[].candidates[] | select(.cpu_id == -2) | .address] | sort | join(\" \")")" \
			"$(jq -r '[.threads[].own_area] | sort | join(" ")' "$LAB_OUT")"
		says_libc dynamic
		matches_testimony
	done
}

need_namespaces() {
	[ "$LIBC" = glibc ] || skip "only glibc has link namespaces"
}

@test "dlmopen: a library in a namespace of its own owns where libc does not" {
	need_namespaces
	lab "${FREE[@]}" dlmopen 3
	owns_in_namespace libinner.so 1
}

@test "dlmopen: a library in a namespace of its own loses where libc owns" {
	need_namespaces
	libc_registers || skip "this libc never registers, the library always wins"
	lab dlmopen 3
	loses_in_namespace libinner.so 1
}

@test "dlmopen: the same library in two namespaces" {
	need_namespaces
	lab "${FREE[@]}" dlmopen 3 --twice
	owns_in_namespace libinner.so "0 1"
	libc_registers || return 0
	lab_stop
	lab dlmopen 3 --twice
	loses_in_namespace libinner.so "0 1"
}

@test "LD_AUDIT: a module with an area of its own owns where libc does not" {
	need_namespaces
	lab "${FREE[@]}" LD_AUDIT=/lab/libaudit_area.so audited 3
	owns_in_namespace libaudit_area.so 1
}

@test "LD_AUDIT: a module with an area of its own loses where libc owns" {
	need_namespaces
	libc_registers || skip "this libc never registers, the module always wins"
	lab LD_AUDIT=/lab/libaudit_area.so audited 3
	loses_in_namespace libaudit_area.so 1
}
