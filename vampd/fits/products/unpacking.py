"""Unpacking packed cubes: those of vampd, and those of ``fpack -r``.

Accepts files of one image of 16-bit integers in Rice-coded tiles of whole rows (one, several, or
all rows of a frame), as both write them: in order, without gaps. The plain file is the one that
``funpack`` gives, except that no checksum is invented.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vampd.disk.machine import drop_behind, expect_sequential
from vampd.errors import DataError, MalformedCube
from vampd.fits.headers import (
    OnesComplementSum,
    check_data_sum,
    format_header,
    open_regular_file,
    read_cards_at,
    read_headers,
    unpackable_card,
    unpacked_cards,
)
from vampd.fits.products.packed_file import PackedLayout, read_tiles
from vampd.fits.products.plain_file import Rewritten, write_plain
from vampd.fits.raw import BATCH_BYTES, layout_of_int16
from vampd.fits.rice import (
    BLOCK_PIXELS,
    PIXEL_BYTES,
    TileDecoder,
    largest_tile_bytes,
    smallest_tile_bytes,
    sum_words,
)
from vampd.model.cubes import Cards
from vampd.ports import Pace

_DESCRIPTOR = re.compile(r"1?([PQ])B(\(\d+\))?")
_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class _TiledCube:
    """A packed cube: its plain header and its tiles in order, each of ``tile_rows`` rows.

    The last of a frame may have fewer. ``table`` are the descriptors' bytes.
    """

    plain: Cards
    layout: PackedLayout
    tile_rows: int
    table: bytes

    @property
    def tiles_a_frame(self) -> int:
        return -(-self.layout.shape[1] // self.tile_rows)

    @property
    def tile_pixels(self) -> tuple[int, int]:
        """Pixels of a tile, and of the last one of a frame."""
        _, rows, columns = self.layout.shape
        last = rows - (self.tiles_a_frame - 1) * self.tile_rows
        return self.tile_rows * columns, last * columns


def unpack_file(packed: Path, plain: Path, pace: Pace) -> Rewritten:
    """Write the plain cube that a packed file holds.

    Raises MalformedCube ``not_packed`` if it cannot be unpacked here, and those of
    `read_headers`; DataError ``tile_damaged`` or ``data_sum_disagrees`` if it is damaged, and as
    `write_plain`.
    """
    cube = _read_tiled_cube(packed)
    packed_fd = open_regular_file(packed)
    try:
        expect_sequential(packed_fd)
        size = os.fstat(packed_fd).st_size
        pieces = _decode(packed_fd, cube)
        written = write_plain(plain, lambda _: cube.plain, pieces, pace)
    finally:
        os.close(packed_fd)
    return Rewritten(cube.layout.shape[0], size, written)


def compare_unpacked(packed: Path, plain: Path | None, pace: Pace) -> Cards | None:
    """Decode a packed file whole; the header of its plain cube, or None if its pixels differ.

    They are compared with those of ``plain``, if there is one. Raises as `unpack_file`, writes
    nothing.
    """
    cube = _read_tiled_cube(packed)
    packed_fd = open_regular_file(packed)
    other_fd = None if plain is None else open_regular_file(plain)
    try:
        expect_sequential(packed_fd)
        position = 0 if other_fd is None or plain is None else read_cards_at(other_fd, 0, plain)[1]
        for piece in _decode(packed_fd, cube):
            pace.check()
            content = piece.tobytes()
            if other_fd is not None and os.pread(other_fd, len(content), position) != content:
                return None
            position += len(content)
    finally:
        os.close(packed_fd)
        if other_fd is not None:
            os.close(other_fd)
    return cube.plain


def _read_tiled_cube(path: Path) -> _TiledCube:
    headers = read_headers(path)
    if len(headers) != 2 or headers[0].cards.integer("NAXIS") != 0:
        raise _not_packed(f"an empty primary HDU and one table, found {len(headers)} HDUs")
    cards = headers[1].cards
    plain = unpacked_cards(cards)
    _check_coding(cards, plain)
    offset = headers[1].offset + len(format_header(cards))
    frames, rows, columns = shape = layout_of_int16(plain, offset).shape
    tile = [cards.integer(f"ZTILE{n}") if f"ZTILE{n}" in cards else None for n in (1, 2, 3)]
    tile_rows = tile[1] or 1
    if tile[0] not in (None, columns) or tile[2] not in (None, 1) or not 0 < tile_rows <= rows:
        raise _not_packed(f"tiles of whole rows of a frame, found tiles of {tile}")
    count = frames * -(-rows // tile_rows)
    descriptors = _read_descriptors(path, cards, offset, count)
    heap_offset = offset + len(descriptors)
    tiles = np.frombuffer(descriptors, f">i{len(descriptors) // count // 2}").astype(np.int64)
    tiles = tiles.reshape(count, 2)
    heap_bytes = cards.integer("PCOUNT") or 0
    ends = np.cumsum(tiles[:, 0])
    if (tiles[:, 1] != ends - tiles[:, 0]).any() or ends[-1] > heap_bytes:
        raise _not_packed("tiles in their order, without gaps, found others")
    tiles[:, 1] += heap_offset
    layout = PackedLayout(cards, shape, heap_offset, heap_bytes, tiles)
    cube = _TiledCube(plain, layout, tile_rows, descriptors)
    _check_lengths(cube)
    return cube


def _check_coding(cards: Cards, plain: Cards) -> None:
    coding = {cards.string(f"ZNAME{n}"): cards.integer(f"ZVAL{n}") for n in (1, 2)}
    found = (
        cards.boolean("ZIMAGE"),
        cards.string("ZCMPTYPE"),
        cards.integer("ZBITPIX"),
        cards.integer("TFIELDS"),
        coding.get("BLOCKSIZE"),
        coding.get("BYTEPIX"),
    )
    if found != (True, "RICE_1", 16, 1, BLOCK_PIXELS, PIXEL_BYTES):
        raise _not_packed(
            "a table of Rice-coded tiles of 16-bit integers (ZIMAGE T, ZCMPTYPE RICE_1, ZBITPIX 16,"
            f" one column, BLOCKSIZE {BLOCK_PIXELS}, BYTEPIX {PIXEL_BYTES}), found"
            " ZIMAGE {}, ZCMPTYPE {}, ZBITPIX {}, {} columns, BLOCKSIZE {}, BYTEPIX {}".format(
                *found
            )
        )
    strange = unpackable_card(plain)
    if strange is not None:
        raise _not_packed(f"no card {strange} in its header, found one")


def _read_descriptors(path: Path, cards: Cards, offset: int, count: int) -> bytes:
    form = _DESCRIPTOR.fullmatch(cards.string("TFORM1") or "")
    row_bytes = {"P": 8, "Q": 16}[form[1]] if form else 0
    size = count * row_bytes
    found = (cards.integer("NAXIS1"), cards.integer("NAXIS2"))
    if not form or found != (row_bytes, count) or cards.integer("THEAP") not in (None, size):
        raise _not_packed(f"a table of {count} tiles, found TFORM1, NAXIS1, NAXIS2 of another")
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _check_lengths(cube: _TiledCube) -> None:
    """Before anything is allocated: what a damaged header promises may not fit in memory."""
    pixels, last = cube.tile_pixels
    lengths = cube.layout.tiles[:, 0].reshape(-1, cube.tiles_a_frame)
    for part, size in ((lengths[:, :-1], pixels), (lengths[:, -1], last)):
        if part.size and not (
            smallest_tile_bytes(size) <= part.min() and part.max() <= largest_tile_bytes(size)
        ):
            raise DataError(
                "tile_damaged",
                f"expected tiles of {size} pixels, found one of {part.min()} or {part.max()} bytes,"
                " which cannot be: the file is damaged",
            )


def _decode(packed_fd: int, cube: _TiledCube) -> Iterator[npt.NDArray[np.int16]]:
    """The pixels, big-endian, some MB at a time, in a buffer that the next ones overwrite."""
    pixels, last = cube.tile_pixels
    decoder, last_decoder = TileDecoder(pixels), TileDecoder(last)
    buffer = np.empty(max(BATCH_BYTES // PIXEL_BYTES, pixels), ">i2")
    found_sum = OnesComplementSum(sum_words)
    found_sum.update(cube.table)
    tile = filled = 0
    for batch in read_tiles(packed_fd, cube.layout):
        found_sum.update(batch.content)
        start = 0
        for length in batch.lengths:
            tile += 1
            chosen = decoder if tile % cube.tiles_a_frame else last_decoder
            try:
                decoded = chosen.decode(batch.stream[start:], length)
            except DataError as error:
                frame = (tile - 1) // cube.tiles_a_frame
                raise DataError(error.code, f"frame {frame}: {error.message}") from error
            if filled + len(decoded) > len(buffer):
                yield buffer[:filled]
                filled = 0
            buffer[filled : filled + len(decoded)] = decoded
            filled += len(decoded)
            start += length
        drop_behind(packed_fd, batch.offset, start)
    yield buffer[:filled]
    end = cube.layout.heap_offset + cube.layout.heap_bytes
    position = int(cube.layout.tiles[-1].sum())
    while rest := os.pread(packed_fd, min(_CHUNK_BYTES, end - position), position):
        found_sum.update(rest)
        position += len(rest)
    check_data_sum(cube.layout.cards, found_sum.value)


def _not_packed(expected: str) -> MalformedCube:
    return MalformedCube(
        "not_packed", f"expected {expected}; funpack may be able to unpack the file"
    )
