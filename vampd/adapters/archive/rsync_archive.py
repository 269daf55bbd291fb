"""What every archive host shares: nights travel there by rsync.

One module, however long: one class, whose questions to a host and use of rsync belong together.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vampd.adapters.archive.leftovers import find_leftovers
from vampd.adapters.archive.night_itself import refuse_night_itself
from vampd.adapters.archive.rsync import (
    CONNECTION_LOST,
    FILE_IO,
    Durability,
    Near,
    names_text,
    rsync_arguments,
    rsync_error,
    unreachable,
)
from vampd.adapters.archive.sources import (
    Part,
    PinnedSources,
    check_sources,
    parts_to_fetch,
    parts_to_send,
    pinned_sources,
)
from vampd.adapters.archive.targets import PinnedFolder, made_here, names_by_folder, without_folders
from vampd.adapters.programs import (
    CauseName,
    ProgramSilent,
    find_cause,
    original_words,
    run_process,
)
from vampd.config import Transfer
from vampd.disk.durable import remove_tree
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import MOST_TEXT_BYTES, read_whole
from vampd.errors import ARCHIVE_UNKNOWN, ArchiveUnknown, VampdError
from vampd.model.nights import FileStamp, NightId
from vampd.model.plan import Compare
from vampd.model.proofs import MARK_PATH, Marked, Receipt, parse_mark
from vampd.model.resources import Space
from vampd.ports import Pace

# What permissions there have nothing to do with.
_NOT_THERE = frozenset({"source_unreadable", "source_vanished"})
# How often rsync may fail without a word before that is what the night shows.
_SILENT_FAILURES = 3


class RsyncArchive(ABC):
    """An archive host whose folder rsync can write to.

    No link is followed: nothing from outside the night can take the name of a file of it, whatever
    is exchanged meanwhile. Files under ``vbad/`` that are links to raw files are sent from their
    camera stream.
    """

    def __init__(
        self, path: Path, transfer: Transfer, name: str | None = None, root: Path | None = None
    ) -> None:
        """``name`` is the name of the night's folder in ``path``, None for its date.

        ``root`` is the data root here, if nights are read that may be those of it by another name.
        """
        self._path = path
        self._transfer = transfer
        self._name = name
        self._root = root
        self._durability: Durability | None = None

    def _name_of(self, night: NightId) -> str:
        return self._name or night.date

    def _own(self, night: NightId) -> Path | None:
        return None if self._root is None else self._root / night.folder

    @abstractmethod
    def files(self, night: NightId) -> Mapping[str, FileStamp]:
        """Every file of the night there, by path; empty if the night is not there."""

    def digests(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        """Receipts of these files, read there past the cache; none for what is missing.

        ConfigError ``destination_is_source`` if what lies there is the night here.
        """
        own = self._own(night)
        # A destination is known by its mark.
        if own is not None and self._name is not None:
            refuse_night_itself(
                own, self._target(night), lambda path: bool(self._digests(night, [path], pace))
            )
        return self._digests(night, files, pace)

    @abstractmethod
    def _digests(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        """The same of whatever lies there."""

    @abstractmethod
    def space(self) -> Space:
        """The space on the file system that holds the nights there."""

    @abstractmethod
    def device(self, night: NightId) -> int | None:
        """The device (st_dev) that the night lies on there; None: another machine's."""

    @abstractmethod
    def mark(self) -> str | None:
        """The mark that lies there; ArchiveUnknown if the file in its place holds none."""

    @abstractmethod
    def place_mark(self, mark: str) -> None:
        """Place this mark by link, durably, unless one is there."""

    @abstractmethod
    def is_mount_point(self, folder: Path) -> bool:
        """Whether a file system is mounted at this folder there."""

    @abstractmethod
    def nights(self) -> Sequence[str]:
        """The dates of the nights that lie there, in order."""

    @abstractmethod
    def _target(self, night: NightId) -> str:
        """The night's folder there, as rsync names it."""

    @abstractmethod
    def _remote_shell(self) -> Sequence[str] | None:
        """How rsync reaches the host, None for a folder on this machine."""

    @abstractmethod
    def _ask_rsync(self, pace: Pace) -> str:
        """What ``rsync --help`` says there."""

    @abstractmethod
    def _hidden_files(self, night: NightId, pace: Pace) -> Iterable[str]:
        """The paths of the regular files of the night there whose names begin with a dot."""

    @abstractmethod
    def _remove_repeated(self, night: NightId, wholes: Mapping[str, str], pace: Pace) -> None:
        """Remove each of these files if the one that it maps to begins with all of its bytes."""

    @abstractmethod
    def describe_refused(self, night: NightId) -> str | None:
        """Which folder of the night there may not be written to, by name of its owner and of who
        may not; None if there is none. RemoteUnavailable.
        """

    @abstractmethod
    def _refuse_itself(self, night: NightId, folder: Path | None) -> None:
        """ConfigError if what lies there is the night in ``folder``; DataError if it is a link."""

    def send(
        self,
        night: NightId,
        folder: Path,
        files: Sequence[str],
        compare: Compare,
        pace: Pace,
        before: Callable[[Sequence[str]], object] = lambda _: None,
    ) -> None:
        """Copy these files of the night's folder; a final name appears only when it is whole.

        ``before`` is called with what each rsync sends, before it starts. Removes what a killed
        rsync has left of them there.

        Raises RemoteUnavailable, DiskFull; DataError ``source_is_no_file``; TransientError
        ``source_unreadable``, ``source_vanished``, ``transfer_failed``.
        """
        self._refuse_itself(night, folder)
        if not files:
            return
        check_sources(folder, files)
        for part in parts_to_send(folder, files):
            self._send_part(night, folder, part, compare, pace, before)
            failpoint("archive.send.group_sent")
        leftovers = find_leftovers(self._hidden_files(night, pace), files)
        if leftovers:
            self._remove_repeated(night, leftovers, pace)

    def fetch(
        self,
        night: NightId,
        folder: Path,
        files: Sequence[str],
        compare: Compare,
        pace: Pace,
        most_bytes: int | None = None,
    ) -> None:
        """Copy these files from there into a folder here, made unless it is there.

        No link leads to that folder or below it. What has more than ``most_bytes`` does not come.
        Raises as `send` does; DataError ``link_found``.
        """
        durability, near = self._known_durability(pace), Near(str(folder), sends=False)
        for part in parts_to_fetch(files):
            for parent, names in names_by_folder(part.names):
                source = f"{self._target(night)}/{parent}".removesuffix("/")
                with made_here(folder.parent, f"{folder.name}{part.below}/{parent}") as target:
                    command = self._arguments(source, target.name, compare, durability, most_bytes)
                    with without_folders(target, names, source):
                        self._run_rsync(command, night, names, source, near, pace, target)
            failpoint("archive.fetch.group_fetched")

    def text(self, night: NightId, path: str, pace: Pace) -> str:
        """A small text of the night there, by path; '' if it does not come, or is too large.

        Raises as `fetch` does.
        """
        scratch = Path(tempfile.mkdtemp(prefix="vampd-text-")).resolve()
        try:
            here = scratch / "night"
            self.fetch(night, here, [path], Compare.SIZE_AND_TIME, pace, MOST_TEXT_BYTES)
            return read_whole(here / path, MOST_TEXT_BYTES).decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""
        finally:
            remove_tree(scratch)

    def _send_part(
        self,
        night: NightId,
        folder: Path,
        part: Part,
        compare: Compare,
        pace: Pace,
        before: Callable[[Sequence[str]], object],
        stream: int = 0,
    ) -> None:
        near, ask = Near(str(folder), sends=True), partial(before, part.files)
        with pinned_sources(folder, part.names) as pinned:
            command = self._send_command(night, pinned.view, part, compare, pace, stream)
            target = f"{self._target(night)}{part.below}"
            ask()
            self._run_rsync(command, night, pinned.names, target, near, pace, pinned, again=ask)

    def _send_command(
        self,
        night: NightId,
        folder: Path,
        part: Part,
        compare: Compare,
        pace: Pace,
        stream: int = 0,
    ) -> list[str]:
        target = f"{self._target(night)}{part.below}"
        durability = self._known_durability(pace)
        return self._arguments(str(folder), target, compare, durability, stream=stream)

    def _run_rsync(
        self,
        command: Sequence[str],
        night: NightId,
        files: Sequence[str],
        target: str,
        near: Near,
        pace: Pace,
        *pinned: PinnedSources | PinnedFolder,
        again: Callable[[], object] = lambda: None,
    ) -> None:
        silent = 0
        while True:
            try:
                ended = run_process(
                    command,
                    stdin=names_text(files),
                    pace=pace,
                    # rsync has its own timeout, with a clearer message.
                    silent_after_s=2 * self._transfer.timeout_s,
                    most_bytes=None,  # its progress: signs of life
                    inherited=[fd for each in pinned for fd in each.descriptors],
                )
            except ProgramSilent as error:
                raise unreachable(target, error.stderr, error.message) from error
            if ended.status == 0:
                return
            for each in pinned:
                ended = replace(ended, stderr=each.original(ended.stderr))
            # The far side does not wait forever while we pause for the cameras. What it has of the
            # file is kept aside there, so resuming costs little, and it is no failure.
            if not (ended.paused_s > 0 and ended.status in CONNECTION_LOST):
                # Over ssh, some 3 of 100 such failures say nothing (rsync 3.5), more on a busy
                # machine: the cause is asked for.
                if silent == _SILENT_FAILURES or ended.stderr.strip() or ended.status != FILE_IO:
                    raise self._named(rsync_error(ended, target, near), ended.stderr, night, near)
                silent += 1
            again()

    def _named(self, error: VampdError, stderr: str, night: NightId, near: Near) -> VampdError:
        """The error; where a permission there is the cause, with whose folder refuses whom."""
        cause = find_cause(stderr)
        if cause is None or cause.name is not CauseName.PERMISSION or error.code in _NOT_THERE:
            return error
        if near.is_meant(cause.line):
            return error
        try:
            refused = self.describe_refused(night)
        except VampdError:
            return error
        if refused is None:
            return error
        message = f"{cause.words}: {refused} ({original_words(stderr)})"
        return type(error)(error.code, message, **error.context)

    def _arguments(
        self,
        source: str,
        target: str,
        compare: Compare,
        durability: Durability,
        most_bytes: int | None = None,
        stream: int = 0,
    ) -> list[str]:
        arguments = rsync_arguments(
            source,
            target,
            compare=compare,
            durability=durability,
            timeout_s=self._transfer.timeout_s,
            remote_shell=self._remote_shell(),
            most_bytes=most_bytes,
            stream=stream,
        )
        return [self._transfer.rsync, *arguments]

    def commands(
        self, night: NightId, folder: Path, files: Sequence[str], compare: Compare, pace: Pace
    ) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        """The programs that `send` would run, each with the names on its standard input.

        Only asks the host what its rsync can do. RemoteUnavailable.
        """
        for part in parts_to_send(folder, files):
            yield self._send_command(night, folder, part, compare, pace), part.names

    def _known_durability(self, pace: Pace) -> Durability:
        if self._durability is None:
            here = run_process(
                [self._transfer.rsync, "--help"],
                pace=pace,
                silent_after_s=self._transfer.timeout_s,
            )
            texts = (here.stdout.decode("utf-8", "replace"), self._ask_rsync(pace))
            fsyncs = all("--fsync" in text for text in texts)
            self._durability = Durability.FSYNC if fsyncs else Durability.DEFAULT
        return self._durability


def read_mark(content: bytes, place: str) -> str:
    """The mark in the content of its file; ArchiveUnknown names the place if there is none."""
    mark = parse_mark(content.decode("utf-8", "replace"), Marked.ARCHIVE)
    if mark is None:
        raise ArchiveUnknown(
            ARCHIVE_UNKNOWN,
            f"the mark of {place}, {MARK_PATH}, holds {content[:60]!r} in place of a mark: look at"
            " that disk; put the file back from a copy, or move it away and accept what lies there",
            target=place,
        )
    return mark
