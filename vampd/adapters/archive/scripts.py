"""What is run on the archive host: scripts for bash, GNU find and GNU coreutils.

Each is a constant that any login shell passes on unchanged (no single quote, no line end, no
exclamation mark); what varies, the folders and the names, comes through standard input, ended by
NUL. Its output is between two marks, because login scripts may print things.
"""

from __future__ import annotations

import hashlib

from vampd.model.proofs import LONGEST_MARK, MARK_PATH

# The exit statuses of a destination that cannot be entered, and of ssh itself.
NO_ROOT, NO_SSH = 71, 255
BEGIN, END = b"vampd begins\0", b"vampd ends\0"
_OF_NOTHING = hashlib.sha256(b"").hexdigest()
_MARK_FOLDER = MARK_PATH.partition("/")[0]
_READ = 'export LC_ALL=C; IFS= read -r -d "" root; IFS= read -r -d "" night; '
_ENTER = _READ + r'printf "vampd begins\0"; cd -- "$root" || exit 71; '
# What tells whether this is the archive, in the same log-in as what is read there: with a folder
# whether a file system is mounted at it, and no more if none is; unless it is NO_GUARD, the mark.
NO_GUARD = "-"
MOUNTED, UNMOUNTED, MARKED, UNMARKED = b"mounted", b"unmounted", b"marked", b"unmarked"
_ENTER_GUARDED = (
    _READ + 'IFS= read -r -d "" point; '
    r'printf "vampd begins\0"; case $point in /*) '
    'if (cd -- "$point" && test "$(stat -c %m .)" = "$(pwd -P)"); '
    r'then printf "mounted\0"; else printf "unmounted\0vampd ends\0"; exit 0; fi;; esac; '
    'cd -- "$root" || exit 71; case $point in -) ;; *) '
    # A folder that may not be entered is not one without a mark.
    f"if test -d ./{_MARK_FOLDER}; then (cd ./{_MARK_FOLDER}) || exit 72; fi; "
    f"if test -e ./{MARK_PATH}; then "
    # Whatever is in it, it is one record.
    f"mark=$(head -c {LONGEST_MARK} <./{MARK_PATH} && printf x) || exit 72; "
    r'printf "marked\0%s\0" "${mark%x}"; else printf "unmarked\0"; fi;; esac; '
)
GUARD = _ENTER_GUARDED + r'printf "vampd ends\0"'
LIST = (
    _ENTER_GUARDED + r'if test -L "./$night"; then printf "link\0"; '
    'elif test -e "./$night"; then cd "./$night" || exit 72; '
    r'find . -mindepth 1 -name ".*" -prune -o -type f -printf "%s %b %T@ %P\0" || exit 72; fi; '
    r'printf "vampd ends\0"'
)
# A digest of a large file takes longer than a host may be silent. While the pipe that feeds it is
# open, `beat` prints five signs of life a second: as many as a disk that reads 1 MB/s needs, and
# then ten minutes' more, so that a disk that hangs is noticed.
_BEAT = (
    "beat() { left=$1; while test $left -gt 0; do read -r -t 0.2 _; test $? -gt 128 || break; "
    r'printf "alive\0"; left=$((left - 1)); done; }; '
)
# `sync FILE` is an fsync, and `dd iflag=nocache count=0` drops the whole file from the cache
# (coreutils manual, "dd invocation"); both open it for reading only. The digest is of standard
# input, so that no name can disturb its output.
# Where openssl is installed and knows the digest of nothing, it takes a quarter of the time of
# coreutils, which may not use the instructions that the CPU has for it. What it cannot read, and
# small files, for which its start is too dear, are left to coreutils.
_FAST_BYTES = 8_000_000
_SHA256 = (
    "fast=$(openssl dgst -sha256 -r </dev/null 2>/dev/null); "
    f'digest() {{ if test $size -ge {_FAST_BYTES} && test "${{fast%% *}}" = {_OF_NOTHING} && '
    'quick=$(openssl dgst -sha256 -r <"$file" 2>/dev/null); '
    'then printf "%s" "$quick"; else sha256sum <"$file"; fi; }; '
)
DIGEST = (
    _ENTER_GUARDED + _BEAT + _SHA256 + 'while IFS= read -r -d "" name; do file="./$night/$name"; '
    # Nor are its folders followed: what a link leads to is no copy.
    'linked=; up=$file; until test "$up" = .; do '
    'if test -L "$up"; then linked=yes; fi; up=${up%/*}; done; '
    r'if test -n "$linked"; then printf "missing\0"; continue; fi; '
    r'if test -f "$file"; then :; else printf "missing\0"; continue; fi; '
    # Nor is what is mostly holes (`is_hollow`), which would take hours to read.
    'read -r size blocks <<<"$(stat -c "%s %b" -- "$file")"; '
    "if test $((size - 512 * blocks > 2147483648 && 8192 * blocks < size)) = 1; "
    r'then printf "missing\0"; continue; fi; '
    'if sync -- "$file" "${file%/*}" && dd if="$file" iflag=nocache count=0 status=none && '
    'before=$(stat -c "%s %.9Y" -- "$file") && '
    "exec 9> >(beat $((3000 + 5 * ${before%% *} / 1000000))) && "
    "sum=$(digest) && exec 9>&- && "
    'after=$(stat -c "%s %.9Y" -- "$file"); '
    r'then printf "%s %s %s\0" "${sum%% *}" "$before" "$after"; '
    r'else exec 9>&-; printf "unreadable\0"; fi; done; printf "vampd ends\0"'
)
LIST_HIDDEN = (
    _ENTER + 'cd "./$night" || exit 72; find . -type f -name ".*" -printf "%P\\0" '
    r'-o -type f -path "*/.vampd-partial*/*" -printf "%P\0" || exit 72; '
    r'printf "vampd ends\0"'
)
# `test` takes no exclamation mark here, so mismatches are skipped.
REMOVE_REPEATED = (
    _ENTER + 'cd "./$night" || exit 72; '
    'while IFS= read -r -d "" leftover && IFS= read -r -d "" whole; do '
    'if test -L "./$leftover" || test -L "./$whole"; then continue; fi; '
    'if test -f "./$leftover" && test -f "./$whole" && size=$(stat -c %s -- "./$leftover") && '
    'test "$size" -le "$(stat -c %s -- "./$whole")" && part=$(sha256sum <"./$leftover") && '
    'test "$part" = "$(head -c "$size" <"./$whole" | sha256sum)"; '
    'then rm -f -- "./$leftover" || exit 72; case "./$leftover" in '
    '*/.vampd-partial*/*) rmdir -- "./${leftover%/*}" 2>/dev/null;; esac; '
    r'fi; done; printf "vampd ends\0"'
)
# For unprivileged users: free and all blocks, their size, free and all inodes (coreutils).
SPACE = _ENTER + r'stat -f -c "%a %b %S %d %c" . || exit 72; printf "\0vampd ends\0"'
# A hard link is made in one step and replaces nothing. The temporary name holds the mark, which is
# on record already: a killed script is resumed by the next one.
PLACE_MARK = (
    _ENTER + 'IFS= read -r -d "" mark; IFS= read -r -d "" text; '
    f"folder=./{_MARK_FOLDER}; file=./{MARK_PATH}; "
    'test -d "$folder" || mkdir -- "$folder" || exit 72; sync -- . || exit 72; '
    'temporary="$folder/.vampd-$mark.tmp"; if test -e "$file"; then :; else '
    r'printf "%s" "$text" >"$temporary" && sync -- "$temporary" || exit 72; '
    'ln -T -- "$temporary" "$file" || test -e "$file" || exit 72; fi; '
    r'rm -f -- "$temporary"; sync -- "$folder" || exit 72; printf "vampd ends\0"'
)
# Which kernel runs there, and which device the night lies on: this machine may be reached by ssh.
DEVICE = (
    _ENTER + r'printf "%s\0%s\0" "$(head -n 1 /proc/sys/kernel/random/boot_id)" '
    r'"$(stat -L -c %d -- "./$night")"; printf "vampd ends\0"'
)
NIGHTS = (
    _ENTER + f'find . -mindepth 1 -maxdepth 1 -type d -name "{"[0-9]" * 8}" '
    r'-printf "%P\0" || exit 72; printf "vampd ends\0"'
)
# What doctor asks for: the time, and the programs of all these scripts with their versions, "-" for
# one that is missing.
PROGRAMS = (
    _ENTER + r'printf "%s\0" "$(date +%s.%N)"; '
    "for program in bash rsync find sha256sum sync dd stat head mkdir ln rm date id; do "
    'if command -v "$program" >/dev/null; '
    'then version=$("$program" --version 2>/dev/null | head -n 1); else version=-; fi; '
    r'printf "%s\0%s\0" "$program" "$version"; done; printf "vampd ends\0"'
)
PROBE_PREFIX = ".vampd-probe-"
PROBES = (
    _ENTER + f'find . -mindepth 1 -maxdepth 1 -type d -name "{PROBE_PREFIX}*" '
    r'-printf "%P\0" || exit 72; printf "vampd ends\0"'
)
REMOVE_PROBE = (
    _ENTER + f'case "$night" in {PROBE_PREFIX}*) rm -rf -- "./$night" || exit 72;; esac; '
    r'printf "vampd ends\0"'
)
# Who may not write to which folder: the first of the night's, or the destination itself.
REFUSED = (
    _ENTER + r'printf "%s\0" "$(id -un)"; '
    'if test -e "./$night"; then set -- "./$night"; else set -- . -maxdepth 0; fi; '
    r'find "$@" -type d -not -writable -printf "%u\0%g\0%m\0%p\0" -quit; '
    r'printf "vampd ends\0"'
)
