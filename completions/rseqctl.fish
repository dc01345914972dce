# fish completion for rseqctl(1)

set -l commands inspect explain version
complete -c rseqctl -f
complete -c rseqctl -n "not __fish_seen_subcommand_from $commands" -a inspect -d 'who owns rseq in a process, and who conflicts'
complete -c rseqctl -n "not __fish_seen_subcommand_from $commands" -a explain -d 'what a finding means, and what to do'
complete -c rseqctl -n "not __fish_seen_subcommand_from $commands" -a version -d 'version, and what was built in'

complete -c rseqctl -l color -x -a 'auto always never' -d 'when to colour'
complete -c rseqctl -l format -x -a 'text json' -d 'format of the output'
complete -c rseqctl -l json -d 'the same as --format json'
complete -c rseqctl -l output -r -F -d 'write to a file'
complete -c rseqctl -s q -l quiet -d 'only the first line of each answer'
complete -c rseqctl -s v -l verbose -d 'say more'
complete -c rseqctl -s '?' -l help -d 'list the options'
complete -c rseqctl -l usage -d 'short usage message'
complete -c rseqctl -s V -l version -d 'print the version'

complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l all -d 'every process that this user may read'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l comm -x -d 'every process whose name matches'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l expect-owner -x -a 'glibc tcmalloc librseq libc object raw mixed none' -d 'end with 1 unless owned by'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l fail-on -x -a 'error warning info never' -d 'severity that ends with 1'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l ignore -x -a '(__fish_complete_list , "rseqctl explain -q 2>/dev/null")' -d 'leave findings out'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l method -x -a 'auto bpf ptrace none' -d 'how the record of the kernel is read'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l sample -x -d 'watch the use of critical sections, seconds'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -l threads -d 'a line for every thread'
complete -c rseqctl -n '__fish_seen_subcommand_from inspect' -a '(__fish_complete_pids)'
complete -c rseqctl -n '__fish_seen_subcommand_from explain' -a '(rseqctl explain -q 2>/dev/null)'
