#!/bin/bash
# What the key of vampd may do on the archive host, and nothing else. In authorized_keys there:
#
#   restrict,command="/usr/local/bin/vampd-archive-gate DESTINATION... [--read FOLDER...]" ssh-...
#
# DESTINATION: the folders of transfer.*.destination. --read: folders below which nights lie that
# were moved (transfer.*.moved_to), and mount points. It needs bash, rsync, GNU find and GNU
# coreutils, as vampd's own scripts do; these are known by their SHA-256, which vampd fills in:
# `python -I -m vampd.adapters.archive.gate` prints the whole program. Each version of vampd brings its
# own; take it over together with vampd.
set -u -f
export LC_ALL=C PATH=/usr/local/bin:/usr/bin:/bin
unset BASH_ENV ENV CDPATH

refuse() {
	printf 'vampd-archive-gate: refused: %s\n' "$1" >&2
	exit 126
}

written=() looked=()
into=written
for word in "$@"; do
	case $word in
	--read) into=looked ;;
	/*) if test "$into" = written; then written+=("${word%/}"); else looked+=("${word%/}"); fi ;;
	*) refuse "the gate takes absolute folders, not $word" ;;
	esac
done

# A path without a way up; whether it lies in one of the folders that follow.
is_within() {
	local path=$1 folder
	shift
	case $path/ in */../* | */./* | *//*) return 1 ;; esac
	for folder in "$@"; do
		case $path/ in "$folder"/*) return 0 ;; esac
	done
	return 1
}

is_destination() {
	local folder
	for folder in ${written[@]+"${written[@]}"}; do
		test "$1" = "$folder" && return 0
	done
	return 1
}

NIGHT='[0-9]{8}'
PROBE='\.vampd-probe-[A-Za-z0-9._-]+-[0-9]+-[0-9a-f]{8}'

# The folder of a night, of its set-aside files or of doctor's probe, below a destination.
is_target() {
	[[ $1 =~ ^(/.*)/($NIGHT|$PROBE)(/vbad)?/$ ]] && is_destination "${BASH_REMATCH[1]}"
}

run_rsync() {
	local words=() word sender=no count=0
	if test "${1-}" = --sender; then sender=yes; shift; fi
	test $# = 1 && [[ $1 =~ ^-s[tcR]*e\.[0-9.]*[a-zA-Z]*$ ]] || refuse "options of rsync: $*"
	local flags=$1
	# Its secluded arguments: words ended by NUL, an empty one last.
	while IFS= read -r -d '' word; do
		test -n "$word" || break
		words+=("$word")
		count=$((count + 1))
		test $count -lt 32 || refuse "too many arguments"
	done
	test $count -ge 3 && test "${words[0]}" = rsync || refuse "no arguments of rsync"
	local target=${words[count - 1]} before=${words[count - 2]}
	test "$before" = . || refuse "arguments of rsync"
	set -- "${words[@]:1:count - 3}"
	while test $# -gt 0; do
		case $1 in
		--timeout=* | --no-implied-dirs | --fsync | --ignore-existing | -@-1 | --modify-window=-1) ;;
		--files-from=- | --from0) test $sender = yes || refuse "$1" ;;
		--partial-dir) [[ ${2-} =~ ^\.vampd-partial(-[2-8])?$ ]] || refuse "$1"; shift ;;
		*) refuse "an argument of rsync: $1" ;;
		esac
		shift
	done
	if test $sender = yes; then
		# Some versions of rsync expand these, and take a backslash away: past what was looked at.
		case $target in *[\\*?[]*) refuse "a pattern in place of a folder: $target" ;; esac
		is_within "${target%/}" ${written[@]+"${written[@]}"} ${looked[@]+"${looked[@]}"} ||
			refuse "$target is in no folder of this key"
		set -- --sender
	else
		is_target "$target" || refuse "$target is no night's folder of this key"
		set --
	fi
	exec rsync --server "$@" "$flags" < <(
		printf '%s\0' "${words[@]}" ''
		exec cat
	)
}

run_script() {
	local script=$1 sum kind known root name words=()
	sum=$(printf '%s' "$script" | sha256sum)
	sum=${sum%% *}
	kind=
	while read -r known word; do
		test "$known" = "$sum" && kind=$word
	done <<-'END'
	@SCRIPTS@
	END
	test -n "$kind" || refuse "this is no script of this vampd; does the gate have its version?"
	IFS= read -r -d '' root || refuse "no folder"
	IFS= read -r -d '' name || refuse "no name"
	local at=${root%/}
	case $kind in
	reads | guards) is_within "$at" ${written[@]+"${written[@]}"} ${looked[@]+"${looked[@]}"} ;;
	*) is_destination "$at" ;;
	esac || refuse "$root is no folder of this key"
	case $kind in
	probes) [[ $name =~ ^$PROBE$ ]] ;;
	cleans) [[ $name =~ ^($NIGHT|$PROBE)$ ]] ;;
	marks) test "$name" = . ;;
	*) case $name in '' | .. | */*) false ;; esac ;;
	esac || refuse "$name is no folder of a night"
	if test "$kind" = guards; then
		local point folder within=no
		IFS= read -r -d '' point || refuse "no mount point"
		case $point in
		'' | -) within=yes ;;
		*)
			# A mount point is a destination or a folder above it.
			for folder in ${written[@]+"${written[@]}"} ${looked[@]+"${looked[@]}"}; do
				case $folder/ in "${point%/}"/*) within=yes ;; esac
			done
			;;
		esac
		test $within = yes || refuse "$point is no mount point of this key"
		words=("$point")
	fi
	if test "$kind" = marks; then
		local mark text
		IFS= read -r -d '' mark && IFS= read -r -d '' text || refuse "no mark"
		[[ $mark =~ ^[0-9a-f]{32}$ ]] && test "$text" = "vampd archive 1 $mark"$'\n' || refuse "no mark"
		words=("$mark" "$text")
	fi
	exec bash -c "$script" < <(
		printf '%s\0' "$root" "$name" ${words[@]+"${words[@]}"}
		while IFS= read -r -d '' word; do
			case /$word/ in */../* | //*) refuse "$word leads out of the night" ;; esac
			case $kind in
			cleans)
				# Of each pair the first goes, if the second begins with all of it.
				odd=$((1 - ${odd-0}))
				case /$word in
				*/.vampd-partial/* | */.vampd-partial-[2-8]/*) ;;
				*)
					case ${word##*/} in
					.*) ;;
					*) test $odd = 0 || refuse "$word is none of vampd's hidden files" ;;
					esac
					;;
				esac
				;;
			esac
			printf '%s\0' "$word"
		done
	)
}

command=${SSH_ORIGINAL_COMMAND-}
case $command in
'rsync --help') exec rsync --help ;;
'rsync --server '*)
	read -r -a given <<<"${command#rsync --server }"
	run_rsync ${given[@]+"${given[@]}"}
	;;
"bash -c '"*"'")
	script=${command#"bash -c '"}
	script=${script%"'"}
	case $script in *"'"*) refuse "this is no script of vampd" ;; esac
	run_script "$script"
	;;
*) refuse "only what vampd does is allowed here" ;;
esac
