"""An archive host in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.fakes.fake_night_reader import FakeFile, stamp_of
from vampd.adapters.archive.night_archive import read_mark
from vampd.adapters.archive.sources import parts_to_send
from vampd.errors import DiskFull, RemoteUnavailable, TransientError
from vampd.model.nights import FileStamp, NightId
from vampd.model.plan import Compare
from vampd.model.proofs import Marked, Place, Receipt, format_mark
from vampd.model.resources import Space
from vampd.ports import Guard, Pace, Seen

Read = Callable[[Path, str], FakeFile]


def read_from_disk(folder: Path, path: str) -> FakeFile:
    """A file of a real night folder, links followed."""
    try:
        with open(folder / path, "rb") as file:
            return FakeFile(file.read(), os.fstat(file.fileno()).st_mtime_ns)
    except FileNotFoundError as error:
        raise TransientError("source_vanished", f"{path} is not there") from error


class FakeArchive:
    """Behaves as the real ones do, as the contract suite proves.

    ``trees`` are the files by date and path; ``read`` is where `send` takes files from. It can be
    unreachable, and full beyond ``capacity_bytes``.
    """

    def __init__(self, read: Read = read_from_disk) -> None:
        self.trees: dict[str, dict[str, FakeFile]] = {}
        self.reachable = True
        self.capacity_bytes: int | None = None
        self.marked: str | None = None
        self.mounted: set[Path] = {Path("/")}
        self._read = read

    def files(self, night: NightId, guard: Guard | None = None) -> Mapping[str, FileStamp]:
        if guard is not None:
            self.pass_guard(guard)
        self._reach()
        there = self.trees.get(night.date, {})
        return {path: stamp_of(path, file) for path, file in list(there.items())}

    def get_ready(self, pace: Pace) -> None:
        pace.check()
        self._reach()

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
        pace.check()
        self._reach()
        for part in parts_to_send(folder, files):
            before(part.files)
            self._send(night, folder, [path for path in part.files if path in files], compare)
        after()

    def _send(self, night: NightId, folder: Path, files: Sequence[str], compare: Compare) -> None:
        there = self.trees.setdefault(night.date, {})
        for path in files:
            file = self._read(folder, path)
            old = there.get(path)
            if compare is Compare.NAME and old is not None:
                continue
            if compare is Compare.CHECKSUM and old is not None and old.content == file.content:
                there[path] = file
            elif (
                compare is Compare.CHECKSUM
                or old is None
                or stamp_of(path, old) != stamp_of(path, file)
            ):
                self._require_space(len(file.content))
                there[path] = file

    def pass_guard(self, guard: Guard) -> None:
        is_mounted = guard.point is None or self.is_mount_point(guard.point)
        guard.judge(Seen(is_mounted, self.mark() if is_mounted else None))

    def remove_leftovers(self, night: NightId, files: Sequence[str], pace: Pace) -> None:
        pace.check()
        self._reach()  # nothing here is ever sent by half

    def arrived(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        return self.digests(night, files, pace)

    def digests(
        self,
        night: NightId,
        files: Sequence[str],
        pace: Pace,
        guard: Guard | None = None,
        at_once: int | None = None,
    ) -> Sequence[Receipt]:
        pace.check()
        if guard is not None:
            self.pass_guard(guard)
        self._reach()
        there = self.trees.get(night.date, {})
        return [
            Receipt(
                Place.ARCHIVE,
                stamp_of(path, there[path]),
                hashlib.sha256(there[path].content).hexdigest(),
                at=0.0,
            )
            for path in files
            if path in there
        ]

    def text(self, night: NightId, path: str, pace: Pace) -> str:
        pace.check()
        self._reach()
        file = self.trees.get(night.date, {}).get(path)
        return "" if file is None else file.content.decode("utf-8", "surrogateescape")

    def space(self) -> Space:
        self._reach()
        used = self._used_bytes()
        capacity = 10**15 if self.capacity_bytes is None else self.capacity_bytes
        return Space(capacity - used, capacity)

    def device(self, night: NightId) -> None:
        return None

    def mark(self) -> str | None:
        self._reach()
        return None if self.marked is None else read_mark(self.marked.encode(), "memory")

    def place_mark(self, mark: str) -> None:
        self._reach()
        if self.marked is None:
            self.marked = format_mark(mark, Marked.ARCHIVE)

    def is_mount_point(self, folder: Path) -> bool:
        self._reach()
        return folder in self.mounted

    def nights(self) -> Sequence[str]:
        self._reach()
        return sorted(self.trees)

    def _reach(self) -> None:
        if not self.reachable:
            raise RemoteUnavailable("archive_unreachable", "the test took it away")

    def _used_bytes(self) -> int:
        # Two may send at once: what another one adds meanwhile must not end the count.
        trees = list(self.trees.values())
        return sum(len(file.content) for there in trees for file in list(there.values()))

    def _require_space(self, size: int) -> None:
        used = self._used_bytes()
        if self.capacity_bytes is not None and used + size > self.capacity_bytes:
            raise DiskFull("archive_full", "the test made it small")
