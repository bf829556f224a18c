# Completion of kvfs for bash: what is offered comes from `kvfs complete`.
# shellcheck shell=bash

_kvfs()
{
	local program=${1/#\~/$HOME} rest=$COMP_LINE words=() i word piece current keep line text before

	# The words as the shell will see them: readline also cuts them at '=' and ':'.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ ${#words[@]} -eq 0 ] || [[ $rest == [[:space:]]* ]]; then
			words+=("$word")
		else
			words[-1]+=$word
		fi
		rest=${rest#"${rest%%[![:space:]]*}"}
		rest=${rest#"$word"}
	done

	# What stands before the part that readline replaces.
	current=${words[-1]}
	piece=${COMP_WORDS[COMP_CWORD]}
	[[ $piece == [=:] ]] && piece=
	keep=${current%"$piece"}

	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files\ * | :directories\ *)
			before=${line#:* }
			compopt -o filenames 2>/dev/null
			case $line in
			:files*) mapfile -t words < <(compgen -f -- "${current#"$before"}") ;;
			*) mapfile -t words < <(compgen -d -- "${current#"$before"}") ;;
			esac
			for text in "${words[@]}"; do
				text=$before$text
				COMPREPLY+=("${text#"$keep"}")
			done
			;;
		*)
			text=${line%%$'\t'*}
			COMPREPLY+=("${text#"$keep"}")
			# More may follow a name with '=', and a comma any option.
			[[ $text == *= || ${COMP_WORDS[COMP_CWORD - 1]} == -o ]] && compopt -o nospace 2>/dev/null
			;;
		esac
	done < <("$program" complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _kvfs kvfs
