# bash completion for rseqctl(1)

_rseqctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd= i words
	local common='--color --format --json --output --quiet --verbose --help --usage --version'

	# "--method=x" arrives as three words
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = && COMP_CWORD -ge 2 ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		inspect | trace | stress | check | explain | version)
			cmd=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	# behind -- stands a command of somebody else
	if [[ $cmd == trace && " ${COMP_WORDS[*]:0:COMP_CWORD} " == *" -- "* ]]; then
		COMPREPLY=($(compgen -c -- "$cur"))
		return
	fi
	case $prev in
	--color) words='auto always never' ;;
	--format)
		words='text json'
		[[ $cmd != stress ]] || words='text json tap junit'
		[[ $cmd != check ]] || words='text json tap junit openmetrics'
		;;
	--method) words='auto bpf ptrace none' ;;
	--probe-kernel) words='auto never' ;;
	--owner) words='libc self' ;;
	--inject)
		words='no-section unregistered'
		[[ $cmd == check ]] || words=$(rseqctl stress --list -q 2>/dev/null | sed -n 's/^fault //p')
		;;
	--only | --skip)
		# ids, and the words for all of a kind; after a comma the next one
		words="abort stress $(rseqctl check --list -q 2>/dev/null)"
		COMPREPLY=($(compgen -P "${cur%"${cur##*,}"}" -W "$words" -- "${cur##*,}"))
		return
		;;
	--workload | --disturb)
		words=$(rseqctl stress --list -q 2>/dev/null | sed -n "s/^${prev#--}[a-z]* //p")
		# after a comma the next one
		COMPREPLY=($(compgen -P "${cur%"${cur##*,}"}" -W "$words" -- "${cur##*,}"))
		return
		;;
	--fail-on) words='error warning info never' ;;
	--ignore)
		# after a comma the next one
		words=$(rseqctl explain -q 2>/dev/null)
		COMPREPLY=($(compgen -P "${cur%"${cur##*,}"}" -W "$words" -- "${cur##*,}"))
		return
		;;
	--expect-owner) words='glibc tcmalloc librseq libc object raw mixed none' ;;
	--comm) words=$(cat /proc/[0-9]*/comm 2>/dev/null | tr -cd '[:alnum:]_./:\n-') ;;
	--pid | -p | --tid | -t) words=$(cd /proc && echo [0-9]*) ;;
	--cgroup)
		COMPREPLY=($(compgen -d -- "${cur:-/sys/fs/cgroup/}"))
		return
		;;
	--output)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	*)
		case $cmd in
		inspect)
			words="--all --comm --expect-owner --fail-on --ignore --method --probe-kernel --sample --threads $common"
			[[ $cur == -* ]] || words=$(cd /proc && echo [0-9]*)
			;;
		trace)
			words="--aborts --buffer --cgroup --children --comm --count --duration --events --fail-on --faults --interval --no-cause --pid --registrations --stack --summary --tid $common"
			;;
		explain)
			words=$common
			[[ $cur == -* ]] || words="abort stress $(rseqctl explain -q 2>/dev/null; rseqctl check --list -q 2>/dev/null)"
			;;
		stress)
			words="--compare --cpus --disturb --duration --index --inject --length --list --min-aborts --ops --owner --seed --threads --workload $common"
			;;
		check) words="--all-probes --inject --list --only --skip --timeout $common" ;;
		version) words=$common ;;
		*)
			words='inspect trace stress check explain version'
			[[ $cur != -* ]] || words=$common
			;;
		esac
		;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F _rseqctl rseqctl
