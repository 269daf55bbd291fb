"""What every archive host shares, however nights travel there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vampd.adapters.archive.leftovers import find_leftovers
from vampd.adapters.archive.night_itself import refuse_night_itself
from vampd.adapters.archive.sources import (
    Part,
    check_sources,
    parts_to_fetch,
    parts_to_send,
    require_below,
)
from vampd.adapters.archive.targets import PinnedFolder, made_here, names_by_folder
from vampd.config import Transfer
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import MOST_TEXT_BYTES, read_whole
from vampd.disk.temporary import temporary_folder
from vampd.errors import ARCHIVE_UNKNOWN, ArchiveUnknown
from vampd.model.nights import FileStamp, NightId
from vampd.model.plan import Compare
from vampd.model.proofs import MARK_PATH, Marked, Receipt, parse_mark
from vampd.model.resources import Space
from vampd.ports import Guard, Pace


class NightArchive(ABC):
    """A folder, here or on another host, that holds nights.

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

    def _name_of(self, night: NightId) -> str:
        return self._name or night.date

    def _own(self, night: NightId) -> Path | None:
        return None if self._root is None else self._root / night.folder

    @abstractmethod
    def files(self, night: NightId, guard: Guard | None = None) -> Mapping[str, FileStamp]:
        """Every file of the night there, by path; empty if the night is not there."""

    def digests(
        self,
        night: NightId,
        files: Sequence[str],
        pace: Pace,
        guard: Guard | None = None,
        at_once: int | None = None,
    ) -> Sequence[Receipt]:
        """Receipts of these files, read there past the cache; none for what is missing.

        ConfigError ``destination_is_source`` if what lies there is the night here.
        """
        own = self._own(night)
        # A destination is known by its mark.
        if own is not None and self._name is not None:
            refuse_night_itself(
                own,
                self._target(night),
                lambda path: bool(self._digests(night, [path], pace, None, None)),
            )
        return self._digests(night, files, pace, guard, at_once)

    @abstractmethod
    def _digests(
        self,
        night: NightId,
        files: Sequence[str],
        pace: Pace,
        guard: Guard | None,
        at_once: int | None,
    ) -> Sequence[Receipt]:
        """The same of whatever lies there."""

    @abstractmethod
    def pass_guard(self, guard: Guard) -> None:
        """Ask what the guard needs, and nothing else."""

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

    def folder_here(self, night: NightId) -> Path | None:
        """The night's folder there, if it lies on this machine. RemoteUnavailable."""
        del night
        return None

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
        connection: int = 0,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        """Copy these files of the night's folder; a final name appears only when it is whole.

        ``before`` is called with what is sent at once, before it is, ``after`` when all of it has
        been sent; ``connection`` is the number of the one that it takes. Then removes what a killed
        copy has left of them there.

        Raises RemoteUnavailable, DiskFull; DataError ``source_is_no_file``; TransientError
        ``source_unreadable``, ``source_vanished``, ``transfer_failed``; ValueError for a path that
        leads out of the night.
        """
        self._refuse_itself(night, folder)
        if not files:
            return
        require_below(files)
        check_sources(folder, files)
        self.get_ready(pace)
        for part in self._parts_to_send(folder, files):
            self._send_part(night, folder, part, compare, pace, before, connection)
            failpoint("archive.send.group_sent")
        after()
        self.remove_leftovers(night, files, pace)

    def remove_leftovers(self, night: NightId, files: Sequence[str], pace: Pace) -> None:
        """Remove what killed copies have left of files that lie there whole."""
        leftovers = find_leftovers(self._hidden_files(night, pace), files)
        if leftovers:
            self._remove_repeated(night, leftovers, pace)

    @abstractmethod
    def get_ready(self, pace: Pace) -> None:
        """Ask what has to be known before anything is copied. RemoteUnavailable."""

    def _parts_to_send(self, folder: Path, files: Sequence[str]) -> Iterator[Part]:
        return parts_to_send(folder, files)

    @abstractmethod
    def _send_part(
        self,
        night: NightId,
        folder: Path,
        part: Part,
        compare: Compare,
        pace: Pace,
        before: Callable[[Sequence[str]], object],
        connection: int,
    ) -> None:
        """Copy one part there, as `send`."""

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
        require_below(files)
        self.get_ready(pace)
        for part in parts_to_fetch(files):
            for parent, names in names_by_folder(part.names):
                below = f"{folder.name}{part.below}/{parent}"
                with made_here(folder.parent, below) as target:
                    self._fetch_folder(night, parent, names, target, compare, pace, most_bytes)
            failpoint("archive.fetch.group_fetched")

    @abstractmethod
    def _fetch_folder(
        self,
        night: NightId,
        parent: str,
        names: Sequence[str],
        target: PinnedFolder,
        compare: Compare,
        pace: Pace,
        most_bytes: int | None,
    ) -> None:
        """Copy files of one folder of the night there into one that is opened here."""

    def text(self, night: NightId, path: str, pace: Pace) -> str:
        """A small text of the night there, by path; '' if it does not come, or is too large.

        Raises as `fetch` does.
        """
        with temporary_folder("vampd-reading-") as scratch:
            here = scratch / "night"
            try:
                self.fetch(night, here, [path], Compare.SIZE_AND_TIME, pace, MOST_TEXT_BYTES)
                return read_whole(here / path, MOST_TEXT_BYTES).decode("utf-8", "surrogateescape")
            except FileNotFoundError:
                return ""

    @abstractmethod
    def commands(
        self, night: NightId, folder: Path, files: Sequence[str], compare: Compare, pace: Pace
    ) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        """The programs that do what `send` does, each with the names on its standard input.

        Only asks the host what its rsync can do. RemoteUnavailable.
        """


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
