"""Raw cubes: everything that is checked before a camera's cube may be used.

Each fault has a code of its own and costs that cube only. No pixel is read here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.refusal import PathAccess, translate_refusal
from vampd.errors import MalformedCube, TransientError
from vampd.fits.headers import open_raw_file, padded, read_cards_at, unpackable_card
from vampd.fits.raw.compressed import refuse_compressed
from vampd.fits.raw.frame_count import count_frames
from vampd.fits.rice import PIXEL_BYTES
from vampd.model.cubes import (
    Cards,
    RawCube,
    SetAside,
    Timing,
    Undefined,
    check_stamps,
    check_timing,
    parse_timing,
    render_card,
)
from vampd.model.nights import CAMERA_STREAMS, FileStamp, Stream, bounded_ns, is_cube_name

_UNSIGNED_ZERO = 32768
_LONGEST_EXPOSURE_S = 86_400
# Cubes have 1 to 2 GB. A thousand times as much is a damaged header, not a cube; and what it seems
# to promise must not drown the night's sum of frames.
_MOST_BYTES = 1 << 40
# A logger's row has 108 bytes. Do not read what is far too long to be rows of these frames.
_MOST_ROW_BYTES, _MOST_COMMENT_BYTES = 1_000, 1 << 20
# 300,000 rows: more than any cube has, however small its frames.
_MOST_TIMING_BYTES = 1 << 25


@dataclass(frozen=True)
class CubeLayout:
    """Where the frames lie in a plain cube: ``shape`` is (frames, NAXIS2, NAXIS1)."""

    shape: tuple[int, int, int]
    offset: int

    @property
    def frame_bytes(self) -> int:
        """The length of one frame."""
        return self.shape[1] * self.shape[2] * PIXEL_BYTES

    @property
    def file_bytes(self) -> int:
        """The length of a whole file with this layout, padding included."""
        return self.offset + padded(self.shape[0] * self.frame_bytes)


def read_raw_cube(
    night_folder: Path, fits: FileStamp, timing_file: FileStamp | None, stream: Stream
) -> RawCube | SetAside:
    """One raw cube with its timing, or why it cannot be used.

    A two-dimensional image is a cube of one frame; its cards then say so. TransientError
    ``raw_changed`` if a file is no longer what its stamp says, or as `open_raw_file` if it
    cannot be read now.
    """
    try:
        _check_name(fits.path)
        _check_form(fits.path)
        cards, layout = _read_layout(night_folder, fits)
        _check_camera(cards, stream)
        timing = _read_timing(night_folder, fits, timing_file, layout.shape[0])
        _check_exposure_time(cards)
    except MalformedCube as error:
        count = count_frames(night_folder, fits, timing_file)
        return SetAside(
            fits, timing_file, count.frames, error.code, error.message, count.counted_by
        )
    assert timing_file is not None
    return RawCube(stream, fits, timing_file, layout.shape, cards, timing)


def layout_of(cards: Cards, offset: int) -> CubeLayout:
    """The layout that the header of a camera's cube describes.

    Raises MalformedCube with code ``not_uint16``, ``not_a_cube``, ``no_frames``, ``axes_absurd``
    (a cube of more than 1 TB) or ``header_malformed`` (structural cards missing or out of order).
    """
    return _layout(cards, offset, _check_uint16)


def layout_of_int16(cards: Cards, offset: int) -> CubeLayout:
    """The layout of any plain cube of 16-bit integers, whatever BZERO and BSCALE make of them.

    Raises MalformedCube as `layout_of`, with ``not_int16`` for ``not_uint16``.
    """
    return _layout(cards, offset, _check_int16)


def _layout(cards: Cards, offset: int, check_pixels: Callable[[Cards], None]) -> CubeLayout:
    axes = cards.integer("NAXIS")
    if axes not in (2, 3):
        raise MalformedCube(
            "not_a_cube",
            f"expected a cube of two or three axes, found NAXIS = {axes}",
        )
    wanted = ["SIMPLE", "BITPIX", "NAXIS", *(f"NAXIS{axis}" for axis in range(1, axes + 1))]
    found = [text[:8].rstrip() for text in cards.texts[: len(wanted)]]
    lengths = [cards.integer(keyword) for keyword in wanted[3:]]
    if cards.boolean("SIMPLE") is None:
        raise MalformedCube(
            "header_malformed", f"expected SIMPLE to be T, found {cards.texts[0][10:30]!r}"
        )
    if found != wanted or any(length is None or length < 0 for length in lengths):
        raise MalformedCube(
            "header_malformed",
            f"expected a header that begins with {', '.join(wanted)} and lengths,"
            f" found {', '.join(found)} with lengths {lengths}",
        )
    check_pixels(cards)
    columns, rows, frames = (length or 0 for length in [*lengths, 1][:3])
    if not columns * rows * frames:
        raise MalformedCube("no_frames", f"the cube is empty: {columns} x {rows} x {frames}")
    if columns * rows * frames > _MOST_BYTES // PIXEL_BYTES:
        raise MalformedCube(
            "axes_absurd",
            "expected a cube of some GB, found one of"
            f" {columns:.3g} x {rows:.3g} x {frames:.3g} pixels: its header is damaged",
        )
    return CubeLayout((frames, rows, columns), offset)


def _check_uint16(cards: Cards) -> None:
    numbers = (
        cards.integer("BITPIX"),
        cards.number("BZERO"),
        cards.number("BSCALE") if "BSCALE" in cards else 1,
    )
    if numbers != (16, _UNSIGNED_ZERO, 1):
        raise MalformedCube(
            "not_uint16",
            "expected unsigned 16-bit pixels (BITPIX 16, BZERO 32768, BSCALE 1),"
            " found BITPIX {}, BZERO {}, BSCALE {}".format(*numbers),
        )


def _check_int16(cards: Cards) -> None:
    bits = cards.integer("BITPIX")
    if bits != 16:
        raise MalformedCube(
            "not_int16", f"expected pixels of 16-bit integers (BITPIX 16), found BITPIX {bits}"
        )


def check_packable(cards: Cards, layout: CubeLayout, file_bytes: int) -> None:
    """Check that a file has the length that its header states, and no card that packing would lose.

    Raises MalformedCube as `_check_length`, and ``header_unpackable``.
    """
    _check_length(layout, file_bytes)
    reserved = unpackable_card(cards)
    if reserved is not None:
        raise MalformedCube(
            "header_unpackable",
            f"the header has a card {reserved}, which a packed header needs for itself",
        )


def _check_length(layout: CubeLayout, file_bytes: int) -> None:
    """MalformedCube ``fits_truncated`` or ``fits_too_long``."""
    if file_bytes != layout.file_bytes:
        kind = "truncated" if file_bytes < layout.file_bytes else "too_long"
        raise MalformedCube(
            f"fits_{kind}",
            f"the header describes a file of {layout.file_bytes} bytes"
            f" ({layout.shape[0]} frames), found {file_bytes}",
        )


def _check_name(path: str) -> None:
    if not path.isprintable():
        raise MalformedCube(
            "name_unusable",
            f"the file name {path!r} holds control characters or is no UTF-8; rename it",
        )


def _check_form(path: str) -> None:
    name = path.rpartition("/")[2]
    if not is_cube_name(name):
        raise MalformedCube(
            "unknown_form",
            f"expected a plain cube, whose name ends in .fits, found {name}: decompress or rename"
            " it in its place, and it is taken up",
        )


def _read_layout(night_folder: Path, fits: FileStamp) -> tuple[Cards, CubeLayout]:
    path = night_folder / fits.path
    file_fd = open_raw_file(night_folder, fits.path)
    try:
        status = os.fstat(file_fd)
        _check_unchanged(fits, status)
        cards, offset = read_cards_at(file_fd, 0, path)
        refuse_compressed(file_fd, cards, offset, path)
    finally:
        os.close(file_fd)
    layout = layout_of(cards, offset)
    _check_length(layout, status.st_size)
    return _with_three_axes(cards), layout


def _with_three_axes(cards: Cards) -> Cards:
    if cards.integer("NAXIS") == 3:
        return cards
    third = render_card("NAXIS3", "1", "number of frames")
    cards = cards.with_value("NAXIS", 3)
    return Cards((*cards.texts[:5], third.text, *cards.texts[5:]))


def _check_camera(cards: Cards, stream: Stream) -> None:
    camera = cards.integer("U_CAMERA")
    # Anything but a camera's number decides nothing: the folder names the camera.
    if camera in {other.camera for other in CAMERA_STREAMS} - {stream.camera}:
        raise MalformedCube(
            "wrong_camera",
            f"the header says U_CAMERA {camera}, and the cube lies in {stream}: its frames could be"
            " either camera's; move it to where it belongs",
        )


def _read_timing(
    night_folder: Path, fits: FileStamp, timing_file: FileStamp | None, frames: int
) -> Timing:
    if timing_file is None:
        raise MalformedCube(
            "timing_missing", f"there is no timing file beside {Path(fits.path).name}"
        )
    path = night_folder / timing_file.path
    most_bytes = min(_MOST_COMMENT_BYTES + frames * _MOST_ROW_BYTES, _MOST_TIMING_BYTES)
    if timing_file.size > most_bytes:
        raise MalformedCube(
            "timing_too_long",
            f"{path.name} has {timing_file.size} bytes, far too many for rows of {frames} frames",
        )
    try:
        file_fd = open_raw_file(night_folder, timing_file.path)
    except MalformedCube as error:
        code = "timing_unreadable" if error.code == "unreadable" else error.code
        raise MalformedCube(code, error.message) from error
    with open(file_fd, "rb") as file:
        _check_unchanged(timing_file, os.fstat(file_fd))
        try:
            text = file.read(most_bytes)
        except OSError as error:
            raise translate_refusal(error, path, PathAccess.READ) from error
    timing = parse_timing(text)
    check_timing(timing, frames)
    check_stamps(timing)
    return timing


def _check_exposure_time(cards: Cards) -> None:
    exposure_time_s = cards.number("EXPTIME")
    value = cards.value("EXPTIME")
    if isinstance(value, Undefined) or (isinstance(value, str) and not value.strip()):
        raise MalformedCube("exptime_missing", "the header has no EXPTIME")
    if exposure_time_s is None or not 0 < exposure_time_s <= _LONGEST_EXPOSURE_S:
        text = cards.card("EXPTIME")
        raise MalformedCube(
            "exptime_invalid",
            "expected EXPTIME in seconds, above 0 and within a day,"
            f" found {text.text[10:].strip() if text else ''}",
        )


def _check_unchanged(stamp: FileStamp, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or (status.st_size, bounded_ns(status.st_mtime_ns)) != (
        stamp.size,
        stamp.mtime_ns,
    ):
        raise TransientError(
            "raw_changed",
            f"{stamp.path} changed between listing and reading: something writes to it",
            path=stamp.path,
        )
