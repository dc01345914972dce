# Compares a report with what lookup testifies ($t[0].looks); prints the differences, or true.
# A definition wins when the object's own reference, which is looked up like any other, leads to it.
# With -Bsymbolic it is not looked up, and a hidden one is never found: tests name these in $own.
def base: if . == null then null else split("/") | last end;
.processes[0].objects as $objects
| [ $t[0].looks[]
    | select(.refers) as $want
    | [$objects[] | select((.path | base) == $want.object) | .symbols[] | select(.name == "__rseq_abi")] as $got
    | select(($got | length) != 1
             or ($got[0].defined != $want.defines)
             or ($want.defines and ($want.object | IN($own[]) | not)
                 and $got[0].wins != ($want.binds == $want.object))
             or ($want.defines | not)
                and (($got[0] | has("binds") | not) or ($got[0].binds | base) != $want.binds))
    | {want: $want, got: $got} ] as $differences
| if ($differences | length) > 0 then {differences: $differences} | tojson | halt_error(1) else true end
