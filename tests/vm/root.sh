#!/bin/bash
# Makes the guest's root directory of Debian's packages: what the suites call, and what rseqctl and
# the lab are linked with when they are built for another architecture than the machine's.
# usage: ARCH=ARCH root.sh DIR PACKAGE...
set -euo pipefail
dir=$(realpath -m "$1")
shift
cd "$(dirname "$0")/../.."
. tests/lib/debian.bash
mkdir -p "$(dirname "$dir")"
debian_apt "$(dirname "$dir")/apt-$ARCH" "$ARCH"
rm -rf "$dir" "$dir".new*
debian_tree "$dir.new" bash dash bats jq coreutils grep sed mawk findutils diffutils procps util-linux mount \
	bsdutils binutils libc-bin busybox-static "$@"
ln -s mawk "$dir.new/usr/bin/awk" # update-alternatives does it elsewhere
touch "$dir.new" # make compares its time
mv "$dir.new" "$dir"
