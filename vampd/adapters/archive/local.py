"""An archive host that is a folder on this machine: another disk, or a network mount.

One module, however long: each method is this host's answer to one question of `NightArchive`.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from vampd.adapters.archive.copying import SourceRefused, copy_files
from vampd.adapters.archive.leftovers import remove_repeated
from vampd.adapters.archive.night_archive import NightArchive, read_mark
from vampd.adapters.archive.rsync import (
    PARTIAL_FOLDER,
    Durability,
    archive_full,
    rsync_arguments,
)
from vampd.adapters.archive.sources import (
    Part,
    parts_for_rsync,
    parts_to_send,
)
from vampd.adapters.archive.targets import PinnedFolder, names_by_folder, pinned_target
from vampd.adapters.programs import FULL_CAUSES, find_cause
from vampd.config import is_in_night
from vampd.disk.answering import stat_answering
from vampd.disk.durable import fsync_folder, place_mark_file, read_mark_file, remove_leftovers
from vampd.disk.machine import space_at
from vampd.disk.named_errors import path_named
from vampd.disk.reading import (
    LINK_FOUND,
    MOST_FILES,
    file_behind,
    hash_file,
    is_hollow,
    link_found,
)
from vampd.disk.refusal import Cause as Refusal
from vampd.disk.refusal import PathAccess, classify, describe_refused, misplaced, translate_refusal
from vampd.errors import (
    ArchiveUnreadable,
    ConfigError,
    DataError,
    DiskFull,
    RemoteUnavailable,
    TransientError,
    VampdError,
)
from vampd.model.nights import FileStamp, NightId, bounded_ns, parse_night_date
from vampd.model.plan import Compare
from vampd.model.proofs import MARK_PATH, Marked, Place, Receipt
from vampd.model.resources import Space
from vampd.model.sharing import shared
from vampd.ports import Guard, Pace, Seen

_DAMAGE = frozenset({errno.EIO, errno.EACCES, errno.EPERM})


class LocalArchive(NightArchive):
    """A local folder that holds the nights.

    If that folder itself does not exist, the archive is unavailable: it is not created, because a
    missing one usually means that its disk is not mounted, and the night would fill the wrong disk.
    """

    def files(self, night: NightId, guard: Guard | None = None) -> Mapping[str, FileStamp]:
        """As `NightArchive`; DataError ``link_found``, ConfigError ``destination_is_source``."""
        if guard is not None:
            self.pass_guard(guard)
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

    def _digests(
        self,
        night: NightId,
        files: Sequence[str],
        pace: Pace,
        guard: Guard | None,
        at_once: int | None,
    ) -> Sequence[Receipt]:
        del at_once  # one after the other
        if guard is not None:
            self.pass_guard(guard)
        self._require_folder()
        self._refuse_itself(night, self._own(night))
        receipts = []
        home = self._folder_here(night)
        synced: set[Path] = set()
        for path in files:
            pace.check()
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

    def pass_guard(self, guard: Guard) -> None:
        is_mounted = guard.point is None or self.is_mount_point(guard.point)
        guard.judge(Seen(is_mounted, self.mark() if is_mounted else None))

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

    def folder_here(self, night: NightId) -> Path | None:
        self._require_folder()
        return self._folder_here(night)

    def _folder_here(self, night: NightId) -> Path:
        return Path(os.path.realpath(self._path)) / self._name_of(night)

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

    def get_ready(self, pace: Pace) -> None:
        del pace  # a look
        self._require_folder()

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
        del connection  # there is none
        base, place = Path(os.path.realpath(self._path)), f"{self._name_of(night)}{part.below}"
        for parent, names in names_by_folder(part.names):
            below = f"{place}/{parent}".removesuffix("/")
            within = f"{part.below}/{parent}/".lstrip("/")
            before(tuple(f"{within}{name}" for name in names))
            with self._writing_there(base / below):
                with pinned_target(base, below) as target:
                    remove_leftovers(target.folder)
                how = {name: self._comparison(night, f"{within}{name}", compare) for name in names}
                try:
                    copy_files(folder / parent, base / below, how, pace)
                except SourceRefused as refused:
                    raise refused.error(parent) from refused

    def _comparison(self, night: NightId, path: str, compare: Compare) -> Compare:
        """How a file is compared with what is there: one that is here by a hard link, by nothing.

        It is equal to itself, and what is sent takes its place.
        """
        try:
            there = os.lstat(self._folder_here(night) / path)
        except (FileNotFoundError, NotADirectoryError):
            return compare
        return Compare.NOTHING if self._is_here(night, path, there) else compare

    @contextmanager
    def _writing_there(self, path: Path) -> Iterator[None]:
        """What refuses to be written there, as an error of the archive. DiskFull; TransientError.

        DataError ``not_a_file`` for something else where a file or folder belongs.
        """
        try:
            yield
        except DiskFull as error:
            # It names the file; that its disk is the archive's is known here.
            found = error.__cause__
            full = self._full(found) if isinstance(found, OSError) else None
            raise full or error from found
        except OSError as error:
            if (full := self._full(error)) is not None:
                raise full from error
            refused = path_named(error) or path
            if (other := misplaced(error, refused)) is not None:
                raise other from error
            described = _describe(error, refused, PathAccess.WRITE)
            raise TransientError("transfer_failed", described, target=str(self._path)) from error

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
        source = self._folder_here(night) / parent
        how = dict.fromkeys(names, compare)
        try:
            copy_files(source, target.folder, how, pace, most_bytes)
        except SourceRefused as refused:
            raise refused.error(parent) from refused
        except OSError as error:
            raise translate_refusal(error, target.folder, PathAccess.WRITE) from error

    def commands(
        self, night: NightId, folder: Path, files: Sequence[str], compare: Compare, pace: Pace
    ) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        del pace  # nothing is asked
        for part in parts_for_rsync(parts_to_send(folder, files)):
            arguments = rsync_arguments(
                str(folder),
                f"{self._target(night)}{part.below}",
                compare=compare,
                durability=Durability.FSYNC,
                timeout_s=self._transfer.timeout_s,
                remote_shell=None,
            )
            yield [self._transfer.rsync, *arguments], part.names

    def _hidden_files(self, night: NightId, pace: Pace) -> Iterator[str]:
        del pace  # a listing is quick
        root = self._path / self._name_of(night)
        for folder, _, names in os.walk(root):
            is_partial = os.path.basename(folder).startswith(PARTIAL_FOLDER)
            for name in names:
                if is_partial or name.startswith("."):
                    yield Path(folder, name).relative_to(root).as_posix()

    def _remove_repeated(self, night: NightId, wholes: Mapping[str, str], pace: Pace) -> None:
        folder = self._folder_here(night)
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
        there = self._folder_here(night)
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
        if (full := self._full(error)) is not None:
            return full
        described = _describe(error, path or path_named(error) or self._path, access)
        return RemoteUnavailable("archive_unreachable", described, target=str(self._path))

    def _full(self, error: OSError) -> DiskFull | None:
        cause = find_cause(error.strerror or "")
        if cause is None or cause.name not in FULL_CAUSES:
            return None
        return archive_full(str(self._path), cause, str(error))


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
                    path, mtime_ns = shared(prefix + entry.name), bounded_ns(status.st_mtime_ns)
                    yield shared(FileStamp(path, status.st_size, mtime_ns)), status
