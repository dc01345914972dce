#!/bin/bash
# Boots Debian kernels under qemu (software emulation) and runs the suites there, as they are: the
# guest is an initramfs with rseqctl, the lab, the tests and what they call. Prints TAP and a sum.
# usage: O=BUILD ARCH=ARCH VM_CACHE=DIR run.sh [SERIES...]
# a series is a kernel version, as far as it is to be the same; VM_CACHE holds the guest's root-ARCH
# Also: FILTER=REGEX, only tests with such names; SUITES="trace cli/users", folders and files below
# tests; VM_APPEND, more of the kernel's command line; VM_LIMIT, seconds for each kernel.
set -euo pipefail
cd "$(dirname "$0")/../.."
O=$(cd "$O" && pwd)
cache=$(realpath -m "$VM_CACHE")
limit=${VM_LIMIT:-3600}
series=("$@")
suites=(${SUITES:-cli/areas cli/audit cli/check cli/check-aborts cli/check-kernel cli/check-rules cli/inspect cli/hostile cli/kinds cli/stress cli/users trace})
. tests/lib/debian.bash
mkdir -p "$cache"
work=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The packages of a series that may hold a kernel, the newest first, as VERSION-cloud-ARCH KIND. From
# 6.19 on linux-image is a metapackage of linux-binary.
packages_of() { # packages_of SERIES
	apt-cache "${apt[@]:2}" pkgnames linux- 2>/dev/null |
		sed -nE "s/^linux-(binary|binary-unsigned|image)-(${1//./\\.}[.~+-].*-cloud-$ARCH)\$/\2 \1/p" |
		sort -k 1,1Vr -k 2
}

vmlinuz_of() { # vmlinuz_of VERSION KIND: prints a path
	local dir=$cache/$1
	if [ ! -e "$dir/vmlinuz" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		debian_extract "$dir/root" "linux-$2-$1" 2>/dev/null || true
		find "$dir" -name 'vmlinuz*' -type f -exec mv {} "$dir/vmlinuz" \; # boot, or usr/lib/modules
		rm -rf "$dir/root"
	fi
	[ -e "$dir/vmlinuz" ] && echo "$dir/vmlinuz"
}

# A package may be listed and yet be gone: the newest that is there.
kernel_of() { # kernel_of SERIES: sets version and vmlinuz
	local kind
	while read -r version kind; do
		! vmlinuz=$(vmlinuz_of "$version" "$kind") || return 0
	done < <(packages_of "$1")
	return 1
}

suite_files() {
	local s
	for s in "${suites[@]}"; do
		[ -d "tests/$s" ] && echo "tests/$s"/*.bats || echo "tests/$s.bats"
	done
}

build_root() {
	local root=$work/root lib
	cp -al "$cache/root-$ARCH" "$root"
	(cd "$root" && rm -rf usr/include var etc/passwd && find . -name '*.a' -delete) # building needs more than running
	mkdir -p "$root/t/build"
	cp -a "$O/rseqctl" "$O/lab" "$root/t/build/"
	for lib in /usr/i686-linux-gnu/lib/{ld-linux.so.2,libc.so.6} /lib/ld-musl-x86_64.so.1; do # the lab's other libcs
		[ ! -e "$lib" ] || install -D "$lib" "$root/$lib"
	done
	cp -a tests man completions examples "$root/t/"
	printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
	printf '%s' "${FILTER:-}" >"$root/t/filter" # only the tests whose names match
	suite_files >"$root/t/suites"
	cp tests/vm/init "$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
}

# Three serial lines: the console, the results on stdout, the status. Arm's board has one of its own,
# and two on a card; the guest is told their names.
machine() { # sets the arrays qemu, append and usual: the series when none is named
	case $ARCH in
	amd64)
		qemu=(qemu-system-x86_64 -M q35 -cpu max
			-serial "file:$work/console" -serial stdio -serial "file:$work/status")
		# on a busy host the timer of an emulated machine seems not to work
		append=(no_timer_check console=ttyS0 results=ttyS1 ended=ttyS2)
		usual=(5.10 6.19 7.2)
		;;
	arm64)
		qemu=(qemu-system-aarch64 -M virt -cpu "max,pauth-impdef=on" -serial "file:$work/console"
			-chardev "stdio,id=results,signal=off" -chardev "file,id=ended,path=$work/status"
			-device "pci-serial-2x,chardev1=results,chardev2=ended")
		append=(console=ttyAMA0 results=ttyS0 ended=ttyS1)
		usual=(6.12 7.2)
		;;
	*)
		echo "no machine for $ARCH here" >&2
		return 1
		;;
	esac
}

boot() { # boot VMLINUZ: what the guest says, on stdout
	timeout "$limit" "${qemu[@]}" -accel tcg,thread=single -smp 2 -m 1G -nodefaults -display none -monitor none \
		-no-reboot -kernel "$1" -initrd "$work/initrd" -append "${append[*]} panic=-1 rdinit=/init ${VM_APPEND:-}" </dev/null
}

passed=0 failed=0 skipped=0
count() { # count TAP-FILE
	passed=$((passed + $(grep -c '^ok' "$1") - $(grep '^ok' "$1" | grep -ci '# skip' || true)))
	skipped=$((skipped + $(grep '^ok' "$1" | grep -ci '# skip' || true)))
	failed=$((failed + $(grep -c '^not ok' "$1" || true)))
}

debian_apt "$cache/apt-$ARCH" "$ARCH"
machine
((${#series[@]})) || series=("${usual[@]}")
build_root
for s in "${series[@]}"; do
	if ! kernel_of "$s"; then
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
