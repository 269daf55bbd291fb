"""Rice coding of frame tiles: RICE_1 with blocks of 32 pixels of one, two or four bytes.

The bytes are those of cfitsio for every input. Pixels are big-endian, as on the disk: whole arrays
are nowhere swapped. Compiled code is imported with the first tile: a daemon that packs nothing
itself never imports it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vampd.errors import DataError
from vampd.fits.rice.form import (
    BLOCK_PIXELS,
    FORMS,
    OCTETS,
    QUADS,
    SLACK_BYTES,
    largest_tile_bytes,
)

Int16 = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]


class TileEncoder:
    """Codes tiles, one after the other, into a buffer of its own with room for ``tiles``."""

    def __init__(self, tiles: int, pixels: int, dtype: npt.DTypeLike = np.int16) -> None:
        from vampd.fits.rice.kernels import encode

        if pixels < 1:
            raise ValueError(f"expected tiles of one pixel or more, found {pixels}")
        self._encode = encode
        self._dtype = _as_on_disk(dtype)
        self._form = FORMS[self._dtype.itemsize]
        self._largest = largest_tile_bytes(pixels, self._dtype.itemsize)
        self._stream = np.empty(tiles * self._largest + SLACK_BYTES, np.uint8)
        self._room = (
            np.empty(BLOCK_PIXELS, self._dtype.newbyteorder("=")),
            np.empty(BLOCK_PIXELS, f"u{self._dtype.itemsize}"),
            np.empty(QUADS + OCTETS, np.uint64),
            np.empty(QUADS + OCTETS, np.int64),
        )
        self._pixels = pixels
        self._end = 0

    def add(self, pixels: npt.NDArray[Any]) -> int:
        """Code a tile of signed pixels, big-endian, contiguous; the length of its code."""
        flat = pixels.reshape(-1)
        if flat.dtype != self._dtype or len(flat) != self._pixels:
            raise ValueError(f"expected {self._pixels} pixels of {self._dtype}, found {flat!r}")
        if self._end + self._largest + SLACK_BYTES > len(self._stream):
            raise ValueError("the buffer is full: clear() it first")
        start = self._end
        # Compiled code knows native types only; it takes them for what they are.
        flat = flat.view(self._room[0].dtype)
        self._end = self._encode(flat, self._stream, start, *self._room, *self._form)
        return self._end - start

    @property
    def coded(self) -> Bytes:
        """The codes of all tiles since the last `clear`: a view, valid until the next."""
        return self._stream[: self._end]

    def clear(self) -> None:
        """Discard what was coded; the buffer stays."""
        self._end = 0


class TileDecoder:
    """Decodes tiles of so many pixels, each into the same array, big-endian."""

    def __init__(self, pixels: int, dtype: npt.DTypeLike = np.int16) -> None:
        from vampd.fits.rice.kernels import decode

        self._decode = decode
        self._dtype = _as_on_disk(dtype)
        self._form = FORMS[self._dtype.itemsize]
        self._pixels = pixels
        whole = -(-pixels // BLOCK_PIXELS) * BLOCK_PIXELS
        self._decoded = np.empty(whole, self._dtype.newbyteorder("="))
        lane = np.uint32 if self._dtype.itemsize == 4 else np.uint16
        self._room = np.empty(2 * BLOCK_PIXELS, lane), np.empty(2 * BLOCK_PIXELS, lane)

    def decode(self, stream: Bytes, length: int) -> npt.NDArray[Any]:
        """The pixels of the tile in the first ``length`` bytes, valid until the next.

        Bytes behind are ignored; if there are eight of them, nothing is copied. DataError
        ``tile_damaged`` if they are not exactly one tile of so many pixels.
        """
        if not 0 <= length <= len(stream):
            raise ValueError(f"expected up to {len(stream)} bytes, found a tile of {length}")
        if length + SLACK_BYTES > len(stream):
            stream = np.concatenate([stream[:length], np.zeros(SLACK_BYTES, np.uint8)])
        tile = stream, length, self._pixels
        used = self._decode(*tile, self._decoded, *self._room, *self._form)
        if used != length:
            raise DataError(
                "tile_damaged",
                f"a tile cannot be decoded: its {length} bytes are no code of"
                f" {self._pixels} pixels",
            )
        return self._decoded[: self._pixels].view(self._dtype)


def sum_words(content: Bytes) -> int:
    """The sum of the 32-bit big-endian words in some bytes, without any carry."""
    from vampd.fits.rice.kernels import ROW_BYTES, sum_rows

    behind = content[len(content) // ROW_BYTES * ROW_BYTES :]
    return int(sum_rows(content)) + int(behind.view(">u4").sum(dtype=np.uint64))


def encode_tile(pixels: npt.NDArray[Any]) -> bytes:
    """Code a tile of signed pixels of 1, 2 or 4 bytes, contiguous, any shape and byte order."""
    encoder = TileEncoder(1, pixels.size, pixels.dtype)
    encoder.add(pixels.astype(_as_on_disk(pixels.dtype)))
    return encoder.coded.tobytes()


def decode_tile(
    coded: bytes | Bytes, pixels: int, dtype: npt.DTypeLike = np.int16
) -> npt.NDArray[Any]:
    """A coded tile's ``pixels`` pixels, native; DataError ``tile_damaged`` if it holds others."""
    stream = np.frombuffer(coded, np.uint8)
    decoded = TileDecoder(pixels, dtype).decode(stream, len(stream))
    return decoded.astype(decoded.dtype.newbyteorder("="))


def _as_on_disk(dtype: npt.DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind.kind != "i" or kind.itemsize not in FORMS:
        raise ValueError(f"expected signed pixels of 1, 2 or 4 bytes, found {kind}")
    return kind.newbyteorder(">")
