"""Reading packed products: their headers, their tiles, and the proof that they are as written.

Only for files as `products.packed` writes them: whole-frame tiles, in order, without gaps.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from vampd.disk.machine import (
    drop_all,
    drop_behind,
    drop_from_cache,
    expect_sequential,
    read_ahead,
)
from vampd.disk.reading import open_unlinked
from vampd.errors import DataError, DigestMismatch, MalformedCube
from vampd.fits.headers import (
    BLOCK_BYTES,
    OnesComplementSum,
    open_regular_file,
    padded,
    read_cards_at,
    refuse_control,
    unpacked_cards,
    without_checksums,
)
from vampd.fits.rice import SLACK_BYTES, Bytes, TileDecoder, sum_words
from vampd.model.cubes import Cards
from vampd.ports import Pace

# Each reading has its system calls; the processor's last cache holds it.
_READ_BYTES = 4 * 1024 * 1024
_AHEAD_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class PackedLayout:
    """Where the tiles of a packed product lie.

    ``shape`` is (frames, NAXIS2, NAXIS1) of the plain cube; row k of ``tiles`` holds length and
    offset in the file of frame k's tile (int64).
    """

    cards: Cards
    shape: tuple[int, int, int]
    heap_offset: int
    heap_bytes: int
    tiles: npt.NDArray[np.int64]

    @property
    def pixels(self) -> int:
        """The pixels of one frame."""
        return self.shape[1] * self.shape[2]


def count_packed_frames(path: Path) -> int:
    """How many frames a packed product's own header states, 0 if it cannot be read."""
    try:
        with opened_product(path) as packed_fd:
            cards = _table_cards(packed_fd, path)[0]
    except MalformedCube:
        return 0
    return max(0, cards.integer("ZNAXIS3") or 0) if cards.integer("ZNAXIS") == 3 else 0


def read_product_cards(path: Path) -> Cards:
    """The plain cube's header in a product, without checksums; MalformedCube if it is none."""
    with opened_product(path) as packed_fd:
        return without_checksums(unpacked_cards(_table_cards(packed_fd, path)[0]))


def read_layout(packed_fd: int, path: Path) -> PackedLayout:
    """Headers and descriptors; MalformedCube ``not_packed`` if they are not a product's."""
    cards, offset = _table_cards(packed_fd, path)
    frames = cards.integer("ZNAXIS3") if cards.integer("ZNAXIS") == 3 else 1
    shape = (frames or 0, *(cards.integer(f"ZNAXIS{axis}") or 0 for axis in (2, 1)))
    row_bytes = cards.integer("NAXIS1")
    heap_bytes = cards.integer("PCOUNT")
    if cards.string("ZCMPTYPE") != "RICE_1" or row_bytes not in (8, 16) or heap_bytes is None:
        raise MalformedCube("not_packed", f"{path.name} holds no table of Rice-coded frames")
    table = os.pread(packed_fd, shape[0] * row_bytes, offset)
    if len(table) != shape[0] * row_bytes:
        raise MalformedCube("not_packed", f"{path.name} ends within its table of tiles")
    tiles = np.frombuffer(table, f">i{row_bytes // 2}").astype(np.int64).reshape(-1, 2)
    heap_offset = offset + len(table)
    tiles[:, 1] += heap_offset
    return PackedLayout(cards, (shape[0], shape[1], shape[2]), heap_offset, heap_bytes, tiles)


@dataclass(frozen=True)
class Proof:
    """What a heap must hold when it is read back.

    ``heap_sum`` is its FITS sum, ``digests`` are those of the pixels of frames that are ``decoded``
    again, and of the codes of the others.
    """

    heap_sum: int
    digests: Sequence[bytes]
    decoded: Collection[int]


def prove_packed(path: Path, head: bytes, proof: Proof, pace: Pace) -> str:
    """Read a whole new product back from the disk and check it; return its SHA-256 (hex).

    ``head`` is what was written before the heap. DigestMismatch ``pack_mismatch`` with the number
    of the first wrong ``frame`` in its context (None if it is not a frame that differs).
    """
    sha256 = hashlib.sha256()
    heap = OnesComplementSum(sum_words)
    with opened_product(path) as packed_fd:
        drop_from_cache(packed_fd)
        expect_sequential(packed_fd)
        if os.pread(packed_fd, len(head), 0) != head:
            raise _mismatch(path, "its headers or its table of tiles are not as written", None)
        sha256.update(head)
        layout = read_layout(packed_fd, path)
        decoder = TileDecoder(layout.pixels)
        frame = 0
        for batch in read_tiles(packed_fd, layout):
            pace.check()
            sha256.update(batch.content.data)
            heap.update(batch.content)
            start = 0
            for length in batch.lengths:
                if not _holds(proof, frame, decoder, batch.stream[start:], length):
                    raise _mismatch(path, f"frame {frame} is not as it was read", frame)
                start += length
                frame += 1
            drop_behind(packed_fd, batch.offset, start)
        end = layout.heap_offset + layout.heap_bytes
        padding = os.pread(packed_fd, BLOCK_BYTES, end)
        sha256.update(padding)
        drop_all(packed_fd)
    as_written = frame == len(proof.digests) and heap.value == proof.heap_sum
    if not as_written or padding != bytes(padded(end) - end):
        raise _mismatch(path, "its heap is not as written", None)
    return sha256.hexdigest()


def frame_digest(content: npt.NDArray[Any]) -> bytes:
    """The XXH64 digest of a frame's pixels (as on the disk, C order) or of its code: eight bytes.

    Against accidents, never against malice; SHA-256 would cost as much as the compression itself.
    Each step of XXH64 is a bijection in the word that it takes in, so that content with only one of
    its 64-bit words changed always differs.
    """
    return xxhash.xxh64_digest(np.ascontiguousarray(content).data)


def _holds(proof: Proof, frame: int, decoder: TileDecoder, stream: Bytes, length: int) -> bool:
    found = stream[:length]
    if frame in proof.decoded:
        try:
            found = decoder.decode(stream, length)
        except DataError:
            return False
    return frame_digest(found) == proof.digests[frame]


@dataclass(frozen=True)
class TileBatch:
    """Some tiles in the order of the file; ``stream`` holds slack behind them."""

    offset: int
    stream: Bytes
    lengths: list[int]

    @property
    def content(self) -> Bytes:
        """The tiles' bytes."""
        return self.stream[: sum(self.lengths)]


def read_tiles(packed_fd: int, layout: PackedLayout) -> Iterator[TileBatch]:
    """Tiles in the order of the file, several a read, into one buffer; zeros behind its end."""
    lengths = layout.tiles[:, 0]
    buffer = np.empty(max(_READ_BYTES, int(lengths.max())) + SLACK_BYTES, np.uint8)
    offset = layout.heap_offset
    # The last tile that still fits in behind each first one.
    ends = np.concatenate([[0], np.cumsum(lengths)])
    first = 0
    while first < len(lengths):
        behind = int(np.searchsorted(ends, ends[first] + len(buffer) - SLACK_BYTES, "right")) - 1
        batch = TileBatch(offset, buffer, lengths[first:behind].tolist())
        found = _read_fully(packed_fd, offset, batch.content)
        batch.content[found:] = 0
        offset += len(batch.content)
        # The disk works while these are decoded.
        read_ahead(packed_fd, offset, _AHEAD_BYTES)
        yield batch
        first = behind


def _read_fully(packed_fd: int, offset: int, target: Bytes) -> int:
    found = 0
    while count := os.preadv(packed_fd, [target[found:].data], offset + found):
        found += count
    return found


def _table_cards(packed_fd: int, path: Path) -> tuple[Cards, int]:
    _, primary_end = read_cards_at(packed_fd, 0, path)
    cards, end = read_cards_at(packed_fd, primary_end, path)
    refuse_control(cards, path)
    return cards, end


@contextmanager
def opened_product(path: Path) -> Iterator[int]:
    """The descriptor of a product; errors as `open_regular_file`."""
    packed_fd = open_regular_file(path, open_unlinked)
    try:
        yield packed_fd
    finally:
        os.close(packed_fd)


def _mismatch(path: Path, what: str, frame: int | None) -> DigestMismatch:
    return DigestMismatch(
        "pack_mismatch", f"{path.name} differs from what was packed: {what}", frame=frame
    )
