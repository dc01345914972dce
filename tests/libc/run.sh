#!/bin/bash
# The lab against every libc that Debian has: each in a root directory made of extracted packages, the
# lab linked against it, and its programs run in there and inspected from outside. TAP and a sum.
# usage: O=BUILD run.sh    LIBCS="2.41 musl ..." chooses libcs by version, FILTER=REGEX tests by name
set -euo pipefail
cd "$(dirname "$0")/../.."
O=$(cd "$O" && pwd)
cache=${LIBC_CACHE:-$O/libc}
. tests/lib/debian.bash
mkdir -p "$cache"

# available PACKAGE: lines of "VERSION SUITE", the newest first.
available() {
	apt-cache "${apt[@]:2}" madison "$1" | awk -F '|' '{ split($3, at, " "); sub(/\/.*/, "", at[2]); gsub(/ /, "", $2); print $2, at[2] }'
}

# newest_of PACKAGE SERIES: "VERSION SUITE" of the newest version of an upstream series, or nothing.
newest_of() {
	available "$1" | grep -E "^${2//./\\.}([.~+-]|$)" | head -n 1 || true
}

# beside PACKAGE SUITE: PACKAGE=VERSION as it comes with that suite. The parts of experimental that are
# not there are in sid.
beside() {
	local base=${2%-security} version
	for base in "$base" sid; do
		version=$(available "$1" | awk -v suite="$base" '$2 == suite { print $1; exit }')
		[ -z "$version" ] || break
	done
	echo "$1=$version"
}

# As on a real system /lib leads into /usr/lib; and no link may lead out of the root directory, where
# the linker would find this machine's files.
complete_root() {
	local root=$1 name link
	for name in lib lib64; do
		[ -e "$root/$name" ] || [ ! -e "$root/usr/$name" ] || ln -s "usr/$name" "$root/$name"
	done
	find "$root" -type l -lname '/*' | while read -r link; do
		ln -sfnr "$root$(readlink "$link")" "$link"
	done
	mkdir -p "$root"/{proc,dev,tmp,lab}
	cp /bin/busybox "$root/busybox"
}

# root_of DIR PACKAGE=VERSION...: DIR/root of these packages; false when one is not there.
root_of() {
	local dir=$1
	shift
	[ "$(cat "$dir/packages" 2>/dev/null)" != "$*" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"
	debian_extract "$dir/root" "$@" || return 1
	complete_root "$dir/root"
	echo "$*" >"$dir/packages"
}

# build DIR COMPILER [VAR=VALUE...]: the lab, into the root directory.
build() {
	local dir=$1 cc=$2 name
	shift 2
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make lab-libc O="$dir/build" CC="$cc" "$@" >"$dir/build.log" 2>&1 || {
		sed 's/^/# /' "$dir/build.log"
		return 1
	}
	rm -rf "$dir/root/lab"
	mkdir "$dir/root/lab"
	find "$dir/build/lab" -type f -perm /111 -exec cp -t "$dir/root/lab/" {} + || return 1
	for name in threads-static threads-static-pie own-area-static own-area-static-pie; do
		strip -o "$dir/root/lab/$name-stripped" "$dir/root/lab/$name" || return 1
	done
}

# links_within DIR COMPILER: false, with their names, when it takes files of another libc than DIR/root's.
links_within() {
	local dir=$1 cc=$2 own kind strays
	own=$(dirname "$(gcc -print-libgcc-file-name)")
	for kind in -pie -static -static-pie -shared; do
		# shellcheck disable=SC2086 # words are meant
		strays=$(echo 'int main(void) { return 0; }' |
			$cc -fPIC -pthread "$kind" -x c - -o "$dir/empty" -Wl,--trace 2>&1 |
			sed -E 's/^\(//; s/\).*//' | xargs realpath -m |
			awk -v root="$dir/root/" -v own="$own/" 'index($0, root) != 1 && index($0, own) != 1 && !/^\/tmp\/cc/')
		[ -z "$strays" ] || {
			echo "# linked with $kind it takes ${strays//$'\n'/ }"
			return 1
		}
	done
}

# fetch_glibc VERSION SUITE, fetch_musl likewise: fill $dir/root, and $cc with the compiler for it.
fetch_glibc() {
	local root=$dir/root arch=x86_64-linux-gnu runtime gcc
	runtime=$(beside libgcc-s1 "$2")
	gcc=$(sed -E 's/.*=([0-9]+).*/\1/' <<<"$runtime") # its static part goes with the libc it was made for
	# The compiler's own paths into /usr/lib are no part of its sysroot: ours must come before them.
	cc="gcc --sysroot=$root -B$root/usr/lib/gcc/$arch/$gcc -B$root/usr/lib/$arch -L$root/usr/lib/$arch -L$root/lib/$arch"
	root_of "$dir" "libc6=$1" "libc6-dev=$1" "$runtime" "$(beside "libgcc-$gcc-dev" "$2")" "$(beside linux-libc-dev "$2")"
}

# Debian's compiler for musl is this one with other "specs"; the kernel's headers come last.
fetch_musl() {
	local root=$dir/root
	cc="gcc -specs=$dir/specs -idirafter $root/usr/include/x86_64-linux-gnu -idirafter $root/usr/include"
	root_of "$dir" "musl=$1" "musl-dev=$1" "musl-tools=$1" "$(beside linux-libc-dev "$2")" &&
		sed "s#/usr/#$root/usr/#g" "$root/usr/lib/x86_64-linux-musl/musl-gcc.specs" >"$dir/specs"
}

# Programs that no other libc than glibc can have: link namespaces, scopes that are reordered, lists of its
# own for debuggers.
omit_of() { # omit_of KIND
	[ "$1" = glibc ] || echo dlmopen audited libinner.so libaudit_area.so liar lookup users libifunc_owner.so
}

passed=0 failed=0 skipped=0
count() { # count TAP-FILE
	passed=$((passed + $(grep -c '^ok' "$1") - $(grep '^ok' "$1" | grep -ci '# skip' || true)))
	skipped=$((skipped + $(grep '^ok' "$1" | grep -ci '# skip' || true)))
	failed=$((failed + $(grep -c '^not ok' "$1" || true)))
}

fail() { # fail LIBC WORDS
	echo "not ok $1: $2"
	failed=$((failed + 1))
}

run_suite() { # run_suite LIBC UPSTREAM-VERSION: in $dir
	local tap=$dir/tap status=0 filter=()
	[ -z "${FILTER:-}" ] || filter=(-f "$FILTER")
	LIBC=${1%%-*} LIBC_VERSION=$2 LIBC_ROOT=$dir/root RSEQCTL=$O/rseqctl \
		bats --tap "${filter[@]}" tests/libc/libc.bats >"$tap.raw" 2>&1 </dev/null || status=$?
	sed -E "s#^(ok|not ok) [0-9]+#\1 $1:#; /^1\.\.[0-9]+$/d" "$tap.raw" | tee "$tap"
	count "$tap"
	# A suite that died, or said less than it planned, has failed.
	if [ "$(grep -cE '^(ok|not ok) ' "$tap")" != "$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' "$tap.raw")" ] ||
		{ [ "$status" -ne 0 ] && ! grep -q '^not ok' "$tap"; }; then
		fail "$1" "the suite itself (status $status)"
	fi
}

# find_and_fetch KIND PACKAGE SERIES: sets version and suite. Lists grow old, and their packages go.
find_and_fetch() {
	local try
	for try in 1 2; do
		[ "$try" = 1 ] || "${apt[@]}" update >&2 || true
		read -r version suite <<<"$(newest_of "$2" "$3")" || true
		[ -z "$version" ] || ! "fetch_$1" "$version" "$suite" || return 0
	done
	return 1
}

run_libc() { # run_libc SERIES: 2.41, musl, musl-1.2.3
	local series=$1 kind=glibc package=libc6 version suite dir cc
	case $series in
	musl) kind=musl package=musl series=$(available musl | sed -n '1s/[-~+ ].*//p') ;;
	musl-*) kind=musl package=musl series=${series#musl-} ;;
	esac
	dir=$cache/$kind-$series
	if ! find_and_fetch "$kind" "$package" "$series"; then
		fail "$kind-$series" "Debian has no such package now${version:+, although it lists $version of $suite}"
	elif ! { links_within "$dir" "$cc" && build "$dir" "$cc" LAB_OMIT="$(omit_of "$kind")"; }; then
		fail "$kind-$series" "the lab cannot be built with $version of $suite"
	else
		echo "# $kind-$series: $package $version of $suite"
		run_suite "$kind-$series" "$(sed -E 's/[-~+].*//' <<<"$version")"
	fi
}

# What is known to differ, and whatever Debian has that is newer.
all_libcs() {
	local known="2.31 2.36 2.41 2.43" newest
	newest=$(available libc6 | sed -n '1s/[-~+ ].*//p' | cut -d . -f 1,2)
	case " $known " in
	*" $newest "*) echo "# no glibc is newer than those" >&2 ;;
	*) known+=" $newest" ;;
	esac
	echo "$known musl"
}

if [ "$(id -u)" -ne 0 ]; then
	echo "not ok: root directories need root" # chroot, mounts, and bpf to compare
	exit 1
fi
debian_apt "$cache/apt" amd64
for libc in ${LIBCS:-$(all_libcs)}; do run_libc "$libc"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
