#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A gate for CI: is this machine fit for rseq, and does the service under test own it as it should?
#
# usage: rseq-gate.sh [OWNER PID...]
#   OWNER   as of rseqctl inspect --expect-owner: tcmalloc, librseq, glibc, none...
#   PID     processes of the service, as `pidof mongod` or `docker inspect -f '{{.State.Pid}}' NAME` say it
#
# RSEQCTL is the program (default: from PATH), REPORTS the folder for reports (default: the current one).
# Ends with 0: fit, and owned as expected; 1: not; 3: it could not be found out here; 2 and 4: wrong usage, trouble.
set -u
rseqctl=${RSEQCTL:-rseqctl} reports=${REPORTS:-.}

"$rseqctl" check --format junit --output "$reports/rseq-check.xml"
check=$?
echo "rseqctl check ended with $check, see $reports/rseq-check.xml"

inspect=0
if [ $# -gt 1 ]; then
	owner=$1
	shift
	# on standard output what is wrong, for the log of the job
	"$rseqctl" inspect --expect-owner "$owner" "$@"
	inspect=$?
	"$rseqctl" inspect --json --output "$reports/rseq-inspect.json" "$@" || true
	echo "rseqctl inspect ended with $inspect, see $reports/rseq-inspect.json"
elif [ $# -eq 1 ]; then
	echo "rseq-gate.sh: an owner, and no process" >&2
	exit 2
fi

# as rseqctl itself has it for several targets: 4, else 2, 1, 3, 0
for status in 4 2 1 3; do
	if [ "$check" -eq "$status" ] || [ "$inspect" -eq "$status" ]; then
		exit "$status"
	fi
done
# anything else is a signal, or no rseqctl at all
[ "$check" -eq 0 ] || exit "$check"
exit "$inspect"
