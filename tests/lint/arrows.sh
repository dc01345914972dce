#!/bin/sh
# Which room may include which. Prints TAP; CONTRIBUTING.md has the same as a picture.
# usage: arrows.sh [DIR], the top of a tree to look at
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 2
allowed() {
	case $1 in
	util) echo util ;;
	model) echo model util rseqctl ;;
	proc) echo proc util ;;
	image) echo image model util ;;
	collect) echo collect image proc model util rseqctl ;;
	trace) echo trace image proc model util rseqctl ;;
	critical) echo critical model util rseqctl ;;
	stress) echo stress critical model util ;;
	probe) echo probe image proc critical model util rseqctl ;;
	diagnose) echo diagnose model util ;;
	report) echo report model util ;;
	bpf) echo rseqctl ;;
	*) echo ;;
	esac
}
n=0 failed=0
for dir in src/*/ bpf/; do
	room=$(basename "$dir")
	n=$((n + 1))
	rooms=$(allowed "$room")
	bad=$(grep -HnE '^#include "[a-z_]+/' "$dir"* | awk -v room="$room" -v rooms="$rooms" '
		BEGIN { split(rooms, list, " "); for (i in list) ok[list[i]] = 1 }
		{ split($0, part, "\""); split(part[2], path, "/")
		  if (!(path[1] in ok)) print "# " part[1] part[2] ": room " room " may not include " path[1] }')
	if [ -n "$rooms" ] && [ -z "$bad" ]; then
		echo "ok $n - arrows out of $room"
	else
		failed=$((failed + 1))
		echo "not ok $n - arrows out of $room"
		echo "${bad:-# no rule for this room}"
	fi
done
# A header of the same room by its bare name would pass unseen above.
n=$((n + 1))
bare=$(grep -HnE '^#include "[^/"]+"' src/*/*.[ch] | grep -v 'skel\.h"')
if [ -z "$bare" ]; then
	echo "ok $n - every include names its room"
else
	failed=$((failed + 1))
	echo "not ok $n - every include names its room"
	echo "$bare" | sed 's/^/# /'
fi
echo "1..$n"
[ "$failed" -eq 0 ]
