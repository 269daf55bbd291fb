"""What the disk shows of the nights: which exist, their files, who touched them."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vampd.disk.machine import Mounts
from vampd.disk.reading import (
    MOST_TEXT_BYTES,
    has_writers,
    list_raw_beside,
    list_raw_files,
    list_raw_folders,
    open_foreign,
    refuse_links,
    stamp_of,
)
from vampd.engine.nights.folder_reader import look_at_cube
from vampd.engine.nights.presence import refuse_unmounted
from vampd.errors import DataError, TransientError
from vampd.model.cubes import RawCube
from vampd.model.nights import (
    ARCHIVE_FOLDER,
    CAMERA_STREAMS,
    INCOMPLETE_CODES,
    LOG_NAMES,
    FileStamp,
    Kind,
    NightId,
    StreamsSnapshot,
    find_cubes,
    in_time_order,
    parse_night_date,
    timing_name,
    unfinished_cube_name,
)

StatAt = Callable[[Path], os.stat_result]
# The clock of a file server or of a camera's host may be ahead by so much, and no more.
FUTURE_S = 60.0
_ALL = tuple(Kind)
# Two kinds, each day for a century.
MOST_NIGHTS = 80_000
# Where folders are looked for that no logger makes.
WITHIN = ("", *CAMERA_STREAMS)
_DIGITS = re.compile(r"[0-9]{8}")


@dataclass(frozen=True)
class NightListing:
    """A listing of a night's camera streams; times are unix seconds."""

    look: StreamsSnapshot
    files: tuple[FileStamp, ...]
    # The newest mtime of a file, and of a stream's folder: a name appeared or vanished.
    latest_s: float
    renamed_s: float
    # Folders within the streams, which no logger makes.
    folders: tuple[str, ...] = ()
    # FITS files beside the streams, likewise.
    beside: tuple[str, ...] = ()

    def written_at(self, now: float) -> float:
        """The newest mtime of a file that is not of the future, 0 without one."""
        if self.latest_s <= now + FUTURE_S:
            return min(self.latest_s, now)
        limit_ns = round((now + FUTURE_S) * 1e9)
        times = (file.mtime_ns for file in self.files if file.mtime_ns <= limit_ns)
        return min(max(times, default=0) / 1e9, now)

    def is_of_future(self, now: float) -> bool:
        """Whether a file or folder claims to have changed later than now."""
        return max(self.latest_s, self.renamed_s) > now + FUTURE_S

    @property
    def bytes(self) -> int:
        """The size of the raw files."""
        return sum(file.size for file in self.files)


def folder_of(root: Path, kind: Kind) -> Path:
    """The folder that holds the nights of this kind."""
    return root / ARCHIVE_FOLDER if kind is Kind.ARCHIVE else root


def ask_folder(folder: Path) -> None:
    """Ask the disk of a folder for something; what it refuses is an answer too."""
    with suppress(OSError), os.scandir(folder) as entries:
        next(entries, None)


def find_nights(
    root: Path, stat_at: StatAt | None = None, kinds: Collection[Kind] = _ALL
) -> tuple[NightId, ...]:
    """The night folders below the root, oldest first; names that are not dates are not nights.

    A link that leads nowhere, or what cannot be examined, may be a night: whoever looks is told.
    OSError if the root cannot be listed; where the archive nights cannot, they are missing. Without
    ``stat_at``, which follows links, the disks to which these lead are not asked: one may hang.
    """
    stat_at = stat_at or Mounts(root).stat
    nights = set[NightId]()
    for kind in kinds:
        with suppress(OSError) if kind is Kind.ARCHIVE else nullcontext():
            nights.update(
                NightId(entry.name, kind)
                for entry in _named_as_nights(folder_of(root, kind))
                if parse_night_date(entry.name) and _may_be_folder(entry, stat_at)
            )
    return tuple(sorted(nights, key=in_time_order))


@dataclass(frozen=True)
class Stranger:
    """An entry that bears a night's name, or holds the nights, and is none or cannot be listed."""

    path: Path
    why: str
    # Whether it is the folder of nights that cannot be listed.
    is_listless: bool = False


def find_strangers(
    root: Path, stat_at: StatAt | None = None, kinds: Collection[Kind] = _ALL
) -> tuple[Stranger, ...]:
    """What lies where nights do and keeps none, by path: named to people, and left alone."""
    stat_at, strangers = stat_at or Mounts(root).stat, list[Stranger]()
    for folder in (folder_of(root, kind) for kind in kinds):
        try:
            entries = _named_as_nights(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            why = f"cannot be listed: {error.strerror}"
            strangers.append(Stranger(folder, why, is_listless=True))
            continue
        for entry in sorted(entries, key=lambda each: each.name):
            if parse_night_date(entry.name) is None:
                strangers.append(Stranger(folder / entry.name, "has a name that is no date"))
            elif not _may_be_folder(entry, stat_at):
                strangers.append(Stranger(folder / entry.name, "is no folder"))
        for path in (folder / name for name in LOG_NAMES):
            unread = _why_unread(path)
            if unread is not None:
                strangers.append(Stranger(path, unread))
    return tuple(strangers)


def _why_unread(log: Path) -> str | None:
    """Why a log of the old tools cannot be read, None if it can or does not exist."""
    try:
        with open_foreign(log) as file:
            size = os.fstat(file.fileno()).st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except DataError as error:
        return error.message
    if size > MOST_TEXT_BYTES:
        return f"is longer than a log of the old tools can be ({size:,} bytes)"
    return None


def _named_as_nights(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of eight digits, dates or not, as many as a site can have."""
    with os.scandir(folder) as entries:
        return list(islice((each for each in entries if _DIGITS.fullmatch(each.name)), MOST_NIGHTS))


def _may_be_folder(entry: os.DirEntry[str], stat_at: StatAt) -> bool:
    try:
        # What the listing says of it suffices, but of links: a disk may be mounted there.
        if not entry.is_symlink():
            return entry.is_dir(follow_symlinks=False)
        return stat.S_ISDIR(stat_at(Path(entry.path)).st_mode)
    except FileNotFoundError:
        return entry.is_symlink()
    except (OSError, TransientError):
        return True


def stream_folders(folder: Path) -> tuple[Path, ...]:
    """The camera streams of a night's folder, existing or not."""
    return tuple(folder / stream.value for stream in CAMERA_STREAMS)


def list_night(folder: Path, sign: Callable[[], None] = lambda: None) -> NightListing:
    """List the camera streams: one stat per file, each followed by ``sign``; none is opened.

    DataError ``link_found`` for a night that is a link, or has one among its own folders.
    """
    if folder.is_symlink():
        _require_target(folder)
    refuse_links(folder)
    refuse_unmounted(folder)
    files = list_raw_files(folder, CAMERA_STREAMS, sign)
    latest_ns = max((file.mtime_ns for file in files), default=0)
    renamed_ns = max(stream_times(folder))
    return NightListing(
        StreamsSnapshot(sign_files(files)),
        files,
        latest_ns / 1e9,
        renamed_ns / 1e9,
        tuple(path for within in WITHIN for path in list_raw_folders(folder, within)),
        list_raw_beside(folder),
    )


def _require_target(link: Path) -> None:
    """OSError for a link that leads nowhere, which is no empty night; one in a circle is a link."""
    try:
        link.stat()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise


def sign_files(files: tuple[FileStamp, ...]) -> str:
    """A digest that changes when any name, size or mtime does."""
    lines = "".join(f"{file.path}\0{file.size}\0{file.mtime_ns}\n" for file in files)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def is_being_written(folder: Path) -> bool:
    """Whether some process has a raw file open for writing, as far as visible."""
    return has_writers(stream_folders(folder))


def stream_times(folder: Path) -> tuple[int, ...]:
    """The mtimes (ns) of the camera streams: they change when names come and go."""
    times = []
    # Of all nights, each half minute: a path that is joined as text costs half.
    for stream in CAMERA_STREAMS:
        try:
            times.append(os.stat(f"{folder}/{stream}").st_mtime_ns)
        except (FileNotFoundError, NotADirectoryError):
            times.append(0)
    return tuple(times)


@dataclass(frozen=True)
class CubeCheck:
    """What the header and the timing file of one raw cube say."""

    path: str
    # Why it may still become complete, as a set-aside code; None: it is complete.
    incomplete: str | None
    frame_id: str | None
    # False where the file could not be read: look again, though nothing has changed.
    is_certain: bool = True


def check_cube(folder: Path, fits: FileStamp) -> CubeCheck:
    """Read a cube's header and timing file; one that changes meanwhile is not complete.

    One that cannot be read now may be complete or not: whether it has a timing file is known.
    """
    try:
        seen = look_at_cube(folder, fits)
    except TransientError as error:
        if error.code == "raw_changed":
            return CubeCheck(fits.path, incomplete=error.code, frame_id=None)
        is_alone = stamp_of(folder, timing_name(fits.path)) is None
        incomplete = "timing_missing" if is_alone else None
        return CubeCheck(fits.path, incomplete, frame_id=None, is_certain=False)
    if isinstance(seen, RawCube):
        return CubeCheck(fits.path, incomplete=None, frame_id=seen.cards.string("FRAMEID"))
    incomplete = seen.code if seen.code in INCOMPLETE_CODES else None
    return CubeCheck(fits.path, incomplete, frame_id=None)


def cube_files(files: tuple[FileStamp, ...]) -> Iterator[FileStamp]:
    """The raw cubes among these files."""
    cubes = find_cubes(file.path for file in files)
    return (file for file in files if file.path in cubes)


def unfinished_files(files: tuple[FileStamp, ...]) -> Iterator[FileStamp]:
    """The cubes that still have their logger's temporary name."""
    return (file for file in files if unfinished_cube_name(file.path.rpartition("/")[2]))
