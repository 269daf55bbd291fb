"""An archive host that is a folder on another machine, reached by ssh.

It needs bash, GNU find and GNU coreutils there. Each script is a constant that any login shell
passes on unchanged (no single quote, no line end, no exclamation mark); what varies, the folders
and the names, goes through standard input, ended by NUL. Its output is between two marks, because
login scripts may print things.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vampd.adapters.process import run_process
from vampd.adapters.rsync import names_text, unreachable
from vampd.adapters.rsync_archive import RsyncArchive, read_mark
from vampd.config import Transfer
from vampd.disk.pace import SteadyPace
from vampd.errors import ArchiveUnreadable, DataError, RemoteUnavailable, TransientError
from vampd.model.nights import FileStamp, NightId, parse_night_date
from vampd.model.proofs import LONGEST_MARK, MARK_PATH, Marked, Place, Receipt, format_mark
from vampd.model.resources import Space
from vampd.ports import Pace

_BEGIN, _END = b"vampd begins\0", b"vampd ends\0"
_NO_ROOT, _NO_SSH = 71, 255
_ENTER = (
    'export LC_ALL=C; IFS= read -r -d "" root; IFS= read -r -d "" night; '
    r'printf "vampd begins\0"; cd -- "$root" || exit 71; '
)
_LIST = (
    _ENTER + 'if test -e "./$night"; then cd "./$night" || exit 72; '
    r'find . -mindepth 1 -name ".*" -prune -o -type f -printf "%s %T@ %P\0" || exit 72; fi; '
    r'printf "vampd ends\0"'
)
# `sync FILE` is an fsync, and `dd iflag=nocache count=0` drops the whole file from the cache
# (coreutils manual, "dd invocation"); both open it for reading only. sha256sum reads standard
# input, so that no name can disturb its output.
_DIGEST = (
    _ENTER + 'while IFS= read -r -d "" name; do file="./$night/$name"; '
    r'if test -L "$file"; then printf "missing\0"; continue; fi; '
    r'if test -f "$file"; then :; else printf "missing\0"; continue; fi; '
    'if sync -- "$file" "${file%/*}" && dd if="$file" iflag=nocache count=0 status=none && '
    'before=$(stat -c "%s %.9Y" -- "$file") && sum=$(sha256sum <"$file") && '
    'after=$(stat -c "%s %.9Y" -- "$file"); '
    r'then printf "%s %s %s\0" "${sum%% *}" "$before" "$after"; '
    r'else printf "unreadable\0"; fi; done; printf "vampd ends\0"'
)
_LIST_HIDDEN = (
    _ENTER + 'cd "./$night" || exit 72; find . -type f -name ".*" -printf "%P\\0" || exit 72; '
    r'printf "vampd ends\0"'
)
# `test` takes no exclamation mark here, so mismatches are skipped.
_REMOVE_REPEATED = (
    _ENTER + 'cd "./$night" || exit 72; '
    'while IFS= read -r -d "" leftover && IFS= read -r -d "" whole; do '
    'if test -L "./$leftover" || test -L "./$whole"; then continue; fi; '
    'if test -f "./$leftover" && test -f "./$whole" && size=$(stat -c %s -- "./$leftover") && '
    'test "$size" -le "$(stat -c %s -- "./$whole")" && part=$(sha256sum <"./$leftover") && '
    'test "$part" = "$(head -c "$size" <"./$whole" | sha256sum)"; '
    r'then rm -f -- "./$leftover" || exit 72; fi; done; printf "vampd ends\0"'
)
# For unprivileged users: free and all blocks, their size, free and all inodes (coreutils).
_SPACE = _ENTER + r'stat -f -c "%a %b %S %d %c" . || exit 72; printf "\0vampd ends\0"'
_MARK = (
    _ENTER + f"if test -e ./{MARK_PATH}; then head -c {LONGEST_MARK} <./{MARK_PATH} || exit 72; "
    r'printf "\0"; fi; printf "vampd ends\0"'
)
# A hard link is made in one step and replaces nothing. The temporary name holds the mark, which is
# on record already: a killed script is resumed by the next one.
_PLACE_MARK = (
    _ENTER + 'IFS= read -r -d "" mark; IFS= read -r -d "" text; '
    f"folder=./{MARK_PATH.partition('/')[0]}; file=./{MARK_PATH}; "
    'test -d "$folder" || mkdir -- "$folder" || exit 72; sync -- . || exit 72; '
    'temporary="$folder/.vampd-$mark.tmp"; if test -e "$file"; then :; else '
    r'printf "%s" "$text" >"$temporary" && sync -- "$temporary" || exit 72; '
    'ln -T -- "$temporary" "$file" || test -e "$file" || exit 72; fi; '
    r'rm -f -- "$temporary"; sync -- "$folder" || exit 72; printf "vampd ends\0"'
)
_MOUNTED = (
    _ENTER + 'if test "$(stat -c %m .)" = "$(pwd -P)"; '
    r'then printf "mounted\0"; fi; printf "vampd ends\0"'
)
_NIGHTS = (
    _ENTER + f'find . -mindepth 1 -maxdepth 1 -type d -name "{"[0-9]" * 8}" '
    r'-printf "%P\0" || exit 72; printf "vampd ends\0"'
)
_LISTED = re.compile(rb"(\d+) (\d+)\.(\d{9})\d* (.+)", re.DOTALL)
_SPACE_REPORTED = re.compile(rb"(\d+) (\d+) (\d+) (\d+) (\d+)\s*")
_DIGESTED = re.compile(rb"([0-9a-f]{64}) (\d+) (\d+)\.(\d{9}) (\d+) (\d+)\.(\d{9})")


class SshArchive(RsyncArchive):
    """A folder on another host that holds the nights; it must exist there."""

    def __init__(self, host: str, path: Path, transfer: Transfer, name: str | None = None) -> None:
        super().__init__(path, transfer, name)
        self._host = host

    def files(self, night: NightId) -> Mapping[str, FileStamp]:
        stamps = {}
        for record in self._run(_LIST, night, (), SteadyPace()):
            match = _LISTED.fullmatch(record)
            if match is None:
                raise self._garbled(record)
            path = os.fsdecode(match[4])
            stamps[path] = FileStamp(path, int(match[1]), int(match[2] + match[3]))
        return stamps

    def digests(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        records = list(self._run(_DIGEST, night, files, pace))
        if len(records) != len(files):
            raise self._garbled(b"%d records for %d files" % (len(records), len(files)))
        return [
            self._receipt(path, record)
            for path, record in zip(files, records, strict=True)
            if record != b"missing"
        ]

    def space(self) -> Space:
        (record,) = self._query(_SPACE, b".", (), SteadyPace())
        match = _SPACE_REPORTED.fullmatch(record)
        if match is None:
            raise self._garbled(record)
        free, blocks, size, free_names, names = (int(number) for number in match.groups())
        return Space(free * size, blocks * size, free_names if names else None)

    def device(self, night: NightId) -> None:
        return None

    def mark(self) -> str | None:
        records = list(self._query(_MARK, b".", (), SteadyPace()))
        return read_mark(records[0], f"{self._host}:{self._path}") if records else None

    def place_mark(self, mark: str) -> None:
        folders = os.fsencode(self._path) + b"\0.\0"
        text = f"{mark}\0{format_mark(mark, Marked.ARCHIVE)}\0".encode()
        self._answer(_PLACE_MARK, folders + text, SteadyPace())

    def is_mount_point(self, folder: Path) -> bool:
        entered = os.fsencode(folder) + b"\0.\0"
        return list(self._answer(_MOUNTED, entered, SteadyPace())) == [b"mounted"]

    def nights(self) -> Sequence[str]:
        names = (os.fsdecode(name) for name in self._query(_NIGHTS, b".", (), SteadyPace()))
        return sorted(name for name in names if parse_night_date(name) is not None)

    def _receipt(self, path: str, record: bytes) -> Receipt:
        if record == b"unreadable":
            raise ArchiveUnreadable(
                "archive_unreadable",
                f"{path} cannot be read at {self._host}:{self._path}; check the disk there and the"
                " file's permissions",
                path=path,
            )
        match = _DIGESTED.fullmatch(record)
        if match is None:
            raise self._garbled(record)
        if match.group(2, 3, 4) != match.group(5, 6, 7):
            raise DataError(
                "changed_while_read",
                f"{path} was written to at {self._host}:{self._path} while it was read; find out"
                " who writes there",
                path=path,
            )
        stamp = FileStamp(path, int(match[2]), int(match[3] + match[4]))
        return Receipt(Place.ARCHIVE, stamp, match[1].decode(), time.time())

    def _run(
        self, script: str, night: NightId, files: Sequence[str], pace: Pace
    ) -> Iterator[bytes]:
        """The records that a script prints there, without their NULs."""
        return self._query(script, os.fsencode(self._name_of(night)), files, pace)

    def _query(self, script: str, name: bytes, files: Sequence[str], pace: Pace) -> Iterator[bytes]:
        folders = os.fsencode(self._path) + b"\0" + name + b"\0"
        return self._answer(script, folders + names_text(files), pace)

    def _answer(self, script: str, stdin: bytes, pace: Pace) -> Iterator[bytes]:
        output = self._ssh(f"bash -c '{script}'", stdin, pace)
        _, begin, rest = output.partition(_BEGIN)
        body, end, _ = rest.rpartition(_END)
        if not begin or not end:
            raise self._garbled(output)
        return iter(body.split(b"\0")[:-1])

    def _ssh(self, command: str, stdin: bytes, pace: Pace) -> bytes:
        place = f"{self._host}:{self._path}"
        try:
            ended = run_process(
                [*self._transfer.ssh, "--", _ssh_name(self._host), command],
                stdin=stdin,
                pace=pace,
                silent_after_s=self._transfer.timeout_s,
            )
        except TransientError as error:
            if error.code != "program_silent":
                raise
            raise unreachable(place, error.message) from error
        if ended.status == _NO_SSH:
            raise unreachable(place, ended.last_words)
        if ended.status == _NO_ROOT:
            raise RemoteUnavailable(
                "archive_folder_missing",
                f"the destination {place} does not exist; mount its disk there or create it"
                f" ({ended.last_words})",
                target=place,
            )
        if ended.status:
            raise TransientError(
                "archive_refused",
                f"{place} could not be read: {ended.last_words}; vampd needs bash, rsync, GNU find"
                " and GNU coreutils there, and permission to read the nights",
                target=place,
                status=ended.status,
            )
        return ended.stdout

    def _garbled(self, output: bytes) -> TransientError:
        return TransientError(
            "archive_garbled",
            f"expected a listing from {self._host}, found {output[-200:]!r}; does a login script"
            " there print something, or did the connection break?",
            target=self._host,
        )

    def _target(self, night: NightId) -> str:
        return f"{self._host}:{self._path / self._name_of(night)}"

    def _remote_shell(self) -> Sequence[str]:
        return self._transfer.ssh

    def _ask_rsync(self, pace: Pace) -> str:
        return self._ssh("rsync --help", b"", pace).decode("utf-8", "replace")

    def _hidden_files(self, night: NightId, pace: Pace) -> Iterator[str]:
        return map(os.fsdecode, self._run(_LIST_HIDDEN, night, (), pace))

    def _remove_repeated(self, night: NightId, wholes: Mapping[str, str], pace: Pace) -> None:
        pairs = [path for pair in wholes.items() for path in pair]
        list(self._run(_REMOVE_REPEATED, night, pairs, pace))

    def _refuse_itself(self, night: NightId, folder: Path) -> None:
        """Nothing: a folder on another host is a different one."""


def _ssh_name(host: str) -> str:
    # rsync wants brackets around the colons of an IPv6 address, ssh wants none.
    return host.replace("[", "").replace("]", "")
