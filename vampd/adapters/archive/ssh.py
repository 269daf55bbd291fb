"""An archive host that is a folder on another machine, reached by ssh.

It needs bash, GNU find and GNU coreutils there: `scripts` has what is run. One module, however
long: a method for each question of `ports.ArchiveHost`, and what its failures mean.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vampd.adapters.archive.log_in import let_in
from vampd.adapters.archive.night_archive import read_mark
from vampd.adapters.archive.rsync import archive_full, describe_cause, names_text, unreachable
from vampd.adapters.archive.rsync_archive import RsyncArchive
from vampd.adapters.archive.scripts import (
    BEGIN,
    DEVICE,
    DIGEST,
    END,
    GUARD,
    LIST,
    LIST_HIDDEN,
    MARKED,
    MOUNTED,
    NIGHTS,
    NO_GUARD,
    NO_ROOT,
    NO_SSH,
    PLACE_MARK,
    REFUSED,
    REMOVE_REPEATED,
    SPACE,
    UNMARKED,
    UNMOUNTED,
)
from vampd.adapters.archive.streams import all_at_once
from vampd.adapters.programs import (
    CONNECTION_CAUSES,
    FULL_CAUSES,
    CauseName,
    Ended,
    ProgramSilent,
    find_cause,
    original_words,
    run_process,
)
from vampd.config import Transfer
from vampd.disk.machine import boot_id
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import MOST_FILES, is_hollow, link_found
from vampd.errors import (
    ArchiveUnreadable,
    DataError,
    RemoteUnavailable,
    TransientError,
    VampdError,
)
from vampd.model.escapes import shell_word
from vampd.model.nights import FileStamp, NightId, parse_night_date
from vampd.model.proofs import Marked, Place, Receipt, format_mark
from vampd.model.resources import Space
from vampd.model.sharing import shared
from vampd.ports import Guard, Pace, Seen

# Of so many files, each with a record of up to 150 bytes.
_MOST_BYTES = 1 << 25
_SHOWN_BYTES = 1 << 12
# No more than a signed number of 64 bits holds, which is what sizes, and times in ns, may have.
_SIZE, _TIME = rb"(\d{1,18})", rb"([0-8]?\d{1,9})\.(\d{9})"
_LISTED = re.compile(rb"%s %s %s\d* (.+)" % (_SIZE, _SIZE, _TIME), re.DOTALL)
_SPACE_REPORTED = re.compile(rb" ".join([_SIZE] * 5) + rb"\s*")
_DIGESTED = re.compile(rb"([0-9a-f]{64}) %s %s %s %s" % (_SIZE, _TIME, _SIZE, _TIME))
_DEVICE_REPORTED = re.compile(rb"([^\0]*)\0([0-9]{0,18})")
# User, owner, group, mode, and a folder below the destination. No name is an option of chown's.
_NAME = rb"([^\0-][^\0]*)"
_REFUSAL_REPORTED = re.compile(rb"\0".join([*[_NAME] * 3, rb"([0-7]{1,5})", rb"(\.(?:/[^\0]*)?)"]))

# Causes that say something of one file; any other, such as a missing program, concerns them all.
_OF_FILES = frozenset({CauseName.PERMISSION, CauseName.DISK_ERROR, CauseName.FOLDER_MISSING})


@dataclass(frozen=True)
class ScriptAnswer:
    """The records that a script printed, without their NULs, and its messages.

    ``before`` is what the login printed before it.
    """

    records: list[bytes]
    messages: str
    before: bytes = b""


class SshArchive(RsyncArchive):
    """A folder on another host that holds the nights; it must exist there."""

    def __init__(
        self,
        host: str,
        path: Path,
        transfer: Transfer,
        name: str | None = None,
        root: Path | None = None,
    ) -> None:
        super().__init__(path, transfer, name, root)
        self._host = host

    def files(self, night: NightId, guard: Guard | None = None) -> Mapping[str, FileStamp]:
        stamps: dict[str, FileStamp] = {}
        records = self._guarded(LIST, night, (), SteadyPace(), guard).records
        if records == [b"link"]:
            raise link_found(Path(self._target(night)))
        for record in records:
            if len(stamps) == MOST_FILES:
                raise self._too_long(f"more than {MOST_FILES:,} files")
            match = _LISTED.fullmatch(record)
            if match is None:
                raise self.garbled(record)
            path = os.fsdecode(match[5])
            if path.startswith("/") or ".." in path.split("/"):
                raise self.garbled(record)
            size, blocks = int(match[1]), int(match[2])
            if not is_hollow(size, blocks):
                path = shared(path)
                stamps[path] = shared(FileStamp(path, size, int(match[3] + match[4])))
        return stamps

    def _digests(
        self,
        night: NightId,
        files: Sequence[str],
        pace: Pace,
        guard: Guard | None,
        at_once: int | None,
    ) -> Sequence[Receipt]:
        """In as many scripts at once as there are streams: one reads one file after the other."""
        scripts = min(at_once or self._transfer.streams_at_once, len(files)) or 1
        parts = [files[number::scripts] for number in range(scripts)]
        read = all_at_once([partial(self._digest, night, part, pace, guard) for part in parts])
        receipts = {receipt.path: receipt for part in read for receipt in part}
        return [receipts[path] for path in files if path in receipts]

    def _digest(
        self, night: NightId, files: Sequence[str], pace: Pace, guard: Guard | None
    ) -> Sequence[Receipt]:
        answer = self._guarded(DIGEST, night, files, pace, guard)
        records = [record for record in answer.records if record != b"alive"]
        if len(records) != len(files):
            raise self.garbled(b"%d records for %d files" % (len(records), len(files)))
        return [
            self._receipt(path, record, answer.messages)
            for path, record in zip(files, records, strict=True)
            if record != b"missing"
        ]

    def space(self) -> Space:
        record = b"\0".join(self._query(SPACE, b".", (), SteadyPace()).records)
        match = _SPACE_REPORTED.fullmatch(record)
        if match is None:
            raise self.garbled(record)
        free, blocks, size, free_names, names = (int(number) for number in match.groups())
        return Space(free * size, blocks * size, free_names if names else None)

    def device(self, night: NightId) -> int | None:
        record = b"\0".join(self._run(DEVICE, night, (), SteadyPace()).records)
        match = _DEVICE_REPORTED.fullmatch(record)
        if match is None:
            raise self.garbled(record)
        return int(match[2]) if match[2] and os.fsdecode(match[1]) == boot_id() else None

    def pass_guard(self, guard: Guard) -> None:
        self._judge(guard, self._ask_guard(guard.point))

    def mark(self) -> str | None:
        found: list[str | None] = []
        self.pass_guard(Guard(None, lambda seen: found.append(seen.mark)))
        return found[0]

    def place_mark(self, mark: str) -> None:
        folders = os.fsencode(self._path) + b"\0.\0"
        text = f"{mark}\0{format_mark(mark, Marked.ARCHIVE)}\0".encode()
        self._answer(PLACE_MARK, folders + text, SteadyPace())

    def is_mount_point(self, folder: Path) -> bool:
        return self._ask_guard(folder)[:1] == [MOUNTED]

    def _ask_guard(self, point: Path | None) -> list[bytes]:
        words = (os.fsencode(self._path), b".", b"" if point is None else os.fsencode(point))
        return self._answer(GUARD, b"".join(word + b"\0" for word in words), SteadyPace()).records

    def _guarded(
        self,
        script: str,
        night: NightId,
        files: Sequence[str],
        pace: Pace,
        guard: Guard | None,
    ) -> ScriptAnswer:
        """What a script prints there, once the guard has passed; without what that was told."""
        point = "" if guard is None or guard.point is None else str(guard.point)
        words = (self._path, self._name_of(night), NO_GUARD if guard is None else point)
        stdin = b"".join(os.fsencode(word) + b"\0" for word in words) + names_text(files)
        answer = self._answer(script, stdin, pace)
        if guard is None:
            return answer
        return replace(answer, records=self._judge(guard, answer.records))

    def _judge(self, guard: Guard, records: list[bytes]) -> list[bytes]:
        """Have the guard judge what is said for it; the records that follow."""
        rest = list(records)
        if guard.point is not None:
            if rest[:1] == [UNMOUNTED]:
                guard.judge(Seen(is_mounted=False, mark=None))
                return []
            if rest[:1] != [MOUNTED]:
                raise self.garbled(b"\0".join(rest[:1]))
            del rest[0]
        if rest[:1] == [UNMARKED]:
            guard.judge(Seen(is_mounted=True, mark=None))
            return rest[1:]
        if len(rest) < 2 or rest[0] != MARKED:
            raise self.garbled(b"\0".join(rest[:1]))
        mark = read_mark(rest[1], f"{self._host}:{self._path}")
        guard.judge(Seen(is_mounted=True, mark=mark))
        return rest[2:]

    def nights(self) -> Sequence[str]:
        records = self._query(NIGHTS, b".", (), SteadyPace()).records
        names = (os.fsdecode(name) for name in records)
        return sorted(name for name in names if parse_night_date(name) is not None)

    def describe_refused(self, night: NightId) -> str | None:
        records = self._run(REFUSED, night, (), SteadyPace()).records
        if len(records) == 1:
            return None
        match = _REFUSAL_REPORTED.fullmatch(b"\0".join(records))
        if match is None:
            raise self.garbled(b" ".join(records))
        name, owner, group, mode, path = (os.fsdecode(found) for found in match.groups())
        if ".." in path.split("/"):
            raise self.garbled(match[5])
        folder = os.path.normpath(self._path / path)
        return (
            f"{name} may not write to {self._host}:{folder} (mode {mode}, owner {owner}, group"
            f" {group}); there: `sudo chown {shell_word(name)} {shell_word(folder)}`, or let its"
            " group write"
        )

    def _receipt(self, path: str, record: bytes, messages: str) -> Receipt:
        if record == b"unreadable":
            raise self._unreadable(path, messages)
        match = _DIGESTED.fullmatch(record)
        if match is None:
            raise self.garbled(record)
        if match.group(2, 3, 4) != match.group(5, 6, 7):
            raise DataError(
                "changed_while_read",
                f"{path} was written to at {self._host}:{self._path} while it was read; find out"
                " who writes there",
                path=path,
            )
        stamp = FileStamp(path, int(match[2]), int(match[3] + match[4]))
        return Receipt(Place.ARCHIVE, stamp, match[1].decode(), time.time())

    def _unreadable(self, path: str, messages: str) -> VampdError:
        place, cause = f"{self._host}:{self._path}", find_cause(messages)
        if cause is not None and cause.name not in _OF_FILES:
            # No file of it can be read, so nothing is known of this one.
            words = original_words(messages)
            return TransientError(
                "archive_refused", describe_cause(cause, place, words), target=place
            )
        why = "it cannot be read" if cause is None else cause.words
        cure = "check the disk there and the file's permissions" if cause is None else cause.cure
        return ArchiveUnreadable(
            "archive_unreadable",
            f"{why}: {path} at {place}; {cure} ({original_words(messages) or 'no message'})",
            path=path,
        )

    def ask(self, script: str, name: str = ".") -> ScriptAnswer:
        """What a script prints there about one folder below the destination."""
        return self._query(script, os.fsencode(name), (), SteadyPace())

    def _run(self, script: str, night: NightId, files: Sequence[str], pace: Pace) -> ScriptAnswer:
        """What a script prints there."""
        return self._query(script, os.fsencode(self._name_of(night)), files, pace)

    def _query(self, script: str, name: bytes, files: Sequence[str], pace: Pace) -> ScriptAnswer:
        folders = os.fsencode(self._path) + b"\0" + name + b"\0"
        return self._answer(script, folders + names_text(files), pace)

    def _answer(self, script: str, stdin: bytes, pace: Pace) -> ScriptAnswer:
        ended = self._ssh(f"bash -c '{script}'", stdin, pace)
        begin = ended.stdout.find(BEGIN)
        end = ended.stdout.rfind(END)
        if begin < 0 or end < begin:
            raise self.garbled(ended.stdout)
        records = ended.stdout[begin + len(BEGIN) : end].split(b"\0")[:-1]
        return ScriptAnswer(records, ended.stderr, ended.stdout[:begin])

    def _ssh(self, command: str, stdin: bytes, pace: Pace) -> Ended:
        place = f"{self._host}:{self._path}"
        try:
            log_in = partial(
                run_process,
                [*self._transfer.ssh, "--", _ssh_name(self._host), command],
                stdin=stdin,
                pace=pace,
                silent_after_s=self._transfer.timeout_s,
                most_bytes=_MOST_BYTES,
            )
            ended = let_in(log_in, pace)
        except ProgramSilent as error:
            if BEGIN in error.stdout:
                raise self._slow(error) from error
            raise unreachable(place, error.stderr, error.message) from error
        except TransientError as error:
            if error.code != "output_too_long":
                raise
            raise self._too_long(f"more than {_MOST_BYTES:,} bytes") from error
        if ended.status:
            raise self._refused(ended)
        return ended

    def _refused(self, ended: Ended) -> VampdError:
        place = f"{self._host}:{self._path}"
        # A login that is closed says so on standard output.
        messages = ended.stderr + _text_before(ended.stdout)
        cause = find_cause(messages)
        words = original_words(messages) or f"no message, exit status {ended.status}"
        if ended.status == NO_SSH or (cause is not None and cause.name in CONNECTION_CAUSES):
            return unreachable(place, messages, "ssh gave no message")
        if cause is not None and cause.name in FULL_CAUSES:
            return archive_full(place, cause, words)
        if ended.status == NO_ROOT and (cause is None or cause.name is CauseName.FOLDER_MISSING):
            return RemoteUnavailable(
                "archive_folder_missing",
                f"the destination {place} does not exist; mount its disk there or create it"
                f" ({words})",
                target=place,
            )
        needs = (
            "vampd needs bash, rsync, GNU find and GNU coreutils there, and permission to read the"
            " nights"
        )
        if cause is None:
            message = f"{place} could not be read: status {ended.status}; {needs} ({words})"
        elif cause.name is CauseName.PROGRAM_MISSING:
            message = f"{cause.words}, at {place}; {cause.cure}; {needs} ({words})"
        else:
            message = describe_cause(cause, place, words)
        kind = RemoteUnavailable if ended.status == NO_ROOT else TransientError
        return kind("archive_refused", message, target=place, status=ended.status)

    def _slow(self, error: ProgramSilent) -> TransientError:
        return TransientError(
            "archive_slow",
            f"the disk at {self._host}:{self._path} did not answer for"
            f" {self._transfer.timeout_s:g} s, although the host does; look at that disk and its"
            f" load, or set a longer transfer.timeout_s ({original_words(error.stderr) or 'no'}"
            " message)",
            target=self._host,
        )

    def _too_long(self, found: str) -> TransientError:
        return TransientError(
            "archive_listing_too_long",
            f"the answer of {self._host}:{self._path} has {found}, which no night has: look what"
            " lies there, or what its login prints",
            target=self._host,
        )

    def garbled(self, output: bytes) -> TransientError:
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
        return self._ssh("rsync --help", b"", pace).stdout.decode("utf-8", "replace")

    def _hidden_files(self, night: NightId, pace: Pace) -> Iterator[str]:
        return map(os.fsdecode, self._run(LIST_HIDDEN, night, (), pace).records)

    def _remove_repeated(self, night: NightId, wholes: Mapping[str, str], pace: Pace) -> None:
        pairs = [path for pair in wholes.items() for path in pair]
        self._run(REMOVE_REPEATED, night, pairs, pace)

    def _refuse_itself(self, night: NightId, folder: Path | None) -> None:
        """Nothing: a destination on another host is known by its mark."""


def _text_before(output: bytes) -> str:
    """What a login printed before our script did, a few lines of it."""
    return "\n" + output.partition(BEGIN)[0][:_SHOWN_BYTES].decode("utf-8", "replace")


def _ssh_name(host: str) -> str:
    # rsync wants brackets around the colons of an IPv6 address, ssh wants none.
    return host.replace("[", "").replace("]", "")
