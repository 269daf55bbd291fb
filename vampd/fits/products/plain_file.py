"""Plain FITS cubes: packing a named one, and writing frames as one.

Both stream, and both name the new file only when it is complete, on the disk and proven; nothing is
ever overwritten, and the source stays.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vampd.disk.durable import creating, sync_file
from vampd.disk.machine import WriteBack, drop_behind, drop_from_cache, expect_sequential
from vampd.disk.reading import CHUNK_BYTES, open_foreign
from vampd.errors import DataError, DigestMismatch, MalformedCube
from vampd.fits.headers import (
    TABLE_NAME,
    OnesComplementSum,
    check_data_sum,
    format_header,
    open_regular_file,
    padded,
    plain_cards,
    read_cards_at,
    refuse_control,
)
from vampd.fits.products.packed import image_of, write_packed
from vampd.fits.raw import check_packable, layout_of_int16, stream_frames
from vampd.model.cubes import Cards, Framelist, FrameRange, ProductOrder
from vampd.model.nights import FileStamp, bounded_ns
from vampd.ports import Pace

_EXTENSION = b"XTENSION"
# funpack would rename the first two, and drops what begins with a hyphen.
_LOST = re.compile(r"ZHECKSUM|ZDATASUM|-.*")


@dataclass(frozen=True)
class Rewritten:
    """A file made of another: frames, and the length of both in bytes."""

    frames: int
    bytes_before: int
    bytes_after: int


def pack_file(plain: Path, packed: Path, pace: Pace) -> Rewritten:
    """Pack a plain cube of 16-bit integers, with the products' writer and its full proof.

    Checksums that the cube carries are kept, so that ``funpack`` restores it byte for byte; without
    them it gets them. Raises MalformedCube if it is not such a cube, DataError ``already_exists``,
    ``data_sum_disagrees`` (damaged already), ``changed_while_read``, ``pack_mismatch``; DiskFull.
    """
    cube = read_plain_cube(plain)
    try:
        status, _ = write_packed(cube, plain.parent, packed, "full", pace)
    except DataError as error:
        if error.code != "raw_changed":
            raise
        raise DataError(
            "changed_while_read", "it was written to while it was packed; find out who writes"
        ) from error
    return Rewritten(cube.frames, cube.sources[0].size, status.st_size)


def read_plain_cube(path: Path) -> Framelist:
    """A plain cube as the virtual cube of all its own frames, in order; it has no timing rows.

    An image of two axes is a cube of one frame. Raises MalformedCube as `layout_of_int16` and
    `check_packable`, ``has_extensions``, ``no_pixels``.
    """
    file_fd = open_regular_file(path)
    try:
        status = os.fstat(file_fd)
        cards, offset = read_cards_at(file_fd, 0, path)
        refuse_control(cards, path)
        if cards.integer("NAXIS") == 0:
            raise MalformedCube(
                "no_pixels",
                "expected a plain cube (two or three axes, 16-bit integers) in the primary HDU,"
                " found no pixels there: is it packed already?",
            )
        layout = layout_of_int16(cards, offset)
        if os.pread(file_fd, len(_EXTENSION), layout.file_bytes) == _EXTENSION:
            raise MalformedCube(
                "has_extensions",
                "expected a file of one cube, found extensions behind it; fpack takes such files",
            )
        check_packable(cards, layout, status.st_size)
        _check_restorable(cards)
    finally:
        os.close(file_fd)
    stamp = FileStamp(path.name, status.st_size, bounded_ns(status.st_mtime_ns))
    whole = FrameRange(path.name, 0, layout.shape[0])
    return Framelist(path.stem, ProductOrder(0, 0, ""), (stamp,), (whole,), (), cards, "")


def _check_restorable(cards: Cards) -> None:
    lost = next((card.keyword for card in cards if _LOST.fullmatch(card.keyword)), None)
    if lost is None and cards.value("EXTNAME") == TABLE_NAME:
        lost = "EXTNAME"
    if lost is not None:
        raise MalformedCube(
            "header_unpackable",
            f"the header has a card {lost} that funpack would not give back as it is;"
            " rename or remove it",
        )


def write_virtual_cube(framelist: Framelist, night_folder: Path, plain: Path, pace: Pace) -> int:
    """Write a framelist's frames as a plain cube: what ``funpack`` would make of its product.

    Returns its size in bytes. Raises as `write_plain` and `stream_frames`.
    """
    image = image_of(framelist)
    batches = stream_frames(night_folder, framelist.sources, framelist.ranges, image)
    return write_plain(
        plain,
        lambda data_sum: plain_cards(framelist.cards, data_sum),
        (batch.pixels for batch in batches),
        pace,
    )


def write_plain(
    path: Path,
    header: Callable[[int], Cards],
    pieces: Iterable[npt.NDArray[np.int16]],
    pace: Pace,
) -> int:
    """Write a plain cube: these pixels (big-endian, contiguous) under a header; its length.

    ``header`` builds the cards from the sum of the data; their number is fixed. The file
    is read back past the cache before it is named. Raises DataError ``already_exists``,
    ``data_sum_disagrees``, DigestMismatch ``write_mismatch``; DiskFull.
    """
    with creating(path) as file:
        begin = len(format_header(header(0)))
        file.seek(begin)
        data_sum, digest = OnesComplementSum(), hashlib.sha256()
        write_back = WriteBack(file.fileno(), begin)
        for piece in pieces:
            pace.check()
            content = piece.reshape(-1).view(np.uint8)
            data_sum.update(content)
            digest.update(content.data)
            file.write(content.data)
            write_back.follow(file.tell())
        length = file.tell() - begin
        padding = bytes(padded(length) - length)
        file.write(padding)
        digest.update(padding)
        cards = header(data_sum.value)
        check_data_sum(cards, data_sum.value)
        head = format_header(cards)
        file.seek(0)
        file.write(head)
        sync_file(file)
        _prove(Path(file.name), head, digest.digest(), path, pace)
        return begin + length + len(padding)


def _prove(temporary: Path, head: bytes, digest: bytes, path: Path, pace: Pace) -> None:
    found = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with open_foreign(temporary) as file:
        drop_from_cache(file.fileno())
        expect_sequential(file.fileno())
        same = os.pread(file.fileno(), len(head), 0) == head
        offset = os.lseek(file.fileno(), len(head), os.SEEK_SET)
        while count := os.readv(file.fileno(), [buffer]):
            pace.check()
            found.update(buffer[:count])
            offset += count
            drop_behind(file.fileno(), offset - count, count)
    if not same or found.digest() != digest:
        raise DigestMismatch(
            "write_mismatch",
            f"{path.name} did not come back from the disk as it was written, and is not kept;"
            " check memory and disk of this machine",
        )
