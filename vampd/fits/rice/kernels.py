"""Rice coding, compiled: the loops of `rice.coder`, which alone may call them.

Bits are collected in and taken from 64-bit words, eight bytes per memory access wherever they
begin, and several pixels' codes at once. Nothing is allocated here, and nothing checks the bounds
of arrays: callers keep eight bytes behind every stream of codes.

The format, and the choices in it that make the bytes those of cfitsio (``ricecomp.c``): the first
pixel verbatim; then blocks of 32 differences d, mapped to v = 2 d or -2 d - 1. A block's split fs
is the number of bits of half the mean v. Its head says fs + 1 in 3, 4 or 5 bits, then each v is
v >> fs zeros, a one, and fs low bits. Head 0: all v are 0. Head fs_most + 1: each v verbatim.

All in one module, because numba recompiles when a function's own file has changed, and only then.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vampd.fits.compiled import compiled, inlined
from vampd.fits.rice.form import BLOCK_PIXELS

# A word has at most seven pending bits before codes are appended to it, and never overflows.
_ROOM_BITS = 56
# A word that begins at any bit of a byte holds at least so many bits of the stream.
_SIGHT_BITS = 57

_Array = npt.NDArray[Any]
_Bytes = npt.NDArray[np.uint8]
# In compiled code these are plain numbers; mypy would distinguish them from int.
_U64: Any = np.uint64
_I64: Any = np.int64
_WORD = ir.IntType(64)


def _type_load_word(_: Any, stream: Any, offset: Any) -> Any:
    """The eight bytes at an offset as a big-endian number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments)
        return builder.bswap(builder.load(address, align=1))

    return types.uint64(stream, types.int64), generate


def _type_store_word(_: Any, stream: Any, offset: Any, word: Any) -> Any:
    """Write a number as eight bytes, big-endian."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments)
        builder.store(builder.bswap(arguments[2]), address, align=1)
        return context.get_dummy_value()

    return types.void(stream, types.int64, types.uint64), generate


def _type_leading_zeros(_: Any, word: Any) -> Any:
    """How many zero bits a 64-bit number begins with; 64 for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    stream = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(stream.data, [arguments[1]]), _WORD.as_pointer())


_load_word: Any = intrinsic(_type_load_word)
_store_word: Any = intrinsic(_type_store_word)
_leading_zeros: Any = intrinsic(_type_leading_zeros)


@inlined
def _put(stream: _Bytes, at: int, word: Any, pending: int, code: Any, length: int) -> Any:
    """Append a code of up to 56 bits: the next offset, word and number of pending bits."""
    word |= code << _U64(64 - pending - length)
    _store_word(stream, at, word)
    pending += length
    return at + (pending >> 3), word << _U64(pending & 0x38), pending & 7


@inlined
def _map_differences(pixels: _Array, start: int, count: int, last: Any, mapped: _Array) -> Any:
    """Fill ``mapped`` with a block's differences; their sum and the largest."""
    # Unsigned indices need no check for being negative, which would prevent vectorization.
    first = _U64(start)
    difference = _I64(pixels.dtype.type(pixels[first] - last))
    mapped[0] = np.uint32((difference << 1) ^ (difference >> 63))
    for j in range(_U64(1), _U64(count)):
        # As in C, the difference has the pixels' own width; an overflow is undone in decoding.
        difference = _I64(pixels.dtype.type(pixels[first + j] - pixels[first + j - _U64(1)]))
        mapped[j] = np.uint32((difference << 1) ^ (difference >> 63))
    total = _I64(0)
    largest = np.uint32(0)
    for j in range(_U64(count)):
        total += _I64(mapped[j])
        largest = max(largest, mapped[j])
    return total, largest


@compiled
def encode(
    pixels: _Array,
    stream: _Bytes,
    at: int,
    mapped: _Array,
    codes: _Array,
    lengths: _Array,
    head_bits: int,
    fs_most: int,
    pixel_bits: int,
) -> int:
    """Code a tile into ``stream`` from offset ``at``; the offset behind it.

    ``mapped`` (uint32), ``codes`` (uint64) and ``lengths`` (int64) are room for 32 elements each.
    """
    one = _U64(1)
    first = _U64(pixels[0]) & ((one << _U64(pixel_bits)) - one)
    at, word, pending = _put(stream, at, _U64(0), 0, first, pixel_bits)
    last = pixels[0]
    for start in range(0, len(pixels), BLOCK_PIXELS):
        count = min(BLOCK_PIXELS, len(pixels) - start)
        if count == BLOCK_PIXELS:
            # The same, but with a constant length, so that the compiler vectorizes it.
            total, largest = _map_differences(pixels, start, BLOCK_PIXELS, last, mapped)
        else:
            total, largest = _map_differences(pixels, start, count, last, mapped)
        last = pixels[start + count - 1]
        if total == 0:
            at, word, pending = _put(stream, at, word, pending, _U64(0), head_bits)
            continue
        mean = max(_I64(0), total - (count >> 1) - 1) // count
        fs = 64 - _leading_zeros(_U64(mean >> 1))
        if fs >= fs_most:
            at, word, pending = _put(stream, at, word, pending, _U64(fs_most + 1), head_bits)
            for j in range(count):
                at, word, pending = _put(stream, at, word, pending, _U64(mapped[j]), pixel_bits)
            continue
        at, word, pending = _put(stream, at, word, pending, _U64(fs + 1), head_bits)
        split, stop = _U64(fs), one << _U64(fs)
        low = stop - one
        longest = _I64(largest >> np.uint32(fs)) + 1 + fs
        if count < BLOCK_PIXELS or 2 * longest > _ROOM_BITS:
            for j in range(count):
                value = _U64(mapped[j])
                zeros = _I64(value >> split)
                while zeros > 24:  # with a one and 24 low bits that fits
                    at, word, pending = _put(stream, at, word, pending, _U64(0), 24)
                    zeros -= 24
                code = (value & low) | stop
                at, word, pending = _put(stream, at, word, pending, code, zeros + 1 + fs)
            continue
        for j in range(BLOCK_PIXELS // 2):
            first, second = _U64(mapped[2 * j]), _U64(mapped[2 * j + 1])
            length = (second >> split) + split + one
            codes[j] = (((first & low) | stop) << length) | (second & low) | stop
            lengths[j] = _I64((first >> split) + split + one + length)
        if 4 * longest > _ROOM_BITS:
            for j in range(BLOCK_PIXELS // 2):
                at, word, pending = _put(stream, at, word, pending, codes[j], lengths[j])
        else:
            for j in range(0, BLOCK_PIXELS // 2, 2):
                code = (codes[j] << _U64(lengths[j + 1])) | codes[j + 1]
                length = lengths[j] + lengths[j + 1]
                at, word, pending = _put(stream, at, word, pending, code, length)
    return at + (1 if pending else 0)


@inlined
def _see(stream: _Bytes, bit: int) -> Any:
    """The stream from a bit on: at least 57 bits of it."""
    return _load_word(stream, bit >> 3) << _U64(bit & 7)


@inlined
def _take(stream: _Bytes, bit: int, count: int, fs: int, mapped: _Array, j: int) -> Any:
    """Decode ``count`` codes at once; how many bits they have, beyond `_SIGHT_BITS` in vain."""
    word = _see(stream, bit)
    used = _I64(0)
    for k in range(_U64(j), _U64(j + count)):
        zeros = _leading_zeros(word)
        word <<= _U64(zeros & 63)
        # The one is now in front, and it counts as one of the zeros.
        mapped[k] = np.uint32(word >> _U64(63 - fs)) + np.uint32((zeros - 1) << fs)
        word <<= _U64(fs + 1)
        used += zeros + fs + 1
    return used


@compiled
def decode(
    stream: _Bytes,
    length: int,
    pixels: _Array,
    mapped: _Array,
    head_bits: int,
    fs_most: int,
    pixel_bits: int,
) -> Any:
    """Fill ``pixels`` from the tile in the first ``length`` bytes; return how many bytes it has.

    -1 if they are not a tile of so many pixels; more than ``length`` if it does not end in there.
    ``mapped`` (uint32) is room for 32 elements.
    """
    end = length * 8
    if end < pixel_bits:
        return -1
    last = _I64(_see(stream, 0) >> _U64(64 - pixel_bits))
    bit = _I64(pixel_bits)
    for start in range(0, len(pixels), BLOCK_PIXELS):
        count = min(BLOCK_PIXELS, len(pixels) - start)
        if bit > end:
            return -1
        fs = _I64(_see(stream, bit) >> _U64(64 - head_bits)) - 1
        bit += head_bits
        if fs < 0:
            same = pixels.dtype.type(last)
            for i in range(_U64(start), _U64(start + count)):
                pixels[i] = same
            continue
        if fs > fs_most or (fs == fs_most and bit + count * pixel_bits > end):
            return -1
        if fs == fs_most:
            for j in range(count):
                mapped[j] = np.uint32(_see(stream, bit) >> _U64(64 - pixel_bits))
                bit += pixel_bits
        else:
            j = 0
            while j < count:
                if bit > end:
                    return -1
                if fs <= 3 and j + 8 <= count:
                    used = _take(stream, bit, 8, fs, mapped, j)
                    if used <= _SIGHT_BITS:
                        bit += used
                        j += 8
                        continue
                if j + 4 <= count:
                    used = _take(stream, bit, 4, fs, mapped, j)
                    if used <= _SIGHT_BITS:
                        bit += used
                        j += 4
                        continue
                zeros = _I64(0)
                word = _see(stream, bit)
                while word >> _U64(8) == 0:  # 56 zeros, and the one is yet to come
                    bit += 56
                    zeros += 56
                    if bit > end:
                        return -1
                    word = _see(stream, bit)
                more = _leading_zeros(word)
                bit += more + 1
                if bit > end:
                    return -1
                rest = (_see(stream, bit) >> _U64(1)) >> _U64(63 - fs)
                mapped[j] = np.uint32(rest) + np.uint32((zeros + more) << fs)
                bit += fs
                j += 1
        for i in range(_U64(count)):
            value = _I64(mapped[i])
            last += (value >> 1) ^ -(value & 1)
            pixels[_U64(start) + i] = pixels.dtype.type(last)
    return (bit + 7) >> 3
