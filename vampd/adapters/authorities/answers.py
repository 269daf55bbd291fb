"""What authorities answer, kept beside the ledger: ``ARCHIVED_DATA/frameids.answers``.

An answer comes as a file that is not ours: Gen2's is in ``/tmp`` and belongs to another user. Once
its copy is durable it is removed, because another client would take it for its own; where a sticky
folder forbids that, it stays, and is never taken twice. Before a call, ``asked`` records the state
of that file; every answer is copied, byte for byte, to ``answer_000001.txt`` and so on, and is on
the disk before it is used. If ``asked`` exists, a call was interrupted: what the file holds by then
is kept as an answer too, unless it is what it held before the call. ``silent`` holds the number of
IDs of each call that got no answer.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.durable import (
    creating,
    make_folder,
    names_in,
    remove_durably,
    remove_leftovers,
    replacing,
)
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import read_whole
from vampd.disk.refusal import user_name
from vampd.disk.rights import reserve_writing
from vampd.errors import FrameIdsUnavailable
from vampd.log import get_log
from vampd.model.frame_ids import split_answer

_log = get_log()
_ASKED = "asked"
_SILENT = "silent"
_ANSWER = re.compile(r"answer_([0-9]{6,12})\.txt")
# Of 300,000 IDs; a night has some ten thousand.
LONGEST_BYTES = 1 << 22


@dataclass(frozen=True)
class AnswerSnapshot:
    """What the answer file holds, b"" without one.

    Only different content is another answer, as no ID is granted twice; a newer ``mtime_ns`` only
    shows that the file was written.
    """

    content: bytes
    mtime_ns: int

    @property
    def lines(self) -> tuple[str, ...]:
        """Its lines."""
        return split_answer(self.content.decode("utf-8", "replace"))

    @property
    def digest(self) -> str:
        """The SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


class AnswerFolder:
    """The kept answers of one authority that answers by the file ``answer``."""

    def __init__(
        self, folder: Path, answer: Path, owner: str | None = None, *, is_taken: bool = False
    ) -> None:
        """``owner`` is whose file the answer must be, by name or number; None: this user's own.

        ``is_taken``: the file is removed once its copy is durable.
        """
        self._folder = folder
        self._is_taken = is_taken
        self._answer = answer
        self._owner = owner

    def look(self) -> AnswerSnapshot:
        """The answer file as it is now; FrameIdsUnavailable ``answer_unreadable``."""
        try:
            # In a folder where all may write, a link could lead to a file of the owner's.
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            answer_fd = os.open(self._answer, flags)
        except FileNotFoundError:
            return AnswerSnapshot(b"", 0)
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        try:
            status = os.fstat(answer_fd)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise self._unreadable("it is not a regular file with one name")
            owner = self._owner or user_name(os.geteuid()).removeprefix("uid ")
            if owner not in _names_of(status.st_uid):
                raise self._unreadable(
                    f"it belongs to {user_name(status.st_uid)}, not to {owner}: if"
                    " Gen2 writes it, name that user in frameids.gen2_owner"
                )
            if status.st_mode & stat.S_IWOTH:
                raise self._unreadable("everyone may write to it: chmod o-w")
            # One read per look: a file that is being written is read again.
            content = os.read(answer_fd, LONGEST_BYTES + 1)
            if len(content) > LONGEST_BYTES:
                raise self._unreadable(f"it has more than {LONGEST_BYTES:,} bytes")
            return AnswerSnapshot(content, status.st_mtime_ns)
        finally:
            os.close(answer_fd)

    def begin(self) -> AnswerSnapshot:
        """Before a call: keep what an earlier one left, then record the state of the file."""
        make_folder(self._folder)
        # An answer grants IDs.
        for path in (self._folder, *self._kept()):
            reserve_writing(path)
        remove_leftovers(self._folder)
        before = self._keep_left()
        if self._is_taken and before.content in map(read_whole, self._kept()):
            before = self._take_away(before)
        self._remember(before)
        failpoint("answers.asked.remembered")
        return before

    def keep(self, answer: AnswerSnapshot) -> None:
        """After a call: its answer is on the disk, and no call is pending."""
        self.copy(answer)
        failpoint("answers.answer.copied")
        remove_durably(self._folder / _ASKED)
        if self._is_taken:
            self._take_away(answer)

    def note_silence(self, count: int) -> tuple[int, ...]:
        """A call for so many IDs got no answer; those of all such calls since the last answer."""
        make_folder(self._folder)
        asked = (*self._silences(), count)
        with replacing(self._folder / _SILENT) as file:
            file.write("".join(f"{each}\n" for each in asked).encode())
        return asked

    def forget_silences(self) -> None:
        """A call got its answer."""
        with suppress(FileNotFoundError):
            remove_durably(self._folder / _SILENT)

    def _silences(self) -> tuple[int, ...]:
        try:
            lines = read_whole(self._folder / _SILENT).decode("ascii", "replace").split()
        except FileNotFoundError:
            return ()
        return tuple(int(line) for line in lines if line.isdecimal())

    def _take_away(self, answer: AnswerSnapshot) -> AnswerSnapshot:
        """Remove the answer file if it is still this one; what is there then."""
        now = self.look()
        if now != answer:
            return now
        try:
            os.unlink(self._answer)
        except OSError as error:
            # It was kept by its content, so it is never taken for another answer.
            _log.warning("answer.kept", path=str(self._answer), error=error.strerror)
            return now
        failpoint("answers.answer.removed")
        return AnswerSnapshot(b"", 0)

    def lines(self) -> tuple[str, ...]:
        """The lines of all answers that ever came, including those of interrupted calls."""
        self._keep_left()
        texts = (read_whole(path).decode("utf-8", "replace") for path in self._kept())
        return tuple(line for text in texts for line in split_answer(text))

    def _keep_left(self) -> AnswerSnapshot:
        now = self.look()
        try:
            before = read_whole(self._folder / _ASKED).decode("utf-8", "replace")
        except FileNotFoundError:
            return now
        if now.content and now.digest != before:
            self.copy(now)
            failpoint("answers.leftover.copied")
            # The rest of it may still arrive.
            self._remember(now)
        return now

    def _remember(self, look: AnswerSnapshot) -> None:
        with replacing(self._folder / _ASKED) as file:
            file.write(look.digest.encode())

    def copy(self, look: AnswerSnapshot) -> None:
        """An answer is on the disk, whatever becomes of the call."""
        numbers = [int(path.stem.removeprefix("answer_")) for path in self._kept()]
        with creating(self._folder / f"answer_{max(numbers, default=0) + 1:06d}.txt") as file:
            file.write(look.content)

    def _kept(self) -> Iterator[Path]:
        if self._folder.is_dir():
            names = filter(_ANSWER.fullmatch, names_in(self._folder))
            yield from (self._folder / name for name in names)

    def _unreadable(self, found: str) -> FrameIdsUnavailable:
        return FrameIdsUnavailable(
            "answer_unreadable",
            f"expected the answer of the frame-ID authority in {self._answer}, found: {found};"
            " no IDs are requested until it can be read",
            path=str(self._answer),
        )


def _names_of(uid: int) -> tuple[str, ...]:
    try:
        return str(uid), pwd.getpwuid(uid).pw_name
    except KeyError:
        return (str(uid),)
