# Compares a report with a lab program's testimony ($t[0]); prints the differences, or true.
def base: if . == null then null else split("/") | last end;
# libc's area and plain memory are in no object to the lab; the report names ld.so or the mapping.
def lab_object: if .owner.place | IN("libc", "heap", "anonymous") then null else .owner.object | base end;
.processes[0] as $p
| [ $t[0].threads[] as $want
    | ($p.threads[] | select(.tid == $want.tid)) as $got
    | select($want.tp != null and $want.tp != $got.tp
             or $want.area != $got.area
             or ($want.length > 0 and $want.length != $got.length)
             or ($want.area != null) != $got.registered
             or ($want.area != null and $want.place != null and $want.place != $got.owner.place)
             or ($want.area != null and $want.object != ($got | lab_object)))
    | {want: $want, got: ($got | {tid, tp, area, length, registered, owner})} ] as $differences
| ([$t[0].threads[].tid] - [$p.threads[].tid]) as $missing
| if ($differences | length) > 0 or ($missing | length) > 0
  then {differences: $differences[0:3], missing: $missing[0:3]} | tojson | halt_error(1)
  else true end
