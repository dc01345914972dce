#!/usr/bin/env bats
# Libraries of every era that want rseq: who registers, who shares, who loses, and what dlopen and
# dlclose do to it.
load ../lib/lab

# look: inspects by every method; they agree with the program, and with each other.
look() {
	local method
	for method in $(methods | tac); do
		inspect --method "$method" "$LAB_PID"
		matches_testimony
		json '[.findings[] | "\(.id) \(.severity)"] | sort | join("\n")' >"$BATS_TEST_TMPDIR/$method"
	done
	! [ -e "$BATS_TEST_TMPDIR/ptrace" ] || diff "$BATS_TEST_TMPDIR/bpf" "$BATS_TEST_TMPDIR/ptrace"
}

# own: starts a program without libc's registration, and looks.
own() {
	lab "$R0" "$@"
	look
}

# lose: the same, where libc owns.
lose() {
	lab "$@"
	look
}

owner() { # owner: kind, name, and file or place
	json '.processes[0].owner | "\(.kind) \(.name) \(.object // .place | tostring | split("/") | last)"'
}

# libc_owns: and that is its own area, in every thread.
libc_owns() {
	is "$(json '.processes[0].owner | "\(.kind) \(.name)"')" "libc glibc"
	is "$(json '.processes[0].threads_registered')" 3
}

# worst ID: of several findings of that name.
worst() {
	jq -r --arg id "$1" '[.findings[] | select(.id == $id) | .severity]
		| if index("error") then "error" elif index("warning") then "warning" else (first // "") end' "$JSON"
}

# about ID: the objects that it is about.
about() {
	jq -r --arg id "$1" '[.findings[] | select(.id == $id) | .subject.object // "" | split("/") | last // ""]
		| unique | join(" ")' "$JSON"
}

# about_thread ID: the index of the thread that it is about, in the order of the testimony.
about_thread() {
	jq -r --arg id "$1" --slurpfile t <(head -n 1 "$LAB_OUT") '[.findings[] | select(.id == $id)][0].subject.tid as $tid
		| [$t[0].threads[].tid] | index($tid)' "$JSON"
}

# says ID WORDS: in what it says, or in what proves it.
says() {
	jq -r --arg id "$1" '.findings[] | select(.id == $id) | .detail, .evidence[]' "$JSON" | grep -qE -- "$2" || {
		echo "$1 does not say '$2'" >&2
		jq --arg id "$1" '.findings[] | select(.id == $id)' "$JSON" >&2
		return 1
	}
}

# name_of FILE: what the report calls that object.
name_of() {
	json "[.processes[0].objects[] | select(.path | endswith(\"/$1\")) | .name // \"null\"] | unique | join(\" \")"
}

# uses LIBRARY KEY: what the program testifies of it, in each thread.
uses() {
	head -n 1 "$LAB_OUT" | jq -r --arg l "$1" --arg k "$2" \
		'[.threads[] | .uses[] | select(.["library"] == $l) | .[$k]] | map(tostring) | join(" ")'
}

nobody_complains() { # none of the findings about counters and users
	is "$(finding refcount-mismatch)" ""
	is "$(finding unregistered-under-user)" ""
	is "$(finding handled-mismatch)" ""
}

# --- the loser and the owner of each era ---

era() { # era FILE NAME: owns where libc does not; loses where it does, and then its name is known
	own users "global:$1" "start:$1"
	is "$(owner)" "object $2 $1"
	is "$(json '.processes[0].threads_registered')" 3
	is "$(finding lost-registration)" ""
	is "$(finding libc-disabled)" info
	nobody_complains
	lab_stop

	lose users "global:$1" "start:$1"
	libc_owns
	is "$(finding lost-registration)" warning
	is "$(about lost-registration)" "$1"
	is "$(name_of "$1")" "$2"
	says lost-registration 'refused in 3 of 3 threads'
	is "$(finding refcount-mismatch)" ""
	is "$(finding unregistered-under-user)" ""
	is "$(finding owner-unloadable)" ""
	is "$status" 1
}

@test "librseq of 2018: weak area, exported counter" {
	era librseq_2018.so librseq
}

@test "librseq of 2019: __rseq_handled" {
	era librseq_2019.so librseq
}

@test "librseq of 2020: counter of its own" {
	era librseq_2020.so librseq
}

@test "glibc's drafts of 2019: no symbol tells whose" {
	era libdraft.so null
}

@test "glibc's drafts of 2019, with a version" {
	era libdraft_v.so null
}

@test "tcmalloc of 2020: counts, and has no slab pointer" {
	era libtcm_2020.so tcmalloc
}

@test "a library that does not count" {
	era libblind.so null
}

@test "librseq since 2021-12: shares, or owns" {
	own LD_PRELOAD="$LAB/librseq_like.so" users start:librseq_like.so
	is "$(owner)" "object librseq librseq_like.so"
	is "$(finding owner-unloadable)" ""
	nobody_complains
	lab_stop
	lose LD_PRELOAD="$LAB/librseq_like.so" users start:librseq_like.so
	libc_owns
	is "$status" 0
	is "$(json '.findings | length')" 0
}

@test "the kernel's selftests: librseq in the program" {
	own with-selftest 3
	is "$(owner)" "object librseq with-selftest"
	is "$(finding owner-unloadable)" ""
	nobody_complains
	is "$status" 0
	lab_stop
	lose with-selftest 3
	libc_owns
	is "$(json '.findings | length')" 0
}

@test "librseq since 2021-12 does not mark its area when another was first" {
	own LD_PRELOAD="$LAB/libdraft.so:$LAB/librseq_like.so" users start:libdraft.so start:librseq_like.so
	is "$(owner)" "object null libdraft.so"
	is "$(uses librseq_like.so cpu_id)" "-1 -1 -1"
	is "$(finding lost-registration)" ""
	is "$(finding not-started)" info
	is "$(about not-started)" librseq_like.so
	nobody_complains
}

@test "two eras without libc: the first owns, the second is lost" {
	own users open:librseq_2018.so start:librseq_2018.so open:libtcm_2020.so start:libtcm_2020.so
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(finding lost-registration)" warning
	is "$(about lost-registration)" libtcm_2020.so
	is "$(uses libtcm_2020.so count)" "0 0 0"
	nobody_complains
	lab_stop
	# and where they see each other's symbols, they share
	own users global:librseq_2018.so start:librseq_2018.so open:libtcm_2020.so start:libtcm_2020.so
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(finding lost-registration)" ""
	is "$(uses libtcm_2020.so count)" "2 2 2"
	nobody_complains
}

# --- early owners ---

@test "a constructor of a preloaded library: the owner, and the loser where libc was faster" {
	own LD_PRELOAD="$LAB/libdraft.so" users start:libdraft.so
	is "$(owner)" "object null libdraft.so"
	is "$(json '.processes[0].threads_registered')" 3
	is "$(finding thread-unregistered)" ""
	is "$(finding owner-unloadable)" ""
	nobody_complains
	lab_stop
	# no one asks for the threads after main
	own LD_PRELOAD="$LAB/libdraft.so" users with:libdraft.so
	is "$(json '.processes[0].threads_registered')" 1
	is "$(finding thread-unregistered)" warning
	lab_stop
	lose LD_PRELOAD="$LAB/libdraft.so" users with:libdraft.so
	libc_owns
	is "$(finding lost-registration)" warning
	is "$(about_thread lost-registration)" 0
	says lost-registration 'refused in 1 of 3 threads'
}

@test "an IFUNC resolver: the owner, in .data" {
	own LD_PRELOAD="$LAB/libifunc_owner.so" users start:libifunc_owner.so
	is "$(json '.processes[0].owner | "\(.kind) \(.place) \(.object | split("/") | last)"')" \
		"object data libifunc_owner.so"
	is "$(finding owner-unloadable)" ""
	is "$(finding namespace-owner)" ""
	is "$(json '[.findings[] | select(.severity != "info")] | length')" 0
}

@test "an IFUNC resolver: the loser, of whom nothing tells" {
	lose LD_PRELOAD="$LAB/libifunc_owner.so" users start:libifunc_owner.so
	is "$(uses libifunc_owner.so cpu_id | cut -d ' ' -f 1)" -2
	libc_owns
	is "$(json '.findings | length')" 0
}

# --- counters ---

@test "refcount: a neighbour that counts comes and goes" {
	local neighbour
	for neighbour in librseq_2018b.so libtcm_2020.so; do
		own users global:librseq_2018.so start:librseq_2018.so "open:$neighbour" "start:$neighbour"
		is "$(uses librseq_2018.so count)" "2 2 2"
		nobody_complains
		lab_stop
	done
	own users global:librseq_2018.so start:librseq_2018.so open:librseq_2018b.so start:librseq_2018b.so \
		stop:librseq_2018b.so close:librseq_2018b.so
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(uses librseq_2018.so count)" "1 1 1"
	nobody_complains
	lab_stop
	own users global:libtcm_2020.so start:libtcm_2020.so open:librseq_2018b.so start:librseq_2018b.so \
		stop:librseq_2018b.so close:librseq_2018b.so
	is "$(owner)" "object tcmalloc libtcm_2020.so"
	is "$(uses libtcm_2020.so count)" "1 1 1"
	nobody_complains
}

@test "refcount: back at 0 it is unregistered, and nobody misses it" {
	own users global:librseq_2018.so start:librseq_2018.so stop:librseq_2018.so
	is "$(owner)" "none null null"
	is "$(uses librseq_2018.so count)" "0 0 0"
	nobody_complains
	is "$(finding libc-disabled)" warning
	lab_stop
	own users global:librseq_2018.so start:librseq_2018.so stop1:librseq_2018.so
	is "$(uses librseq_2018.so count)" "0 1 1"
	nobody_complains
	is "$(finding thread-unregistered)" warning
}

@test "unregistered-under-user, refcount-mismatch: a neighbour that does not count is there, stops, is closed" {
	local story=(users global:librseq_2018.so start:librseq_2018.so open:libblind.so start:libblind.so)
	own "${story[@]}"
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(uses libblind.so area)" "$(uses librseq_2018.so own_area)"
	nobody_complains
	lab_stop

	own "${story[@]}" close:libblind.so
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(json '.processes[0].threads_registered')" 2
	is "$(uses librseq_2018.so count)" "1 1 1"
	is "$(finding refcount-mismatch)" error
	is "$(finding unregistered-under-user)" error
	is "$(about unregistered-under-user)" librseq_2018.so
	is "$(about refcount-mismatch)" librseq_2018.so
	is "$(about_thread unregistered-under-user)" 0
	is "$(about_thread refcount-mismatch)" 0
	says refcount-mismatch '1 of 3'
	is "$status" 1
	lab_stop

	own "${story[@]}" stop:libblind.so close:libblind.so
	is "$(owner)" "none null null"
	is "$(finding refcount-mismatch)" error
	is "$(finding unregistered-under-user)" error
	says refcount-mismatch '3 of 3'
	says unregistered-under-user '__rseq_refcount is 1'
	is "$(finding thread-unregistered)" ""
	lab_stop

	# it finds that out, and its counter is 0 again
	own "${story[@]}" stop:libblind.so close:libblind.so stop:librseq_2018.so
	is "$(uses librseq_2018.so count)" "0 0 0"
	nobody_complains
	lab_stop
	own "${story[@]}" stop:libblind.so close:libblind.so stop:librseq_2018.so close:librseq_2018.so
	is "$(owner)" "none null null"
	nobody_complains
	is "$(finding libc-disabled)" warning
}

@test "unregistered-under-user: not where both have lost to libc" {
	lose users global:librseq_2018.so start:librseq_2018.so open:libblind.so start:libblind.so \
		stop:libblind.so close:libblind.so
	libc_owns
	is "$(uses librseq_2018.so count)" "0 0 0"
	is "$(finding refcount-mismatch)" ""
	is "$(finding unregistered-under-user)" ""
	is "$(finding lost-registration)" warning
	is "$(about lost-registration)" librseq_2018.so
}

@test "refcount: of a user whose area is another's" {
	local era
	for era in 2018 2020; do
		own LD_PRELOAD="$LAB/libblind.so" users with:libblind.so "open:librseq_$era.so" "start:librseq_$era.so"
		is "$(owner)" "object null libblind.so"
		is "$(uses "librseq_$era.so" count)" "1 1 1"
		is "$(uses "librseq_$era.so" area)" "$(uses libblind.so own_area)"
		nobody_complains
		lab_stop
	done
}

@test "refcount-mismatch: registered with another area, so not unregistered" {
	own users global:librseq_2018.so start:librseq_2018.so open:libblind_taker.so start:libblind_taker.so
	is "$(owner)" "object null libblind_taker.so"
	is "$(uses librseq_2018.so count)" "1 1 1"
	is "$(finding refcount-mismatch)" error
	is "$(about refcount-mismatch)" librseq_2018.so
	says refcount-mismatch '3 of 3'
	is "$(finding unregistered-under-user)" ""
	is "$(finding not-started)" "" # its cpu_id is -1 again, but its counter knows better
	is "$status" 1
	lab_stop
	# with nothing to take, it is an owner like any other
	own users global:librseq_2018.so open:libblind_taker.so start:libblind_taker.so
	is "$(owner)" "object null libblind_taker.so"
	nobody_complains
}

@test "unregistered-under-user: tcmalloc of 2020 never gives back, but its neighbour does" {
	own users global:libtcm_2020.so start:libtcm_2020.so open:libblind.so start:libblind.so stop1:libblind.so
	is "$(owner)" "object tcmalloc libtcm_2020.so"
	is "$(finding refcount-mismatch)" error
	is "$(finding unregistered-under-user)" error
	is "$(about unregistered-under-user)" libtcm_2020.so
	is "$(about_thread unregistered-under-user)" 0
}

@test "unregistered-under-user: a counter of the library's own, while its name is there" {
	local era
	for era in 2019 2020; do
		own users "global:librseq_$era.so" "start:librseq_$era.so" open:libblind.so start:libblind.so
		is "$(owner)" "object librseq librseq_$era.so"
		nobody_complains
		lab_stop
		own users "global:librseq_$era.so" "start:librseq_$era.so" open:libblind.so start:libblind.so close:libblind.so
		is "$(json '.processes[0].threads_registered')" 2
		is "$(finding refcount-mismatch)" error
		is "$(finding unregistered-under-user)" error
		is "$(about_thread unregistered-under-user)" 0
		lab_stop
		# what could not be unregistered stays in use: it does not get over it
		own users "global:librseq_$era.so" "start:librseq_$era.so" open:libblind.so start:libblind.so \
			close:libblind.so "stop:librseq_$era.so"
		is "$(uses "librseq_$era.so" count)" "1 0 0"
		is "$(finding unregistered-under-user)" error
		lab_stop
	done
}

@test "unregistered-under-user: a counter without a name proves nothing" {
	command -v strip >/dev/null || skip "no strip"
	local dir=$BATS_TEST_TMPDIR/lib era
	mkdir "$dir"
	cp "$LAB/users" "$LAB/libblind.so" "$dir"
	for era in 2018 2020; do
		strip -o "$dir/librseq_$era.so" "$LAB/librseq_$era.so"
		LAB_BIN=$dir own users "global:librseq_$era.so" "start:librseq_$era.so" open:libblind.so \
			start:libblind.so close:libblind.so
		is "$(owner)" "object librseq librseq_$era.so"
		is "$(json '.processes[0].threads_registered')" 2
		# what was exported is still there
		is "$(finding unregistered-under-user)" "$([ "$era" = 2018 ] && echo error)"
		is "$(finding refcount-mismatch)" "$([ "$era" = 2018 ] && echo error)"
		is "$(finding thread-unregistered)" warning
		lab_stop
	done
}

@test "librseq of 2020: a second copy leaves the thread alone, and is left alone" {
	local story=(users global:librseq_2020.so start:librseq_2020.so open:librseq_2020b.so start:librseq_2020b.so)
	own "${story[@]}" stop:librseq_2020b.so
	is "$(owner)" "object librseq librseq_2020.so"
	is "$(uses librseq_2020.so count)" "1 1 1"
	is "$(uses librseq_2020b.so count)" "0 0 0"
	nobody_complains
	lab_stop
	# the first unregisters under the second, whose counter never knew
	own "${story[@]}" stop:librseq_2020.so
	is "$(owner)" "none null null"
	nobody_complains
}

@test "unregistered-under-user: librseq's rseq_size, when no thread is registered" {
	own LD_PRELOAD="$LAB/librseq_like.so" users start:librseq_like.so release
	is "$(owner)" "none null null"
	is "$(finding unregistered-under-user)" error
	is "$(about unregistered-under-user)" librseq_like.so
	says unregistered-under-user 'rseq_size is [1-9]'
	is "$(finding refcount-mismatch)" ""
	is "$status" 1
}

@test "unregistered-under-user: not while one thread is registered, nor before the first" {
	own LD_PRELOAD="$LAB/librseq_like.so" users start:librseq_like.so release1
	is "$(owner)" "object librseq librseq_like.so"
	is "$(json '.processes[0].threads_registered')" 2
	is "$(finding unregistered-under-user)" ""
	is "$(finding thread-unregistered)" warning
	lab_stop
	own LD_PRELOAD="$LAB/librseq_like.so" users with:librseq_like.so
	is "$(owner)" "none null null"
	is "$(finding unregistered-under-user)" ""
}

@test "unregistered-under-user: not by the size of a librseq that shares libc's area" {
	lose LD_PRELOAD="$LAB/librseq_like.so" users start:librseq_like.so release
	is "$(json '.processes[0].threads_registered')" 0
	is "$(finding unregistered-under-user)" ""
	is "$(finding refcount-mismatch)" ""
}

@test "unregistered-under-user: the destructor of a key, where a refused neighbour was before" {
	own key-destructor
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(json '.processes[0].threads_registered')" 2
	is "$(finding unregistered-under-user)" error
	is "$(finding refcount-mismatch)" error
	is "$(about_thread unregistered-under-user)" 2
	is "$status" 1
	lab_stop
	own key-destructor --careful
	is "$(json '.processes[0].threads_registered')" 3
	nobody_complains
	lab_stop
	lose key-destructor # unregisters what was never registered
	libc_owns
	is "$(finding unregistered-under-user)" ""
	is "$(finding refcount-mismatch)" ""
	is "$(finding lost-registration)" warning
}

# --- __rseq_handled ---

@test "handled-mismatch: 1, and no thread is registered" {
	own users refuse open:libdraft_boast.so
	is "$(owner)" "none null null"
	is "$(worst handled-mismatch)" warning
	is "$(about handled-mismatch)" libdraft_boast.so
	is "$status" 1
	lab_stop
	own users open:libdraft.so start:libdraft.so stop:libdraft.so
	is "$(owner)" "none null null"
	is "$(worst handled-mismatch)" warning
	is "$(about handled-mismatch)" libdraft.so
	lab_stop
	own users refuse open:libdraft.so # says 0
	is "$(owner)" "none null null"
	is "$(finding handled-mismatch)" ""
}

@test "handled-mismatch: 1, and the owner is not who says so" {
	lose users open:libdraft_boast.so
	libc_owns
	is "$(worst handled-mismatch)" warning
	is "$(about handled-mismatch)" libdraft_boast.so
	lab_stop
	lose users open:librseq_2019.so # by its constructor, before it could know
	libc_owns
	is "$(worst handled-mismatch)" warning
	is "$(about handled-mismatch)" librseq_2019.so
	is "$(finding lost-registration)" ""
	lab_stop
	own users open:librseq_2018.so start:librseq_2018.so open:libdraft_boast.so
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(worst handled-mismatch)" warning
	is "$(about handled-mismatch)" libdraft_boast.so
}

@test "handled-mismatch: not 1 by the owner" {
	own users open:libdraft.so start:libdraft.so
	is "$(owner)" "object null libdraft.so"
	is "$(finding handled-mismatch)" ""
	lab_stop
	own users open:libdraft_boast.so start:libdraft_boast.so
	is "$(finding handled-mismatch)" ""
	lab_stop
	own users open:librseq_2019.so start:librseq_2019.so
	is "$(owner)" "object librseq librseq_2019.so"
	is "$(finding handled-mismatch)" ""
	lab_stop
	own LD_PRELOAD="$LAB/libdraft_ref.so" users with:libdraft_ref.so start:libdraft_v.so
	is "$(owner)" "object null libdraft_v.so"
	is "$(finding handled-mismatch)" ""
}

@test "handled-mismatch: 0, and somebody is registered" {
	lose users open:libdraft.so
	libc_owns
	is "$(finding handled-mismatch)" info
	is "$(about handled-mismatch)" libdraft.so
	lab_stop
	lose users open:librseq_2019.so close:librseq_2019.so
	is "$(finding handled-mismatch)" ""
}

@test "handled-mismatch: two definitions disagree" {
	own users open:librseq_2019.so start:librseq_2019.so open:libdraft.so
	is "$(owner)" "object librseq librseq_2019.so"
	is "$(worst handled-mismatch)" warning
	lab_stop
	own users open:librseq_2019.so start:librseq_2019.so open:librseq_2019b.so # both say 1
	is "$(owner)" "object librseq librseq_2019.so"
	is "$(finding handled-mismatch)" ""
}

@test "handled-mismatch: not by a program's copy of the owner's flag" {
	own users-draft start:libdraft.so
	is "$(owner)" "object null libdraft.so"
	is "$(head -n 1 "$LAB_OUT" | jq .program_handled)" 1
	is "$(finding handled-mismatch)" ""
	lab_stop
	lose users-draft with:libdraft.so
	libc_owns
	is "$(head -n 1 "$LAB_OUT" | jq .program_handled)" 0
	is "$(finding handled-mismatch)" info
	lab_stop
	own users-draft start:libdraft.so stop:libdraft.so
	is "$(owner)" "none null null"
	is "$(finding handled-mismatch)" warning
}

@test "handled-mismatch: not by a definition that nobody uses, nor one of another namespace" {
	own users global:librseq_2019.so start:librseq_2019.so open:librseq_2019b.so start:librseq_2019b.so
	is "$(owner)" "object librseq librseq_2019.so"
	is "$(head -n 1 "$LAB_OUT" | jq -r '[.libraries[].handled] | join(" ")')" "1 1"
	is "$(finding handled-mismatch)" ""
	lab_stop
	own users open:librseq_2019.so start:librseq_2019.so inner:libdraft.so
	is "$(owner)" "object librseq librseq_2019.so"
	is "$(worst handled-mismatch)" info # that one's 0
	is "$(about handled-mismatch)" libdraft.so
}

# --- owners that can be unloaded ---

# What becomes of the memory: freed, unless the area has a fixed place relative to the thread pointer.
freed_or_reused() {
	local offsets
	offsets=$(head -n 1 "$LAB_OUT" | jq -r '.threads[] | "\(.area) \(.tp)"' |
		while read -r area tp; do echo $((area - tp)); done | sort -u | wc -l)
	[ "$offsets" = 1 ] && echo warning || echo error
}

unloadable() { # unloadable SEVERITY FILE: that is the owner, and can be unloaded
	is "$(json '.processes[0].owner.object | split("/") | last')" "$2"
	is "$(finding owner-unloadable)" "$1"
	[ -z "$1" ] || is "$(about owner-unloadable)" "$2"
	[ -z "$1" ] || is "$status" 1
}

@test "owner-unloadable: dynamic thread-local storage" {
	own users open:librseq_2018.so start:librseq_2018.so
	unloadable "$(freed_or_reused)" librseq_2018.so
	lab_stop
	own users global:librseq_2018.so start1:librseq_2018.so # one thread is enough
	is "$(json '.processes[0].threads_registered')" 1
	is "$(about owner-unloadable)" librseq_2018.so
	lab_stop
	own own-area dlopen
	unloadable "$(freed_or_reused)" libown_dlopen.so
}

@test "owner-unloadable: it came with another that was opened" {
	own users open:libdraft_ref.so start:libdraft_v.so
	unloadable "$(freed_or_reused)" libdraft_v.so
}

@test "owner-unloadable: .data" {
	own users open:libifunc_owner.so start:libifunc_owner.so
	is "$(json '.processes[0].owner.place')" data
	unloadable error libifunc_owner.so
}

@test "owner-unloadable: static thread-local storage" {
	own users open:librseq_2018_ie.so start:librseq_2018_ie.so
	is "$(freed_or_reused)" warning
	unloadable warning librseq_2018_ie.so
}

@test "owner-unloadable: not with -z nodelete, nor when it came with the program" {
	own users open:librseq_2018_nodelete.so start:librseq_2018_nodelete.so
	unloadable "" librseq_2018_nodelete.so
	lab_stop
	own users-linked start:librseq_2018.so
	unloadable "" librseq_2018.so
	lab_stop
	own users-linked open:librseq_2018.so start:librseq_2018.so # once more, which changes nothing
	unloadable "" librseq_2018.so
	lab_stop
	own LD_PRELOAD="$LAB/librseq_2018.so" users start:librseq_2018.so
	unloadable "" librseq_2018.so
	lab_stop
	own LD_PRELOAD="$LAB/libifunc_owner.so" users start:libifunc_owner.so
	unloadable "" libifunc_owner.so
	lab_stop
	own own-area exe
	unloadable "" own-area
	lab_stop
	own own-area exe-data
	unloadable "" own-area
}

@test "owner-unloadable: not of one that lost, nor of one that gave it back" {
	lose users open:librseq_2018.so start:librseq_2018.so
	libc_owns
	is "$(finding owner-unloadable)" ""
	lab_stop
	own users open:librseq_2018.so start:librseq_2018.so stop:librseq_2018.so
	is "$(finding owner-unloadable)" ""
}

# --- link namespaces ---

@test "namespace-owner: a library opened by dlmopen" {
	own dlmopen 3
	is "$(owner)" "object null libinner.so"
	is "$(finding namespace-owner)" warning
	is "$(about namespace-owner)" libinner.so
	is "$status" 1
	lab_stop
	own dlmopen 3 --twice
	is "$(finding namespace-owner)" warning
	lab_stop
	own users inner:librseq_2018.so start:librseq_2018.so
	is "$(finding namespace-owner)" warning
	unloadable "$(freed_or_reused)" librseq_2018.so
}

@test "namespace-owner: a module of LD_AUDIT, which nobody can close" {
	own LD_AUDIT="$LAB/libaudit_area.so" audited 3
	is "$(owner)" "object null libaudit_area.so"
	is "$(finding namespace-owner)" warning
	is "$(about namespace-owner)" libaudit_area.so
	is "$(finding owner-unloadable)" ""
}

@test "namespace-owner: not where libc owns, whoever has lost" {
	lose dlmopen 3
	libc_owns
	is "$(finding namespace-owner)" ""
	is "$(finding lost-registration)" warning
	lab_stop
	lose LD_AUDIT="$LAB/libaudit_area.so" audited 3
	libc_owns
	is "$(finding namespace-owner)" ""
	is "$(finding lost-registration)" warning
}

@test "namespace-owner: not of an owner beside it" {
	own users inner:librseq_2018b.so global:librseq_2018.so start:librseq_2018.so
	is "$(json '.processes[0].namespaces')" 2
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(finding namespace-owner)" ""
	lab_stop
	own users inner:librseq_2018.so open:librseq_2018b.so start:librseq_2018b.so # one inside has lost
	is "$(finding namespace-owner)" ""
}

# --- versions ---

@test "version-mismatch: a user of the draft meets a library of 2018" {
	own LD_PRELOAD="$LAB/librseq_2018.so:$LAB/libdraft_ref.so" \
		users with:librseq_2018.so start:libdraft_v.so start:libdraft_ref.so
	is "$(owner)" "object librseq librseq_2018.so"
	is "$(uses libdraft_ref.so area)" "$(uses librseq_2018.so own_area)"
	is "$(finding version-mismatch)" error
	[[ " $(about version-mismatch) " == *" libdraft_ref.so "* ]]
	says version-mismatch GLIBC_2.30
	is "$status" 1
	lab_stop
	own LD_PRELOAD="$LAB/libdraft_ref.so" users start:libdraft_v.so start:libdraft_ref.so
	is "$(owner)" "object null libdraft_v.so"
	is "$(finding version-mismatch)" ""
	lab_stop
	lose LD_PRELOAD="$LAB/librseq_2018.so:$LAB/libdraft_ref.so" users start:libdraft_ref.so
	libc_owns
	is "$(finding version-mismatch)" error
	lab_stop
	lose LD_PRELOAD="$LAB/libdraft_ref.so" users start:libdraft_ref.so
	libc_owns
	is "$(finding version-mismatch)" ""
}

@test "version-mismatch: a definition without versions serves, but not what was asked for" {
	lose LD_PRELOAD="$LAB/liblookup_a.so" lookup local:liblookup_ref1.so
	is "$(finding version-mismatch)" error
	[[ " $(about version-mismatch) " == *" liblookup_ref1.so "* ]]
	says version-mismatch RSEQ_1.0
	lab_stop
	lose lookup local:liblookup_ref1.so local:liblookup_ref2.so # each its own
	is "$(finding version-mismatch)" ""
	lab_stop
	lose LD_PRELOAD="$LAB/liblookup_v1.so" lookup local:liblookup_ref.so # asks for none
	is "$(finding version-mismatch)" ""
}

@test "version-mismatch: nothing found though somebody defines the name" {
	lose LD_LIBRARY_PATH="$LAB/next" lookup global:liblookup_v2.so local:liblookup_weakref1.so
	is "$(head -n 1 "$LAB_OUT" | jq -r '.looks[] | select(.object == "liblookup_weakref1.so") | .binds')" null
	is "$(finding version-mismatch)" error
	is "$(about version-mismatch)" liblookup_weakref1.so
	says version-mismatch RSEQ_1.0
	lab_stop
	lose LD_LIBRARY_PATH="$LAB/next" lookup local:liblookup_weakref1.so # nobody does
	is "$(finding version-mismatch)" ""
	lab_stop
	lose lookup local:liblookup_weakref1.so
	is "$(finding version-mismatch)" ""
	lab_stop
	lose lookup local:liblookup_weakref.so
	is "$(finding version-mismatch)" ""
}

# --- a table of areas ---

@test "a table indexed by thread id, with ids that were used before: nothing is wrong" {
	own own-area table-reused 4
	[ "$(head -n 1 "$LAB_OUT" | jq .reused)" -gt 0 ]
	is "$(json '.processes[0].owner | "\(.kind) \(.place)"')" "raw anonymous"
	is "$(json '.processes[0].owner.detail')" "a table indexed by thread id, 64 bytes each"
	is "$(json '[.findings[] | select(.severity != "info")] | length')" 0
	is "$status" 0
}
