"""An archive host that is a folder on this machine: another disk, or a network mount.

One module, however long: each method is this host's answer to one question of `RsyncArchive`.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from vampd.adapters.archive.leftovers import remove_repeated
from vampd.adapters.archive.rsync import PARTIAL_FOLDER, Near, archive_full
from vampd.adapters.archive.rsync_archive import RsyncArchive, read_mark
from vampd.adapters.archive.sources import Part, pinned_sources
from vampd.adapters.archive.targets import PinnedFolder, names_by_folder, pinned_target
from vampd.adapters.programs import FULL_CAUSES, find_cause
from vampd.config import is_in_night
from vampd.disk.answering import stat_answering
from vampd.disk.durable import fsync_folder, place_mark_file, read_mark_file
from vampd.disk.machine import space_at
from vampd.disk.reading import (
    LINK_FOUND,
    MOST_FILES,
    file_behind,
    hash_file,
    is_hollow,
    link_found,
)
from vampd.disk.refusal import Cause as Refusal
from vampd.disk.refusal import PathAccess, classify, describe_refused, misplaced
from vampd.errors import (
    ArchiveUnreadable,
    ConfigError,
    DataError,
    RemoteUnavailable,
    TransientError,
    VampdError,
)
from vampd.model.nights import FileStamp, NightId, bounded_ns, parse_night_date
from vampd.model.plan import Compare
from vampd.model.proofs import MARK_PATH, Marked, Place, Receipt
from vampd.model.resources import Space
from vampd.ports import Pace

_DAMAGE = frozenset({errno.EIO, errno.EACCES, errno.EPERM})


class LocalArchive(RsyncArchive):
    """A local folder that holds the nights.

    If that folder itself does not exist, the archive is unavailable: it is not created, because a
    missing one usually means that its disk is not mounted, and the night would fill the wrong disk.
    """

    def files(self, night: NightId) -> Mapping[str, FileStamp]:
        """As `RsyncArchive`; DataError ``link_found``, ConfigError ``destination_is_source``."""
        self._require_folder()
        self._refuse_itself(night, self._own(night))
        try:
            there = self._path / self._name_of(night)
            return {
                stamp.path: stamp
                for stamp, status in _walk(there)
                if not self._is_here(night, stamp.path, status)
            }
        except OSError as error:
            raise self._unavailable(error) from error

    def _digests(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        self._require_folder()
        self._refuse_itself(night, self._own(night))
        receipts = []
        synced: set[Path] = set()
        for path in files:
            pace.check()
            home = Path(os.path.realpath(self._path)) / self._name_of(night)
            file = home / path
            if any(parent.is_symlink() for parent in file.parents if parent.is_relative_to(home)):
                continue  # what a link leads to is no copy
            try:
                status = os.lstat(file)
                if not stat.S_ISREG(status.st_mode) or is_hollow(status.st_size, status.st_blocks):
                    continue  # what is mostly holes is no copy either, and takes hours to read
                if self._is_here(night, path, status):
                    continue
                if file.parent not in synced:
                    fsync_folder(file.parent)
                    synced.add(file.parent)
                size, mtime_ns, sha256 = hash_file(file, pace)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except DataError as error:
                if error.code != LINK_FOUND:
                    raise
                continue  # what a link leads to is no copy
            except OSError as error:
                if error.errno in _DAMAGE:
                    raise ArchiveUnreadable(
                        "archive_unreadable", _describe(error, file, PathAccess.READ), path=path
                    ) from error
                raise self._unavailable(error, file) from error
            stamp = FileStamp(path, size, mtime_ns)
            receipts.append(Receipt(Place.ARCHIVE, stamp, sha256, time.time()))
        return receipts

    def space(self) -> Space:
        self._require_folder()
        try:
            return space_at(self._path)
        except OSError as error:
            raise self._unavailable(error) from error

    def device(self, night: NightId) -> int:
        self._require_folder()
        try:
            return os.stat(self._path / self._name_of(night)).st_dev
        except OSError as error:
            raise self._unavailable(error) from error

    def mark(self) -> str | None:
        self._require_folder()
        try:
            content = read_mark_file(self._path)
        except OSError as error:
            raise self._unavailable(error) from error
        return None if content is None else read_mark(content, str(self._path))

    def place_mark(self, mark: str) -> None:
        self._require_folder()
        try:
            place_mark_file(self._path, mark, Marked.ARCHIVE)
        except OSError as error:
            folder = self._path / MARK_PATH
            raise self._unavailable(error, folder.parent, PathAccess.WRITE) from error

    def is_mount_point(self, folder: Path) -> bool:
        return os.path.ismount(folder)

    def nights(self) -> Sequence[str]:
        self._require_folder()
        try:
            with os.scandir(self._path) as scan:
                names = sorted(e.name for e in scan if e.is_dir(follow_symlinks=False))
        except OSError as error:
            raise self._unavailable(error) from error
        return [name for name in names if parse_night_date(name) is not None]

    def _target(self, night: NightId) -> str:
        return str(self._path / self._name_of(night))

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
        self._require_folder()
        base, near = Path(os.path.realpath(self._path)), Near(str(folder), sends=True)
        durability = self._known_durability(pace)
        for parent, names in names_by_folder(part.names):
            below = f"{self._name_of(night)}{part.below}/{parent}"
            sources = tuple(f"{parent}/{name}".lstrip("/") for name in names)
            place = f"{self._target(night)}{part.below}/{parent}".removesuffix("/")
            ask = partial(before, Part(sources, part.below).files)
            ask()  # the folder is made before rsync starts
            with (
                pinned_sources(folder, sources) as source,
                self._made_there(base, below) as target,
            ):
                (read,) = source.folders
                for how, some in self._by_comparison(night, part, parent, names, compare).items():
                    command = self._arguments(
                        str(read), target.name, how, durability, stream=stream
                    )
                    self._run_rsync(
                        command, night, some, place, near, pace, source, target, again=ask
                    )

    def _by_comparison(
        self, night: NightId, part: Part, parent: str, names: Sequence[str], compare: Compare
    ) -> dict[Compare, tuple[str, ...]]:
        """How these files of a folder are compared: one that is here by a hard link, by nothing.

        It is equal to itself, and what is sent takes its place.
        """
        below = f"{part.below}/{parent}".strip("/")
        shared = tuple(name for name in names if self._is_shared(night, f"{below}/{name}"))
        rest = tuple(name for name in names if name not in shared)
        groups = {compare: rest, Compare.NOTHING: shared}
        return {how: some for how, some in groups.items() if some}

    def _is_shared(self, night: NightId, path: str) -> bool:
        path = path.lstrip("/")
        try:
            there = os.lstat(Path(os.path.realpath(self._path)) / self._name_of(night) / path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return self._is_here(night, path, there)

    @contextmanager
    def _made_there(self, base: Path, below: str) -> Iterator[PinnedFolder]:
        """Opened where a link can no longer take its place. DiskFull; TransientError."""
        with ExitStack() as stack:
            try:
                target = stack.enter_context(pinned_target(base, below))
            except OSError as error:
                cause = find_cause(error.strerror or "")
                place = str(self._path)
                if cause is not None and cause.name in FULL_CAUSES:
                    raise archive_full(place, cause, str(error)) from error
                if (other := misplaced(error, base / below)) is not None:
                    raise other from error
                described = _describe(error, base / below, PathAccess.WRITE)
                raise TransientError("transfer_failed", described, target=place) from error
            yield target

    def _remote_shell(self) -> None:
        return None

    def _ask_rsync(self, pace: Pace) -> str:
        return "--fsync"  # the rsync here was already checked, and it is both sides

    def _hidden_files(self, night: NightId, pace: Pace) -> Iterator[str]:
        del pace  # a listing is quick
        root = self._path / self._name_of(night)
        for folder, _, names in os.walk(root):
            is_partial = os.path.basename(folder).startswith(PARTIAL_FOLDER)
            for name in names:
                if is_partial or name.startswith("."):
                    yield Path(folder, name).relative_to(root).as_posix()

    def _remove_repeated(self, night: NightId, wholes: Mapping[str, str], pace: Pace) -> None:
        folder = Path(os.path.realpath(self._path)) / self._name_of(night)
        for leftover, whole in wholes.items():
            try:
                remove_repeated(folder / leftover, folder / whole, pace)
            except FileNotFoundError:
                continue  # it was completed meanwhile
            except OSError as error:
                raise self._unavailable(error) from error

    def _is_here(self, night: NightId, path: str, there: os.stat_result) -> bool:
        """Whether a file there is the night's own, by a hard link: one file is no two copies."""
        own = self._own(night)
        if own is None or there.st_nlink == 1:
            return False
        try:
            return os.path.samestat(os.lstat(file_behind(own, path)), there)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _refuse_itself(self, night: NightId, folder: Path | None) -> None:
        there = Path(os.path.realpath(self._path)) / self._name_of(night)
        if there.is_symlink():
            raise link_found(there)
        if folder is None:
            return
        try:
            itself = os.path.samefile(there, folder)
        except OSError:
            return
        if itself:
            raise ConfigError(
                "destination_is_source",
                f"the destination {there} is the night's own folder; a copy onto itself proves"
                " nothing, configure another disk",
            )

    def describe_refused(self, night: NightId) -> str | None:
        there = self._path / self._name_of(night)
        folders = [folder for folder, _, _ in os.walk(there)] if there.is_dir() else [self._path]
        for folder in folders:
            if not os.access(folder, os.W_OK | os.X_OK):
                return describe_refused(Path(folder), PathAccess.WRITE)
        return None

    def _require_folder(self) -> None:
        try:
            status = stat_answering(self._path, self._transfer.timeout_s)
            is_folder = stat.S_ISDIR(status.st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_folder = False
        except OSError as error:
            raise self._unavailable(error) from error
        # Nothing is placed in a camera stream, whatever link leads there.
        real = Path(os.path.realpath(self._path))
        if self._root is not None and real.is_relative_to(self._root) and is_in_night(real):
            raise ConfigError(
                "destination_is_source",
                f"the destination {self._path} leads to {real}, in the folder of a night here;"
                " configure another disk",
            )
        if not is_folder:
            raise RemoteUnavailable(
                "archive_folder_missing",
                f"the destination {self._path} does not exist, or is no folder; mount its disk or"
                " create it",
                target=str(self._path),
            )

    def _unavailable(
        self, error: OSError, path: Path | None = None, access: PathAccess = PathAccess.READ
    ) -> VampdError:
        place = str(self._path)
        cause = find_cause(error.strerror or "")
        if cause is not None and cause.name in FULL_CAUSES:
            return archive_full(place, cause, str(error))
        described = _describe(error, path or Path(error.filename or self._path), access)
        return RemoteUnavailable("archive_unreachable", described, target=place)


def _describe(error: OSError, path: Path, access: PathAccess) -> str:
    """The cause in our words, what to do, and what the system said."""
    if error.errno == errno.ENOTDIR:
        return f"{path}, or what is above it, is no folder; move it away ({error.strerror})"
    cause = find_cause(error.strerror or "")
    said = error.strerror or str(error)
    if cause is None:
        return f"the destination's {path} cannot be used; check its disk ({said})"
    if classify(error) is Refusal.PERMISSION:
        return f"{cause.words}: {describe_refused(path, access)} ({said})"
    return f"{cause.words}, at {path}; {cause.cure} ({said})"


def _walk(root: Path) -> Iterator[tuple[FileStamp, os.stat_result]]:
    """The files below a folder, without hollow ones; OSError (EOVERFLOW) for too many."""
    # Not by recursion: a tree may be as deep as a path is long.
    folders = [""]
    files = 0
    while folders:
        prefix = folders.pop()
        try:
            scan = os.scandir(root / prefix)
        except (FileNotFoundError, NotADirectoryError):
            continue
        with scan:
            for entry in scan:
                # Hidden: incoming files, and what others keep there.
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    files += 1
                    if files > MOST_FILES:
                        found = f"more than {MOST_FILES:,} files, which no night has"
                        raise OSError(errno.EOVERFLOW, found, str(root))
                    status = entry.stat(follow_symlinks=False)
                    if is_hollow(status.st_size, status.st_blocks):
                        continue
                    path, mtime_ns = prefix + entry.name, bounded_ns(status.st_mtime_ns)
                    yield FileStamp(path, status.st_size, mtime_ns), status
