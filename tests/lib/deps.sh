#!/bin/sh
# Installs the named Debian packages that are missing; says nothing when none is. A name with "?" at
# its end is left out where the release does not have it.
set -eu
missing=
if command -v dpkg-query >/dev/null 2>&1; then
	for p in "$@"; do
		state=$(dpkg-query -W -f '${db:Status-Abbrev}' "${p%\?}" 2>/dev/null || true)
		case $state in
		ii*) ;;
		*) missing="$missing $p" ;;
		esac
	done
	[ -n "$missing" ] || exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "There is no apt-get here. Install what these Debian packages hold (untested elsewhere):"
	echo "  $*"
	echo "Fedora has it in: pkgconf-pkg-config elfutils-libelf-devel zlib-devel json-c-devel"
	echo "  clang binutils-devel libbpf-devel bpftool libcmocka-devel bats jq mandoc"
	exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
	root=
elif command -v sudo >/dev/null 2>&1; then
	root=sudo
else
	echo "Missing packages, and neither root nor sudo to install them:$missing"
	exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # words are meant
$root apt-get update -qq </dev/null
wanted=
for p in $missing; do
	case $p in
	*\?) apt-get install -s -qq "${p%\?}" </dev/null >/dev/null 2>&1 || continue ;;
	esac
	wanted="$wanted ${p%\?}"
done
[ -n "$wanted" ] || exit 0
# shellcheck disable=SC2086
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted </dev/null
