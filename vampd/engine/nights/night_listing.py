"""What the disk shows of the nights: which exist, their files, who touched them."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.listing import list_raw_files
from vampd.disk.writers import has_writers
from vampd.engine.nights.night_reader import look_at_cube
from vampd.errors import TransientError
from vampd.model.cubes import RawCube
from vampd.model.nights import (
    ARCHIVE_FOLDER,
    CAMERA_STREAMS,
    INCOMPLETE_CODES,
    FileStamp,
    Kind,
    NightId,
    Stream,
    StreamsSnapshot,
    find_traces,
    is_cube_name,
    parse_night_date,
    unfinished_cube_name,
)

# The clock of a file server or of a camera's host may be ahead by so much, and no more.
FUTURE_S = 60.0
# A row for each night and tool: some 200 bytes, for longer than the instrument will last.
_MOST_LOG_BYTES = 1 << 24
_LOGS = ("ARCHIVE_LOG.csv", "PROCESSING_LOG.csv")


@dataclass(frozen=True)
class NightListing:
    """A listing of a night's camera streams; times are unix seconds."""

    look: StreamsSnapshot
    files: tuple[FileStamp, ...]
    # The newest mtime of a file, and of a stream's folder: a name appeared or vanished.
    latest_s: float
    renamed_s: float

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


def find_nights(root: Path) -> tuple[NightId, ...]:
    """The night folders below the root, oldest first; names that are not dates are not nights."""
    nights = [
        NightId(name, kind)
        for folder, kind in ((root, Kind.ENGINEERING), (root / ARCHIVE_FOLDER, Kind.ARCHIVE))
        for name in _folder_names(folder)
        if parse_night_date(name)
    ]
    return tuple(sorted(nights))


def _folder_names(folder: Path) -> Iterator[str]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if entry.is_dir():
                yield entry.name


def stream_folders(folder: Path) -> tuple[Path, ...]:
    """The camera streams of a night's folder, existing or not."""
    return tuple(folder / stream.value for stream in CAMERA_STREAMS)


def list_night(folder: Path) -> NightListing:
    """List the camera streams: one stat per file, nothing is opened."""
    files = list_raw_files(folder, CAMERA_STREAMS)
    latest_ns = max((file.mtime_ns for file in files), default=0)
    renamed_ns = max(stream_times(folder))
    return NightListing(
        StreamsSnapshot(sign_files(files)), files, latest_ns / 1e9, renamed_ns / 1e9
    )


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
    for path in stream_folders(folder):
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)


@dataclass(frozen=True)
class CubeCheck:
    """What the header and the timing file of one raw cube say."""

    path: str
    # Why it may still become complete, as a set-aside code; None: it is complete.
    incomplete: str | None
    frame_id: str | None


def check_cube(folder: Path, fits: FileStamp) -> CubeCheck:
    """Read a cube's header and timing file; one that changes meanwhile is not complete."""
    try:
        seen = look_at_cube(folder, fits)
    except TransientError as error:
        return CubeCheck(fits.path, incomplete=error.code, frame_id=None)
    if isinstance(seen, RawCube):
        return CubeCheck(fits.path, incomplete=None, frame_id=seen.cards.string("FRAMEID"))
    incomplete = seen.code if seen.code in INCOMPLETE_CODES else None
    return CubeCheck(fits.path, incomplete, frame_id=None)


def cube_files(files: tuple[FileStamp, ...]) -> Iterator[FileStamp]:
    """The raw cubes among these files."""
    return (file for file in files if is_cube_name(file.path.rpartition("/")[2]))


def unfinished_files(files: tuple[FileStamp, ...]) -> Iterator[FileStamp]:
    """The cubes that still have their logger's temporary name."""
    return (file for file in files if unfinished_cube_name(file.path.rpartition("/")[2]))


def old_tool_traces(root: Path, night: NightId) -> list[str]:
    """What the old tools left in or about a night; empty if it is ours to process."""
    folder = root / night.folder
    logs = [
        _read_log(path)
        for path in (base / name for base in (root, root / ARCHIVE_FOLDER) for name in _LOGS)
        if path.is_file()
    ]
    return find_traces(_names(folder), _names(folder / Stream.VGEN2), logs, night)


def _read_log(path: Path) -> str:
    """A CSV log of the old tools; OSError (EFBIG) if it is longer than one can be."""
    with path.open("rb") as file:
        content = file.read(_MOST_LOG_BYTES + 1)
    if len(content) > _MOST_LOG_BYTES:
        found = f"more than the {_MOST_LOG_BYTES:,} bytes that a log of the old tools can have"
        raise OSError(errno.EFBIG, found, str(path))
    return content.decode("utf-8", "replace")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
