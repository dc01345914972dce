load lib/lab
load lib/trace
@test "try" {
cd /t
lab i386/threads 1
line=$(grep vdso /proc/$LAB_PID/maps); echo "# $line" >&3
start=$((16#${line%%-*})); rest=${line#*-}; end=$((16#${rest%% *}))
dd if=/proc/$LAB_PID/mem bs=4096 skip=$((start/4096)) count=$(((end-start)/4096)) 2>/dev/null | od -v -An -tx1 | sed 's/^/VDSO/' >&3
}
