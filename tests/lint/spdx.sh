#!/bin/sh
# Every source file says its licence, and what runs in the kernel is GPL-2.0-only. Prints TAP.
# usage: spdx.sh [DIR], the top of a tree to look at
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 2
n=0 failed=0
check() { # check DESCRIPTION LICENCE FILE...
	n=$((n + 1))
	what=$1 licence=$2
	shift 2
	missing=$(grep -L "SPDX-License-Identifier: $licence" "$@")
	if [ -z "$missing" ]; then
		echo "ok $n - $what"
	else
		failed=$((failed + 1))
		echo "not ok $n - $what"
		echo "$missing" | sed 's/^/# /'
	fi
}
check "bpf is GPL-2.0-only" GPL-2.0-only bpf/*
# shellcheck disable=SC2046 # names of the project have no blanks
check "the rest is GPL-2.0-or-later" GPL-2.0-or-later $(find src include tests -name '*.[ch]') Makefile
echo "1..$n"
[ "$failed" -eq 0 ]
