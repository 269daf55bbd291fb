"""rsync: its arguments as a pure function, and its exit statuses as our errors.

Source of options and exit values: rsync(1). Unlike the old tools: no ``-P`` (killed, it leaves a
truncated file under its final name), no ``-u`` (skips what is damaged but newer), never
``--delete``, and names only on standard input (they hold colons). There is no ``--mkpath`` either:
the configured folder must exist, else the disk behind it is not mounted.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from vampd.adapters.archive.sources import (
    require_below,
    unreadable_sources,
    vanished_sources,
)
from vampd.adapters.programs import (
    CONNECTION_CAUSES,
    FULL_CAUSES,
    CauseName,
    Ended,
    ProgramCause,
    find_cause,
    original_words,
)
from vampd.errors import DataError, DiskFull, RemoteUnavailable, TransientError, VampdError
from vampd.model.plan import Compare

PARTIAL_FOLDER = ".vampd-partial"

# Bad exits of a connection: 5 start of the protocol, 10 socket, 12 protocol stream, 30 and 35
# timeouts, 127 no rsync there, 255 ssh.
CONNECTION_LOST = frozenset({5, 10, 12, 30, 35, 127, 255})
# Exit status of errors in file input and output (rsync(1)).
FILE_IO = 11
_KILLED = frozenset({19, 20})
_NO_FOLDER = re.compile(r"mkdir .* failed: No such file or directory \(2\)")
_IN_THE_WAY = re.compile(r"^could not make way for .*?regular file: (.+)$", re.MULTILINE)
_SOURCE = re.compile(r'^.*(?:\[sender\]|link_stat|file has vanished).*?"(.+?)".*$', re.MULTILINE)


class Durability(Enum):
    """Whether the rsyncs of both sides can fsync what they wrote before they rename it."""

    FSYNC = "fsync"
    DEFAULT = "default"


def partial_folder(stream: int) -> str:
    """Where a copy keeps what it has of a file; ``stream`` is its number among those at once.

    Two rsyncs would remove each other's.
    """
    return f"{PARTIAL_FOLDER}-{stream + 1}" if stream else PARTIAL_FOLDER


def rsync_arguments(
    source: str,
    target: str,
    *,
    compare: Compare,
    durability: Durability,
    timeout_s: float,
    remote_shell: Sequence[str] | None,
    most_bytes: int | None = None,
    stream: int = 0,
) -> list[str]:
    """The arguments that copy the files named on standard input (NUL-ended) into ``target``.

    ``source`` and ``target`` are folders. New files get the permissions that the umask there leaves
    of rw-rw-rw-, whatever they have here; files that are replaced keep theirs. A file of more than
    ``most_bytes`` stays where it is.
    """
    arguments = [
        "--files-from=-",
        "--from0",
        "-s",  # secluded arguments: no shell there sees folder names
        "--times",
        "--modify-window=-1",  # times agree to the nanosecond, not to the second
        "--no-implied-dirs",
        "--chmod=ugo=rwX",
        f"--partial-dir={partial_folder(stream)}",
        "--info=progress2",  # a sign of life every second
        f"--timeout={math.ceil(timeout_s)}",
    ]
    if durability is Durability.FSYNC:
        arguments.append("--fsync")
    if compare is Compare.CHECKSUM:
        arguments.append("--checksum")
    if compare is Compare.NOTHING:
        arguments.append("--ignore-times")
    if compare is Compare.NAME:
        arguments.append("--ignore-existing")
    if most_bytes is not None:
        arguments.append(f"--max-size={most_bytes}")
    if remote_shell is not None:
        arguments.append(f"--rsh={remote_shell_text(remote_shell)}")
    return [*arguments, "--", f"{source}/", f"{target}/"]


def remote_shell_text(words: Sequence[str]) -> str:
    """Words as the one string that rsync splits again: quotes are doubled inside quotes."""
    return " ".join(
        "'" + word.replace("'", "''") + "'" if not word or set(word) & set(" '\"") else word
        for word in words
    )


def names_text(files: Sequence[str]) -> bytes:
    """The files' names as standard input expects them; ValueError for a path outside the night."""
    require_below(files)
    # A name that begins with # or ; would be a comment.
    shown = (f"./{path}" if path.startswith(("#", ";")) else path for path in files)
    return b"".join(os.fsencode(path) + b"\0" for path in shown)


@dataclass(frozen=True)
class Near:
    """This side of a copy: its folder, and whether rsync sends from it or writes into it."""

    folder: str
    sends: bool

    def is_meant(self, line: str) -> bool:
        """Whether a line of rsync's speaks of this side; most name the role of who wrote them."""
        roles = ("[sender]",) if self.sends else ("[receiver]", "[generator]")
        return any(role in line for role in roles)


def rsync_error(ended: Ended, target: str, near: Near) -> VampdError:
    """The error that a bad exit means for the night; its message begins with the cause.

    It names the side that the cause is on: ``target`` is the other one.
    """
    cause, words = find_cause(ended.stderr), ended.last_words
    is_near = cause is not None and near.is_meant(cause.line)
    if cause is not None and cause.name in FULL_CAUSES:
        if is_near:
            return DiskFull(
                "disk_full", describe_cause(cause, near.folder, words), path=near.folder
            )
        return archive_full(target, cause, words)
    if _NO_FOLDER.search(ended.stderr):
        return RemoteUnavailable(
            "archive_folder_missing",
            f"the folder that is to hold the night, above {target}, does not exist; mount its disk"
            f" or create it ({words})",
            target=target,
        )
    in_the_way = _IN_THE_WAY.search(ended.stderr)
    # Before a copy to here, `without_folders` looks.
    if in_the_way is not None and near.sends:
        path = f"{target}/{in_the_way[1]}"
        return DataError(
            "not_a_file",
            f"{path}: a folder that is not empty lies where a file of the night belongs; move it"
            " away",
            path=path,
        )
    sources = sorted(set(_SOURCE.findall(ended.stderr)))
    if ended.status in {23, 24} and sources:
        if cause is not None and cause.name in (CauseName.PERMISSION, CauseName.DISK_ERROR):
            return unreadable_sources(sources, cause, words)
        return vanished_sources(sources, words)
    if ended.status in CONNECTION_LOST:
        return unreachable(target, ended.stderr, f"exit status {ended.status}")
    if ended.status < 0 or ended.status in _KILLED:
        return TransientError("transfer_killed", f"rsync to {target} was killed ({words})")
    said = f"rsync to {target} ended with status {ended.status} ({words})"
    return TransientError(
        "transfer_failed",
        said if cause is None else describe_cause(cause, near.folder if is_near else target, words),
        target=target,
        status=ended.status,
    )


def describe_cause(cause: ProgramCause, target: str, words: str) -> str:
    """The message of a cause: ours first, then what to do, and what the program said behind it."""
    return f"{cause.words}, at {target}; {cause.cure} ({words})"


def archive_full(target: str, cause: ProgramCause, words: str) -> DiskFull:
    """The error for a destination that takes no more."""
    return DiskFull("archive_full", describe_cause(cause, target, words), target=target)


def unreachable(target: str, stderr: str, otherwise: str) -> RemoteUnavailable:
    """The error for a host that does not answer, or stopped answering.

    ``otherwise`` is what happened, where the program said nothing.
    """
    cause, words = find_cause(stderr), original_words(stderr) or otherwise
    if cause is None:
        message = (
            f"the connection to {target} failed; check that the host is up and that ssh to it works"
            f" without a password ({words})"
        )
    elif cause.name in CONNECTION_CAUSES:
        message = f"{cause.words}: {target} cannot be reached; {cause.cure} ({words})"
    else:
        message = describe_cause(cause, target, words)
    return RemoteUnavailable("archive_unreachable", message, target=target)
