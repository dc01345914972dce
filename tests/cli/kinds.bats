#!/usr/bin/env bats
# Every kind of process, which definition of a symbol is in use, and input that is bad.
# shellcheck disable=SC2016 # $ in single quotes is for the shells that the tests start
load ../lib/lab

# The target runs on, and nobody holds it.
undisturbed() {
	is "$(grep -h '^TracerPid' /proc/"$LAB_PID"/task/*/status | sort -u)" "$(printf 'TracerPid:\t0')"
	is "$(grep -lE '^State:.[tT]' /proc/"$LAB_PID"/task/*/status | wc -l)" 0
	is "$(lab_report | jq .report)" 1
}

# owner: the last report's owner in one line.
owner() {
	json '.processes[0].owner | "\(.kind) \(.name // .object | tostring | split("/") | last) \(.confidence)"'
}

# agrees OWNER [unsure]: every method that asks the kernel tells what the program testifies, and that is
# OWNER. Without the kernel it is inferred; or (unsure) nothing there tells, and then it is not guessed.
agrees() {
	local method
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		matches_testimony
		is "$(owner)" "$1 certain"
		# musl's dlclose unloads nothing
		quiet_but $([[ "$(owner)" != *libown_dlopen.so* || "${LAB_BIN:-}" = */musl ]] || echo owner-unloadable)
	done
	inspect --method none "$LAB_PID"
	if [ "${2:-}" = unsure ] && [ "$(json '.processes[0].owner.kind')" = null ]; then
		is "$status" 3
		[ -n "$(reasons)" ]
	else
		is "$(owner)" "$1 inferred"
	fi
	undisturbed
	inspect --method bpf "$LAB_PID" # callers look at this one
}

need_lab() { # need_lab FOLDER: built, and runs here
	[ -x "$LAB/$1/threads" ] || skip "the lab was built without a compiler for $1"
	"$LAB/$1/threads-static" 1 </dev/null >/dev/null 2>&1 || skip "this kernel does not run $1 programs"
	LAB_BIN=$LAB/$1
}

reasons() {
	json '[.processes[].unknown[] | "\(.what): \(.why)"] + [.errors[].why] | join("\n")'
}

# --- 32 bits ---

@test "32-bit: libc's area, dynamic and static" {
	local program
	need_lab i386
	for program in threads threads-static; do
		lab "$program" 3
		agrees "libc glibc"
		is "$(json '.processes[0].arch')" i686
		is "$(json '.processes[0].libc | "\(.name) \(.linkage)"')" \
			"glibc $([ "$program" = threads ] && echo dynamic || echo static)"
		is "$(json '.processes[0].libc | "\(.rseq_offset) \(.rseq_size)"')" \
			"$(head -n 1 "$LAB_OUT" | jq -r '"\(.rseq_offset) \(.rseq_size)"')"
		is "$(json '.findings | length')" 0
		lab_stop
	done
}

@test "32-bit: without the kernel's record, the thread pointers are those of the threads" {
	need_lab i386
	lab threads 3
	inspect --method none "$LAB_PID"
	is "$(json '[.processes[0].threads[].tp] | sort | join(" ")')" \
		"$(jq -r '[.threads[].tp] | sort | join(" ")' "$LAB_OUT")"
}

@test "32-bit: areas of its own" {
	need_lab i386
	lab "$R0" own-area exe 3
	agrees "object own-area"
	is "$(json '.processes[0].owner.symbol')" __rseq_abi
	lab_stop
	lab "$R0" own-area exe-data 3
	agrees "object own-area" unsure
	is "$(json '.processes[0].owner.place')" data
	lab_stop
	lab "$R0" LD_PRELOAD="$LAB_BIN/libown_preload.so" own-area preload 3
	agrees "object libown_preload.so"
	lab_stop
	lab "$R0" own-area dlopen 3
	agrees "object libown_dlopen.so"
	lab_stop
	lab "$R0" own-area-static exe 3
	agrees "object own-area-static" unsure
	is "$(json '.processes[0].owner.symbol')" __rseq_abi
}

@test "32-bit: memory of no object" {
	need_lab i386
	lab "$R0" own-area malloc 2
	agrees "raw [heap]" unsure
}

@test "32-bit: nobody owns" {
	need_lab i386
	lab "$R0" threads 2
	inspect "$LAB_PID"
	is "$status" 1
	is "$(finding libc-disabled)" warning
	is "$(json '.processes[0].owner.kind')" none
}

@test "32-bit: two libraries, different threads" {
	local method
	need_lab i386
	lab "$R0" mixed-owner
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 1
		is "$(finding mixed-owner)" warning
		matches_testimony
	done
}

@test "32-bit: threads that are not registered, and why" {
	local case method
	need_lab i386
	for case in unregister child-of-unregistered raw-clone-shared; do
		lab thread-unregistered "$case"
		for method in $(methods); do
			inspect --method "$method" "$LAB_PID"
			matches_testimony
			is "$(finding thread-unregistered)" "$([[ $case == raw-* ]] && echo info || echo warning)"
			is "$(json '.processes[0].threads_registered')" \
				"$(jq '[.threads[] | select(.area != null)] | length' "$LAB_OUT")"
		done
		lab_stop
	done
}

# --- musl ---

@test "musl: nobody owns, and nothing is wrong" {
	local program method
	need_lab musl
	for program in threads threads-static; do
		lab "$program" 3
		for method in $(methods); do
			inspect --method "$method" "$LAB_PID"
			is "$status" 0
			matches_testimony
			is "$(json '.processes[0].owner.kind')" none
			is "$(json '.processes[0].threads_registered')" 0
			is "$(json '.findings | length')" 0
		done
		is "$(json '.processes[0].libc.linkage')" "$([ "$program" = threads ] && echo dynamic || echo static)"
		[ "$(json '.processes[0].libc.name')" != glibc ]
		inspect --method none "$LAB_PID"
		[[ "$(json '.processes[0].owner.kind')" == @(null|none) ]]
		undisturbed
		lab_stop
	done
}

@test "musl: the dynamic one is known by its name" {
	need_lab musl
	lab threads 1
	inspect "$LAB_PID"
	is "$(json '.processes[0].libc.name')" musl
}

@test "musl: areas of its own" {
	need_lab musl
	lab own-area exe 3
	agrees "object own-area" unsure
	is "$(json '.processes[0].owner.symbol')" __rseq_abi
	lab_stop
	lab own-area exe-data 3
	agrees "object own-area" unsure
	lab_stop
	lab LD_PRELOAD="$LAB_BIN/libown_preload.so" own-area preload 3
	agrees "object libown_preload.so" unsure
	lab_stop
	lab own-area-static exe 3
	agrees "object own-area-static" unsure
	is "$(json '.processes[0].owner.symbol')" __rseq_abi
	is "$(json '[.findings[] | select(.severity != "info")] | length')" 0
}

@test "musl: an area of its own in a library opened late" {
	need_lab musl
	lab own-area dlopen 3
	agrees "object libown_dlopen.so" unsure
}

@test "musl: memory of no object" {
	need_lab musl
	lab own-area table 3
	inspect "$LAB_PID"
	matches_testimony
	is "$(json '.processes[0].owner | "\(.kind) \(.place)"')" "raw anonymous"
}

# --- static, stripped ---

@test "static programs with an area of their own" {
	local program
	for program in own-area-static own-area-static-pie; do
		lab "$R0" "$program" exe 3
		agrees "object $program" unsure
		is "$(json '.processes[0].owner.symbol')" __rseq_abi
		lab_stop
		lab "$R0" "$program" exe-data 3
		agrees "object $program" unsure
		is "$(json '.processes[0].owner.place')" data
		lab_stop
	done
}

stripped() { # stripped PROGRAM: makes it the next one that lab starts
	command -v strip >/dev/null || skip "no strip"
	LAB_BIN=$BATS_TEST_TMPDIR/stripped
	mkdir -p "$LAB_BIN"
	strip -o "$LAB_BIN/$1" "$LAB/$1"
}

@test "stripped, static: libc's by where it lies" {
	local program method
	for program in threads-static threads-static-pie; do
		stripped "$program"
		lab "$program" 3
		for method in $(methods); do
			inspect --method "$method" "$LAB_PID"
			is "$status" 0
			matches_testimony
			is "$(json '.processes[0].owner | "\(.kind) \(.place) \(.confidence)"')" "libc libc inferred"
			is "$(json '.processes[0] | "\(.threads_registered) \(.libc.linkage)"')" "3 static"
			is "$(json '[.findings[] | select(.severity != "info")] | length')" 0
		done
		undisturbed
		lab_stop
	done
}

@test "stripped, static: an area of its own is not taken for libc's" {
	local program place method
	for program in own-area-static own-area-static-pie; do
		stripped "$program"
		for place in exe exe-data; do
			lab "$R0" "$program" "$place" 3
			for method in $(methods); do
				inspect --method "$method" "$LAB_PID"
				is "$(json '.processes[0].owner | "\(.kind) \(.object | tostring | split("/") | last)"')" \
					"object $program"
				is "$(json '.processes[0].threads_registered')" 3
				is "$(json "[.processes[0].threads[].area] | sort | join(\" \")")" \
					"$(jq -r '[.threads[].area] | sort | join(" ")' "$LAB_OUT")"
			done
			lab_stop
		done
	done
}

@test "stripped, dynamic: libc is still known" {
	stripped threads
	lab threads 3
	agrees "libc glibc"
}

@test "stripped, dynamic: an area of its own lies in the program's thread-local storage" {
	local method
	stripped own-area
	lab "$R0" own-area exe 3
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		is "$(owner)" "object own-area certain"
		is "$(json '.processes[0].owner.place')" tls-block
		is "$(json '.processes[0].owner.symbol')" null
	done
	lab_stop
	lab "$R0" own-area exe-data 3
	inspect "$LAB_PID"
	is "$(owner)" "object own-area certain"
	matches_testimony
}

@test "stripped: a 32-bit and a musl program" {
	local folder
	command -v strip >/dev/null || skip "no strip"
	for folder in i386 musl; do
		[ -x "$LAB/$folder/threads" ] || skip "the lab was built without a compiler for $folder"
		LAB_BIN=$BATS_TEST_TMPDIR/$folder
		mkdir "$LAB_BIN"
		strip -o "$LAB_BIN/threads-static" "$LAB/$folder/threads-static"
		lab threads-static 2
		inspect "$LAB_PID"
		is "$status" 0
		matches_testimony
		is "$(json '.processes[0].owner.kind')" "$([ $folder = i386 ] && echo libc || echo none)"
		lab_stop
	done
}

# --- where the program comes from ---

# interpreter PROGRAM: the first path in the file that names one; readelf is not everywhere.
interpreter() {
	grep -aoE '/[a-zA-Z0-9_/.-]+/ld[a-zA-Z0-9_.-]*\.so[0-9.]*' "$1" | head -n 1
}

@test "a program whose DT_DEBUG was zeroed or removed" {
	local lie
	for lie in zeroed removed; do
		lab liar "$lie"
		agrees "libc glibc"
		is "$(json '.processes[0].unknown | length')" 0
		lab_stop
	done
}

@test "a program started by ld.so" {
	local ld
	ld=$(interpreter "$LAB/threads")
	LAB_BIN=${ld%/*}
	lab "${ld##*/}" "$LAB/threads" 3
	agrees "libc glibc"
	lab_stop
	lab "$R0" "${ld##*/}" "$LAB/own-area" exe 3
	agrees "object own-area"
	lab_stop
	lab "$R0" "${ld##*/}" --preload "$LAB/libown_preload.so" "$LAB/own-area" preload 3
	agrees "object libown_preload.so"
}

@test "a program started by ld.so, 32-bit" {
	local ld
	need_lab i386
	ld=$(interpreter "$LAB_BIN/threads")
	LAB_BIN=${ld%/*}
	lab "${ld##*/}" "$LAB/i386/threads" 3
	agrees "libc glibc"
}

# lab_wrapped SCRIPT PROGRAM ARG...: the lab program started by a shell script, which gets its path as $1.
lab_wrapped() {
	LAB_BIN=$BATS_TEST_TMPDIR/wrapped
	mkdir -p "$LAB_BIN"
	printf '#!/usr/bin/env bash\n%s\n' "$1" >"$LAB_BIN/start"
	chmod +x "$LAB_BIN/start"
	shift
	lab "${vars[@]}" start "$@"
}

need_namespaces() {
	need_root
	unshare "$@" true 2>/dev/null || skip "this kernel makes no namespace of its own with $*"
}

@test "a program and a library on a file system that only it sees" {
	local vars=("$R0")
	need_namespaces -m
	mkdir "$BATS_TEST_TMPDIR/mnt"
	lab_wrapped "exec unshare -m bash -c 'mount -t tmpfs none $BATS_TEST_TMPDIR/mnt &&
		cp $LAB/own-area $LAB/libown_dlopen.so $BATS_TEST_TMPDIR/mnt &&
		exec $BATS_TEST_TMPDIR/mnt/own-area \"\$@\"' bash \"\$@\"" dlopen 3
	is "$(find "$BATS_TEST_TMPDIR/mnt" -type f | wc -l)" 0
	agrees "object libown_dlopen.so"
	is "$(json '.processes[0].unknown | length')" 0
}

@test "a program and a library in a chroot" {
	local vars=("$R0") root=$BATS_TEST_TMPDIR/root lib
	need_root
	mkdir -p "$root/lab" "$root/proc"
	cp "$LAB/own-area" "$LAB/libown_dlopen.so" "$root/lab"
	"$(interpreter "$LAB/own-area")" --list "$LAB/own-area" | grep -oE '/[^ )]+' | while read -r lib; do
		mkdir -p "$root/${lib%/*}"
		cp "$lib" "$root/$lib"
	done
	need_namespaces -m
	lab_wrapped "exec unshare -m bash -c 'mount -o bind /proc $root/proc && exec chroot $root /lab/own-area \"\$@\"' bash \"\$@\"" \
		dlopen 3
	agrees "object libown_dlopen.so"
	is "$(json '.processes[0].libc.name')" glibc
	is "$(json '.processes[0].unknown | length')" 0
}

# The testimony has the numbers of its own namespace: those of this one instead.
translate_testimony() { # translate_testimony PID
	local task pairs=
	for task in /proc/"$1"/task/*; do
		pairs+="\"$(awk '/^NSpid:/ { print $NF }' "$task/status")\": ${task##*/},"
	done
	LAB_PID=$1
	jq -c --argjson outside "{${pairs%,}}" '.pid = $outside[.pid | tostring]
		| .threads[].tid |= $outside[tostring]' "$LAB_OUT" >"$BATS_TEST_TMPDIR/outside"
	is "$(jq .pid "$BATS_TEST_TMPDIR/outside")" "$1"
	LAB_OUT=$BATS_TEST_TMPDIR/outside
}

child_of() { # child_of PID: the only one
	cat /proc/"$1"/task/*/children | tr -d ' '
}

@test "a process in another PID namespace" {
	local vars=() method
	need_namespaces -m -p --fork
	lab_wrapped "exec unshare -m -p --fork --kill-child bash -c 'mount -t proc proc /proc &&
		exec $LAB/threads \"\$@\"' bash \"\$@\"" 3
	translate_testimony "$(child_of "$LAB_CHILD")"
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		matches_testimony
		is "$(owner)" "libc glibc certain"
	done
	inspect --method none "$LAB_PID"
	is "$(owner)" "libc glibc inferred"
	is "$(json '[.processes[0].threads[].tp] | sort | join(" ")')" \
		"$(jq -r '[.threads[].tp] | sort | join(" ")' "$LAB_OUT")"
}

@test "inside a PID namespace: the numbers are those of the namespace" {
	local method wrapper=$BATS_TEST_TMPDIR/inside outside=$RSEQCTL
	need_namespaces -m -p --fork
	# one namespace for both: the lab program is its child, and what it says is with its own numbers
	cat >"$wrapper" <<-END
		#!/usr/bin/env bash
		# $outside inside, after a lab program that has the number of its testimony
		exec unshare -m -p --fork --kill-child bash -c '
			mount -t proc proc /proc || exit 77
			mkfifo in; "$LAB/threads" 3 <in >out 8>&- & exec 9>in
			while ! read -r _ <out; do sleep 0.02; done
			"$outside" "\$@" "\$(jq .pid out)" 9>&-
			status=\$?
			exec 9>&-
			wait
			exit \$status' bash "\$@"
	END
	chmod +x "$wrapper"
	LAB_PID=$$
	for method in $(methods); do
		(cd "$BATS_TEST_TMPDIR" && rm -f in out)
		status=0
		(cd "$BATS_TEST_TMPDIR" && "$wrapper" inspect --json --method "$method" >json 2>err) || status=$?
		[ "$status" != 77 ] || skip "proc cannot be mounted in a PID namespace here"
		JSON=$BATS_TEST_TMPDIR/json LAB_OUT=$BATS_TEST_TMPDIR/out
		cat "$BATS_TEST_TMPDIR/err"
		is "$status" 0
		is "$(json '.processes[0].method')" "$method"
		matches_testimony
		is "$(owner)" "libc glibc certain"
	done
}

@test "executables and libraries that were deleted, or replaced" {
	need_root
	LAB_BIN=$BATS_TEST_TMPDIR/bin
	mkdir "$LAB_BIN"
	cp "$LAB/own-area" "$LAB/libown_dlopen.so" "$LAB_BIN"
	lab "$R0" own-area dlopen 3
	rm "$LAB_BIN/own-area" "$LAB_BIN/libown_dlopen.so"
	inspect "$LAB_PID"
	quiet_but owner-unloadable
	is "$(json '.processes[0].owner.object | test("libown_dlopen.so")')" true
	is "$(json '[.processes[0].threads[] | select(.owner.symbol == "__rseq_abi")] | length')" 3
	lab_stop

	cp "$LAB/own-area" "$LAB_BIN"
	lab "$R0" own-area exe 3
	rm "$LAB_BIN/own-area"
	cp "$LAB/threads" "$LAB_BIN/own-area"
	inspect "$LAB_PID"
	is "$status" 0
	is "$(json '[.processes[0].threads[] | select(.owner.symbol == "__rseq_abi")] | length')" 3
	is "$(json '.processes[0].exe | test("own-area")')" true
}

# --- which definition wins ---

# looked_up [OBJECT...]: the report has what each object testifies; OBJECT: its own reference is no witness
looked_up() {
	inspect "$LAB_PID"
	jq -e --slurpfile t <(head -n 1 "$LAB_OUT") --argjson own \
		"$(printf '%s\n' "$@" | jq -R . | jq -s .)" -f "$TESTS/lib/lookup.jq" "$JSON"
}

# why OBJECT: whether and why its definition wins.
why() {
	jq -r --arg o "$1" '.processes[0].objects[] | select(.path | endswith("/" + $o)) | .symbols[]
		| select(.name == "__rseq_abi") | "\(.wins) \(.wins_reason)"' "$JSON"
}

@test "look-up: the executable's, exported with -rdynamic, before a library opened late" {
	lab lookup-exe local:liblookup_a.so local:liblookup_ref.so
	looked_up
	is "$(why lookup-exe)" "true executable"
	is "$(why liblookup_a.so)" "false defined earlier by another object"
}

@test "look-up: the executable's, exported because a library on the link line refers to it" {
	lab lookup-byref local:liblookup_b.so
	looked_up
	is "$(why lookup-byref)" "true executable"
	is "$(why liblookup_b.so)" "false defined earlier by another object"
}

@test "look-up: not the executable's when it is not exported" {
	lab lookup-hidden local:liblookup_a.so
	looked_up lookup-hidden
	is "$(why lookup-hidden)" "null null"
	is "$(why liblookup_a.so)" "true local scope"
}

@test "look-up: two dependencies, in their order" {
	lab lookup-deps
	looked_up
	is "$(why liblookup_b.so)" "true dependency order"
	is "$(why liblookup_a.so)" "false defined earlier by another object"
}

@test "look-up: a preloaded object before the dependencies" {
	lab LD_PRELOAD="$LAB/liblookup_b.so" lookup-ref local:liblookup_weakref.so
	looked_up
	is "$(why liblookup_b.so)" "true preload"
	is "$(why liblookup_a.so)" "false defined earlier by another object"
}

@test "look-up: two preloaded objects, in their order" {
	lab LD_PRELOAD="$LAB/liblookup_a.so $LAB/liblookup_b.so" lookup local:liblookup_ref.so
	looked_up
	is "$(why liblookup_a.so)" "true preload"
	is "$(why liblookup_b.so)" "false defined earlier by another object"
}

@test "look-up: a preloaded object that is a dependency as well" {
	lab LD_PRELOAD="$LAB/liblookup_a.so" lookup-deps
	looked_up
	is "$(why liblookup_b.so | cut -d ' ' -f 1)" false
	is "$(why liblookup_a.so | cut -d ' ' -f 1)" true
}

@test "look-up: libraries opened late keep to themselves" {
	lab lookup local:liblookup_a.so local:liblookup_b.so local:liblookup_needs_a.so local:liblookup_weakref.so
	looked_up
	is "$(why liblookup_a.so)" "true local scope"
	is "$(why liblookup_b.so)" "true local scope"
	# found through its own dependency; and by the one without any, nowhere
	is "$(json '[.processes[0].objects[] | select(.path | endswith("/liblookup_weakref.so")) | .symbols[]
		| select(.name == "__rseq_abi") | has("binds"), .binds] | map(tostring) | join(" ")')" "true null"
}

@test "look-up: a library opened late for all, by all that come after it" {
	lab lookup global:liblookup_b.so local:liblookup_a.so local:liblookup_ref.so
	looked_up
	is "$(why liblookup_b.so)" "true global scope"
	is "$(why liblookup_a.so)" "false defined earlier by another object"
}

@test "look-up: a library opened late for all does not reach those before it" {
	lab lookup local:liblookup_a.so local:liblookup_weakref.so global:liblookup_b.so
	looked_up
	is "$(why liblookup_a.so | cut -d ' ' -f 1)" true
}

@test "look-up: a library opened late, and then once more for all" {
	lab lookup local:liblookup_b.so global:liblookup_b.so local:liblookup_a.so local:liblookup_ref.so
	looked_up
	is "$(why liblookup_b.so)" "true global scope"
}

@test "look-up: what a library for all depends on is for all as well" {
	lab lookup global:liblookup_needs_a.so local:liblookup_b.so local:liblookup_ref.so
	looked_up
	is "$(why liblookup_a.so)" "true global scope"
	is "$(why liblookup_b.so)" "false defined earlier by another object"
}

# Relocated before b was for all: the list of scopes as it is now says something else.
@test "look-up: what was made for all later does not reach those that were there" {
	lab lookup local:liblookup_b.so local:liblookup_weakref.so global:liblookup_b.so local:liblookup_a.so
	looked_up
	is "$(why liblookup_b.so)" "true global scope"
}

@test "look-up: a weak definition is as good as another" {
	lab LD_PRELOAD="$LAB/liblookup_weak.so $LAB/liblookup_b.so" lookup local:liblookup_ref.so
	looked_up
	is "$(why liblookup_weak.so)" "true preload"
	is "$(why liblookup_b.so)" "false defined earlier by another object"
}

@test "look-up: RTLD_DEEPBIND finds its own dependency before the executable" {
	local method
	lab "$R0" lookup-exe deep:liblookup_needs_a.so local:liblookup_ref.so own:liblookup_needs_a.so
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		matches_testimony
		is "$(owner)" "object liblookup_a.so certain"
	done
	looked_up liblookup_a.so
	is "$(why lookup-exe)" "true executable"
}

@test "look-up: versions lead past an earlier definition of another version" {
	lab LD_PRELOAD="$LAB/liblookup_v1.so $LAB/liblookup_v2.so" lookup \
		local:liblookup_ref.so local:liblookup_ref1.so local:liblookup_ref2.so
	looked_up
	is "$(why liblookup_v1.so)" "true preload"
	is "$(why liblookup_v2.so)" "true preload"
	is "$(json '[.processes[0].objects[] | select(.path | endswith("/liblookup_ref2.so")) | .symbols[]
		| select(.name == "__rseq_abi") | .version] | join(" ")')" RSEQ_2.0
}

@test "look-up: a definition without versions serves every version" {
	lab lookup-exe local:liblookup_ref1.so local:liblookup_ref2.so
	looked_up
	is "$(why lookup-exe)" "true executable"
	is "$(why liblookup_v1.so)" "false defined earlier by another object"
}

@test "look-up: a reference without a version takes a definition that has one" {
	lab LD_PRELOAD="$LAB/liblookup_v2.so" lookup local:liblookup_ref.so local:liblookup_a.so
	looked_up
	is "$(why liblookup_v2.so)" "true preload"
}

@test "look-up: -Bsymbolic loses to the executable and uses its own all the same" {
	local method
	lab "$R0" lookup-exe local:liblookup_symbolic.so own:liblookup_symbolic.so
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		matches_testimony
		is "$(owner)" "object liblookup_symbolic.so certain"
	done
	looked_up liblookup_symbolic.so
	is "$(why lookup-exe)" "true executable"
	is "$(why liblookup_symbolic.so)" "false defined earlier by another object"
}

@test "look-up: who registers by a reference owns by another's definition" {
	local method program
	lab "$R0" lookup-exe local:liblookup_a.so own:liblookup_a.so
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		matches_testimony
		is "$(owner)" "object lookup-exe certain"
	done
	lab_stop
	lab "$R0" lookup-deps own:liblookup_ref.so
	inspect "$LAB_PID"
	matches_testimony
	is "$(owner)" "object liblookup_b.so certain"
	lab_stop
	lab "$R0" LD_PRELOAD="$LAB/liblookup_v1.so $LAB/liblookup_v2.so" lookup \
		local:liblookup_ref2.so own:liblookup_ref2.so
	inspect "$LAB_PID"
	matches_testimony
	is "$(owner)" "object liblookup_v2.so certain"
}

# --- bad input ---

@test "a stopped process: read as it is, and still stopped afterwards" {
	local method
	lab threads 4
	kill -STOP "$LAB_PID"
	until [ "$(grep -cE '^State:.T' /proc/"$LAB_PID"/task/*/status | grep -c ':1$')" = 4 ]; do sleep 0.02; done
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$status" 0
		matches_testimony
		is "$(owner)" "libc glibc certain"
		is "$(grep -hE '^State:' /proc/"$LAB_PID"/task/*/status | sort -u)" "$(printf 'State:\tT (stopped)')"
	done
	inspect --method none "$LAB_PID"
	is "$(owner)" "libc glibc inferred"
	kill -CONT "$LAB_PID"
	undisturbed
}

# freezer v1|v2 COMMAND: in a group that only this run has; the hierarchy is mounted for the command alone.
freezer() {
	local mount
	mkdir -p "$BATS_TEST_TMPDIR/cgroup"
	case $1 in
	v1) mount="-t cgroup -o freezer" ;;
	v2) mount="-t cgroup2" ;;
	esac
	timeout 60 unshare -m bash -c "mount $mount none '$BATS_TEST_TMPDIR/cgroup' && cd '$BATS_TEST_TMPDIR/cgroup' &&
		mkdir -p rseqctl-test.$BATS_ROOT_PID && cd rseqctl-test.$BATS_ROOT_PID && $2"
}

freeze() { # freeze v1|v2, or skips
	need_namespaces -m
	case $1 in
	v1) freezer v1 "echo $LAB_PID >cgroup.procs && echo FROZEN >freezer.state && test -e freezer.state" ;;
	v2) freezer v2 "echo $LAB_PID >cgroup.procs && echo 1 >cgroup.freeze" ;;
	esac 2>/dev/null || {
		thaw "$1" 2>/dev/null || true
		skip "no $1 freezer here"
	}
	FROZEN=$1
	case $1 in
	v1) freezer v1 'until [ "$(cat freezer.state)" = FROZEN ]; do sleep 0.02; done' ;;
	v2) freezer v2 'until grep -q "^frozen 1" cgroup.events; do sleep 0.02; done' ;;
	esac
}

thaw() {
	case $1 in
	v1) freezer v1 'echo THAWED >freezer.state; for p in $(cat cgroup.procs); do echo $p >../cgroup.procs; done; cd ..; rmdir "$OLDPWD"' ;;
	v2) freezer v2 'echo 0 >cgroup.freeze; for p in $(cat cgroup.procs); do echo $p >../cgroup.procs; done; cd ..; rmdir "$OLDPWD"' ;;
	esac
	FROZEN=
}

teardown() {
	[ -z "${FROZEN:-}" ] || thaw "$FROZEN" # or it never ends
	[ -z "${LAB_PID:-}" ] || kill -CONT "$LAB_PID" 2>/dev/null || true
	lab_stop
}

frozen() { # frozen v1|v2
	local asks_by_ptrace
	lab threads 4
	asks_by_ptrace=$(methods | grep -c ptrace || true)
	freeze "$1"
	inspect --method bpf "$LAB_PID"
	is "$status" 0
	matches_testimony
	is "$(owner)" "libc glibc certain"
	inspect --method none "$LAB_PID"
	is "$(owner)" "libc glibc inferred"
	inspect --method ptrace "$LAB_PID"
	if [ "$(json '.processes[0].threads_registered')" = 4 ]; then
		matches_testimony
	else # the v1 freezer lets nothing stop: then the memory tells no less than it did before
		[ "$asks_by_ptrace" = 0 ] || [[ "$(reasons)" == *"cannot be stopped"* ]]
		is "$(json '[.processes[0].threads[] | select(.registered == false)] | length')" 0
		is "$(owner)" "libc glibc inferred"
	fi
	thaw "$1"
	undisturbed
	inspect "$LAB_PID"
	is "$status" 0
	matches_testimony
}

@test "a process frozen by the v1 freezer" {
	frozen v1
}

@test "a process frozen by the v2 freezer" {
	frozen v2
}

@test "a child of vfork: registered nowhere, and nothing is wrong" {
	local method
	lab vfork
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$(json '.processes[0] | "\(.threads_registered) \(.owner.kind)"')" "0 none"
		matches_testimony
		is "$(json '[.findings[] | select(.severity != "info")] | length')" 0
		is "$status" 0
	done
	inspect --method none "$LAB_PID" # the memory is its parent's, and so are the threads that libc lists there
	is "$status $(json '.processes[0].owner.kind')" "3 null"
	[[ "$(reasons)" == *vfork* ]]
	undisturbed
}

@test "a parent that waits for its child of vfork" {
	lab vfork
	jq -c '{pid: .parent, threads: .of_parent.threads}' "$LAB_OUT" >"$BATS_TEST_TMPDIR/parent"
	LAB_OUT=$BATS_TEST_TMPDIR/parent
	LAB_PID=$(jq .pid "$LAB_OUT")
	inspect --method bpf "$LAB_PID"
	is "$status" 0
	matches_testimony
	is "$(owner)" "libc glibc certain"
	inspect --method ptrace "$LAB_PID" # it cannot stop before the child is gone
	is "$(json '[.processes[0].threads[] | select(.registered == false)] | length')" 0
	[ "$(json '.processes[0].threads_registered')" = 2 ] || [ -n "$(reasons)" ]
	is "$(json '.processes[0].owner | "\(.kind) \(.name)"')" "libc glibc"
	is "$(grep -h '^TracerPid' /proc/"$LAB_PID"/task/*/status | sort -u)" "$(printf 'TracerPid:\t0')"
	exec 8>&-
	status=0
	wait "$LAB_CHILD" || status=$? # it came back from its wait
	is "$status" 0
	LAB_CHILD=
}

@test "--all, with a stopped process, a child of vfork and its parent, and a list in change for ever" {
	local dir=$BATS_TEST_TMPDIR/all pid pids=() name
	mkdir "$dir"
	mkfifo "$dir/in"
	sleep 600 >"$dir/in" 3>&- 8>&- & # holds it open for all of them
	local holder=$!
	for name in threads vfork liar; do
		set -- "$name"
		[ "$name" != threads ] || set -- threads 2
		[ "$name" != liar ] || set -- liar adding
		"$LAB/$1" "${@:2}" <"$dir/in" >"$dir/$name" 3>&- &
		soon said "$dir/$name"
		pids+=("$(jq .pid "$dir/$name")")
	done
	pids+=("$(jq .parent "$dir/vfork")")
	LAB_PID=${pids[0]} # goes on at the end, come what may
	kill -STOP "$LAB_PID"
	inspect --all
	kill "$holder"
	[ "$status" -le 1 ]
	for pid in "${pids[@]}"; do
		is "$(json "[.processes[] | select(.pid == $pid and .threads_registered != null)] | length")" 1
		is "$(json "[.findings[] | select(.subject.pid == $pid and .severity != \"info\")] | length")" 0
	done
}

@test "libraries that come and go all the time" {
	local method i seen=0
	lab storm --libraries
	# ten looks, and more until one is in time
	for ((i = 0; i < 10 || (seen == 0 && i < 200); i++)); do
		for method in $(methods); do
			inspect --method "$method" "$LAB_PID"
			is "$(json '.processes[0].threads_registered')" 1
			is "$(json '[.findings[] | select(.severity != "info")] | length')" 0
			case $status in
			0)
				is "$(owner)" "libc glibc certain"
				seen=$((seen + 1))
				;;
			3) [ -n "$(reasons)" ] ;;
			*) return 1 ;;
			esac
		done
	done
	[ "$seen" -ge 1 ]
	is "$(lab_report | jq .report)" 1
	is "$(awk '/^TracerPid/ { print $2 }' /proc/"$LAB_PID"/status)" 0
}

@test "a list of objects that is in change for ever" {
	local method
	lab liar adding
	for method in $(methods); do
		inspect --method "$method" "$LAB_PID"
		is "$(json '.processes[0].threads_registered')" 3
		case "$status $(json '.processes[0].owner.kind')" in
		"0 libc" | "3 null" | "3 libc") ;;
		*) return 1 ;;
		esac
		[[ "$(reasons)" == *chang* ]]
	done
	undisturbed
}

@test "an environment that was overwritten is unknown, not unset" {
	local lie
	for lie in title zero; do
		lab "$R0" environment "$lie"
		inspect "$LAB_PID"
		is "$(json '.processes[0].tunables')" null
		[[ "$(reasons)" == *tunables:* ]]
		is "$(finding libc-failed)" ""
		is "$(finding libc-disabled)" ""
		is "$(json '.processes[0] | "\(.owner.kind) \(.threads_registered)"')" "none 0"
		matches_testimony
		lab_stop
		lab environment "$lie" # it changes nothing for who owns
		inspect "$LAB_PID"
		is "$(owner)" "libc glibc certain"
		is "$(json '.findings | length')" 0
		matches_testimony
		lab_stop
	done
}

@test "an environment with nonsense, and one that was moved away: no certain reason" {
	local lie
	for lie in nonsense moved; do
		lab "$R0" environment "$lie"
		inspect "$LAB_PID"
		is "$(finding libc-disabled)" ""
		is "$(json '[.findings[] | select(.id == "libc-failed" and .confidence == "certain")] | length')" 0
		matches_testimony
		iconv -f UTF-8 -t UTF-8 "$JSON" >/dev/null
		run "$RSEQCTL" inspect "$LAB_PID"
		is "$(printf '%s' "$output" | LC_ALL=C tr -d '[:print:]\n' | wc -c)" 0
		lab_stop
	done
}

# without_btf HOW: rseqctl where the kernel's types are hidden, from now on.
without_btf() {
	local real=$RSEQCTL
	[ -e /sys/kernel/btf/vmlinux ] || skip "this kernel has no BTF to hide"
	need_namespaces -m
	: >"$BATS_TEST_TMPDIR/empty"
	RSEQCTL=$BATS_TEST_TMPDIR/rseqctl-without-btf
	case $1 in
	file) printf '#!/usr/bin/env bash\nexec unshare -m bash -c '\''mount -o bind %s /sys/kernel/btf/vmlinux && exec "$0" "$@"'\'' %s "$@"\n' \
		"$BATS_TEST_TMPDIR/empty" "$real" ;;
	folder) printf '#!/usr/bin/env bash\nexec unshare -m bash -c '\''mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"'\'' %s "$@"\n' "$real" ;;
	esac >"$RSEQCTL"
	chmod +x "$RSEQCTL"
}

@test "without BTF: another way, or the reason" {
	local how real=$RSEQCTL
	for how in file folder; do
		RSEQCTL=$real
		without_btf "$how"
		lab tcmalloc-like 3
		inspect "$LAB_PID" # as auto
		if [ "$(json '.processes[0].method')" = none ]; then # a kernel that has no other way
			is "$(owner)" "libc glibc inferred"
			[[ "$(json '.host.unknown[] | select(.what == "method") | .why')" == *BTF* ]]
		else
			is "$(json '.processes[0].threads_registered')" 3
			matches_testimony
			is "$(owner)" "libc glibc certain"
		fi
		inspect --method bpf "$LAB_PID"
		case $status in
		1) matches_testimony ;; # lost-registration; the kernel itself relocated
		3) [[ "$(json '.errors[0].why')" == @(*BTF*|*/sys/kernel/btf*) ]] ;;
		*) return 1 ;;
		esac
		inspect --method bpf -v "$LAB_PID" # libbpf's own way
		case $status in
		1) matches_testimony ;;
		3) [[ "$(json '.errors[0].why')" == @(*BTF*|*/sys/kernel/btf*) ]] ;;
		*) return 1 ;;
		esac
		lab_stop
	done
}

@test "hidepid: what is hidden is not there, and all the rest is read" {
	need_namespaces -m
	local option own dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cp "$RSEQCTL" "$dir/rseqctl"
	cp "$LAB/threads" "$dir"
	chmod -R a+rwX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	lab_as_nobody "$dir/threads" 1
	own=$(jq .pid "$dir/out")
	exec 9>&8 # both keep their input
	lab threads 2
	for option in 2 4; do
		cat >"$dir/hidden" <<-END
			#!/usr/bin/env bash
			exec unshare -m bash -c 'mount -t proc -o hidepid=$option proc /proc || exit 77
				exec setpriv --reuid $NOBODY --regid $NOBODY --clear-groups --bounding-set=-all --inh-caps=-all \
				$dir/rseqctl "\$@"' bash "\$@"
		END
		chmod a+x "$dir/hidden"
		"$dir/hidden" --version >/dev/null 2>&1 || {
			[ "$option" != 2 ] || skip "proc cannot be mounted with hidepid here"
			continue # 4 came later
		}
		RSEQCTL=$dir/hidden inspect "$LAB_PID"
		is "$status" 3
		is "$(json '.processes | length')" 0
		is "$(json '.errors[0].why')" "no such process"
		RSEQCTL=$dir/hidden inspect --all
		is "$status" 0
		is "$(json "[.processes[] | select(.pid == $LAB_PID)] | length")" 0
		is "$(json "[.processes[] | select(.pid == $own)] | length")" 1
	done
	undisturbed
}
