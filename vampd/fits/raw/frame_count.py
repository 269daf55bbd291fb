"""How many frames a raw cube has, though not all of it can be used, or even read.

What is not certain is *at least* so many, by the timing file, the header of a compressed image, or
the size of the file; a cube whose frames no one knows is no cube of zero frames.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vampd.disk.refusal import PathAccess, translate_refusal
from vampd.errors import MalformedCube, TransientError
from vampd.fits.headers import open_raw_file, padded, read_cards_at
from vampd.model.cubes import CountedBy, FrameCount
from vampd.model.nights import FileStamp

_Found = TypeVar("_Found")
# No frame of these cameras is larger: all 4096 x 2304 pixels of 16 bits (ORCA-Quest).
_LARGEST_FRAME_BYTES = 4096 * 2304 * 2
# A row of a timing file, in the form of any of the loggers, begins with the frame's index.
_ROW = re.compile(rb"^[ \t]*\d+[ \t]", re.MULTILINE)
# A million rows: more than any cube has. Of a longer file, which is none of rows, so much is read.
_MOST_TIMING_BYTES = 108_000_000
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class _Claim:
    """What a header says: so many frames, of ``frame_bytes`` each, from ``offset`` on.

    ``frame_bytes`` is None for a compressed image, whose frames have no one length.
    """

    frames: int
    frame_bytes: int | None = None
    offset: int = 0


def count_frames(night_folder: Path, fits: FileStamp, timing_file: FileStamp | None) -> FrameCount:
    """Count a cube's frames; TransientError or NotPermitted if a file cannot be read now."""
    return _count(fits, _claim_of(night_folder, fits.path), _rows_of(night_folder, timing_file))


def count_readable_frames(
    night_folder: Path, fits: FileStamp, timing_file: FileStamp | None
) -> FrameCount:
    """As `count_frames`, from what can be read: a refusal leaves what the other file says."""
    claim = _unless_refused(lambda: _claim_of(night_folder, fits.path))
    rows = _unless_refused(lambda: _rows_of(night_folder, timing_file))
    return _count(fits, claim, rows or 0)


def _count(fits: FileStamp, claim: _Claim | None, rows: int) -> FrameCount:
    held = max(1, fits.size // _LARGEST_FRAME_BYTES) if fits.size else 0
    if claim is not None and claim.frame_bytes is not None:
        length = claim.offset + padded(claim.frames * claim.frame_bytes)
        # A file that was cut says what it had, where its timing file says the same.
        if fits.size >= length or rows == claim.frames:
            return FrameCount(claim.frames)
        held = max(0, fits.size - claim.offset) // claim.frame_bytes
    elif claim is not None and rows in (0, claim.frames):
        return FrameCount(claim.frames, CountedBy.HEADER_CLAIM)
    return FrameCount(rows, CountedBy.TIMING_FILE) if rows else FrameCount(held, CountedBy.SIZE)


def _claim_of(night_folder: Path, name: str) -> _Claim | None:
    """What the headers of a file claim; None if it is no FITS file, or claims no frames."""
    path = night_folder / name
    try:
        file_fd = open_raw_file(night_folder, name)
    except MalformedCube:
        return None
    with open(file_fd, "rb") as file:
        try:
            cards, offset = read_cards_at(file.fileno(), 0, path)
            axes = cards.integer("NAXIS")
            if axes == 0:
                # The image of a tile-compressed file lies in its first extension.
                cards, _ = read_cards_at(file.fileno(), offset, path)
                frames = cards.integer("ZNAXIS3") or (1 if cards.integer("ZNAXIS") == 2 else 0)
                return _Claim(frames) if frames > 0 else None
        except MalformedCube:
            return None
    sizes = [cards.integer(f"NAXIS{axis}") or 0 for axis in (1, 2)]
    frames = {2: 1, 3: cards.integer("NAXIS3") or 0}.get(axes or 0, 0)
    frame_bytes = sizes[0] * sizes[1] * abs(cards.integer("BITPIX") or 0) // 8
    if frames <= 0 or frame_bytes <= 0:
        return None
    return _Claim(frames, frame_bytes, offset)


def _rows_of(night_folder: Path, timing_file: FileStamp | None) -> int:
    if timing_file is None:
        return 0
    path = night_folder / timing_file.path
    try:
        file_fd = open_raw_file(night_folder, timing_file.path)
    except MalformedCube:
        return 0
    rows, kept, read = 0, b"", 0
    with open(file_fd, "rb") as file:
        while read < _MOST_TIMING_BYTES:
            try:
                chunk = file.read(_CHUNK_BYTES)
            except OSError as error:
                raise translate_refusal(error, path, PathAccess.READ) from error
            if not chunk:
                break
            read += len(chunk)
            lines, _, kept = (kept + chunk).rpartition(b"\n")
            rows += len(_ROW.findall(lines))
            kept = kept[-_CHUNK_BYTES:]
    return rows + len(_ROW.findall(kept))


def _unless_refused(find: Callable[[], _Found]) -> _Found | None:
    try:
        return find()
    except TransientError:
        return None
