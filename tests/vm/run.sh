#!/bin/bash
# Boots Debian kernels under qemu (software emulation) and runs the suites there, as they are: the
# guest is an initramfs with rseqctl, the lab, the tests and what they call. Prints TAP and a sum.
# usage: O=BUILD run.sh [SERIES...]    a series is a kernel version, as far as it is to be the same
set -euo pipefail
cd "$(dirname "$0")/../.."
O=$(cd "$O" && pwd)
cache=${VM_CACHE:-$O/vm}
limit=${VM_LIMIT:-1500}
series=("$@")
((${#series[@]})) || series=(5.10 6.19 7.2)
. tests/lib/debian.bash
mkdir -p "$cache"
work=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The newest version of a series that there is a kernel package of, as VERSION-cloud-amd64.
version_of() {
	apt-cache "${apt[@]:2}" pkgnames linux- 2>/dev/null |
		sed -nE "s/^linux-(binary|binary-unsigned|image)-(${1//./\\.}[.~+-].*-cloud-amd64)$/\2/p" | sort -V | tail -n 1
}

# From 6.19 on linux-image is a metapackage of linux-binary: the first that holds a kernel.
vmlinuz_of() { # vmlinuz_of VERSION: prints a path
	local dir=$cache/$1 kind
	for kind in binary binary-unsigned image; do
		[ ! -e "$dir/vmlinuz" ] || break
		rm -rf "$dir"
		mkdir -p "$dir"
		debian_extract "$dir/root" "linux-$kind-$1" 2>/dev/null || continue
		find "$dir/root" -name 'vmlinuz*' -type f -exec mv {} "$dir/vmlinuz" \; # boot, or usr/lib/modules
		rm -rf "$dir/root"
	done
	[ -e "$dir/vmlinuz" ] && echo "$dir/vmlinuz"
}

copy_program() { # with its libraries
	local lib
	install -D "$1" "$work/root/$1"
	{ ldd "$1" 2>/dev/null || true; } | grep -oE '/[^ )]+' | while read -r lib; do
		[ -e "$work/root/$lib" ] || install -D "$lib" "$work/root/$lib"
	done
}

build_root() {
	local root=$work/root name lib
	mkdir -p "$root"/{proc,sys,dev,tmp,etc,root,bin,lib64} "$root/t/build"
	for name in bash jq env cat cp mv rm ln ls mkdir mktemp mkfifo head tail wc sort uniq tr cut seq sleep date \
		dirname basename readlink chmod chroot touch tee timeout id stat sed grep awk find diff cmp getconf \
		setpriv iconv ps kill mount poweroff nproc uname printf expr true false test strip script stty \
		prlimit xargs nl comm paste realpath tac od tty unshare rmdir; do
		case $name in
		mount | poweroff) ;;
		*) ! command -v "$(type -P "$name")" >/dev/null || copy_program "$(type -P "$name")" ;;
		esac
	done
	install -D /bin/busybox "$root/bin/busybox"
	for name in mount poweroff sh; do ln -sf busybox "$root/bin/$name"; done
	[ -e "$root/usr/bin/awk" ] || ln -sf "$(readlink -f "$(type -P awk)")" "$root/usr/bin/awk"
	for name in /usr/lib/bats-core /usr/libexec/bats-core; do
		mkdir -p "$root$(dirname "$name")"
		cp -a "$name" "$root$name"
	done
	cp -L /usr/bin/bats "$root/usr/bin/bats"
	mkdir -p "$root/usr/lib/x86_64-linux-gnu/gconv"
	cp /usr/lib/x86_64-linux-gnu/gconv/gconv-modules* "$root/usr/lib/x86_64-linux-gnu/gconv" 2>/dev/null || true
	install -D /lib/x86_64-linux-gnu/libgcc_s.so.1 "$root/lib/x86_64-linux-gnu/libgcc_s.so.1" # pthread_exit opens it
	copy_program "$O/rseqctl"
	mv "$root/$O/rseqctl" "$root/t/build/"
	cp -a "$O/lab" "$root/t/build/lab"
	for lib in /usr/i686-linux-gnu/lib/{ld-linux.so.2,libc.so.6} /lib/ld-musl-x86_64.so.1; do # the lab's other libcs
		[ ! -e "$lib" ] || install -D "$lib" "$root/$lib"
	done
	cp -a tests man completions "$root/t/"
	printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
	printf '%s' "${FILTER:-}" >"$root/t/filter" # only the tests whose names match
	cp tests/vm/init "$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
}

boot() { # boot VMLINUZ: what the guest says, on stdout
	timeout "$limit" qemu-system-x86_64 -M q35 -cpu max -accel tcg,thread=single -smp 2 -m 1G -nodefaults -display none \
		-monitor none -no-reboot -kernel "$1" -initrd "$work/initrd" \
		-append 'console=ttyS0 panic=-1 rdinit=/init' \
		-serial "file:$work/console" -serial stdio -serial "file:$work/status" </dev/null
}

passed=0 failed=0 skipped=0
count() { # count TAP-FILE
	passed=$((passed + $(grep -c '^ok' "$1") - $(grep '^ok' "$1" | grep -ci '# skip' || true)))
	skipped=$((skipped + $(grep '^ok' "$1" | grep -ci '# skip' || true)))
	failed=$((failed + $(grep -c '^not ok' "$1" || true)))
}

debian_apt "$cache/apt" amd64
build_root
for s in "${series[@]}"; do
	version=$(version_of "$s")
	if [ -z "$version" ] || ! vmlinuz=$(vmlinuz_of "$version"); then
		echo "not ok kernel $s: Debian has no such package now"
		failed=$((failed + 1))
		continue
	fi
	echo "# $version"
	boot "$vmlinuz" | sed -uE "s/\r//g; s#^(ok|not ok) [0-9]+#\1 $s:#" | tee "$work/tap" || true
	count "$work/tap"
	if [ "$(tr -d '\r\n' <"$work/status")" != 0 ] && ! grep -q '^not ok' "$work/tap"; then
		echo "not ok $s: the guest ended without a status"
		failed=$((failed + 1))
		tail -n 20 "$work/console"
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
