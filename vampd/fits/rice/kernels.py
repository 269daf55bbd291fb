"""Rice coding, compiled: the loops of `rice.coder`, which alone may call them.

A block of 32 pixels is one vector to the compiler, which makes of it what the processor has. Bits
are collected in and taken from 64-bit words, eight bytes per memory access wherever they begin, and
several pixels' codes at once. Nothing is allocated here, and nothing checks the bounds of arrays:
callers keep eight bytes behind every stream of codes, and whole blocks for decoded pixels.

The format, and the choices in it that make the bytes those of cfitsio (``ricecomp.c``): the first
pixel verbatim; then blocks of 32 differences d, mapped to v = 2 d or -2 d - 1. A block's split fs
is the number of bits of half the mean v. Its head says fs + 1 in 3, 4 or 5 bits, then each v is
v >> fs zeros, a one, and fs low bits. Head 0: all v are 0. Head fs_most + 1: each v verbatim.

All in one module, however long, because numba recompiles when a function's own file has changed,
and only then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vampd.fits.compiled import compiled, inlined
from vampd.fits.rice.form import BLOCK_PIXELS, OCTETS, QUADS

# A word has at most seven pending bits before codes are appended to it, and never overflows.
_ROOM_BITS = 56
# A word that begins at any bit of a byte holds at least so many bits of the stream.
_SIGHT_BITS = 57
# So many bytes are added at a time.
ROW_BYTES = 256
# Of codes up to here, two always fit in 32 bits and four in a word. Longer ones are not joined.
_JOINED_BITS = 16

_Array = npt.NDArray[Any]
_Bytes = npt.NDArray[np.uint8]
# In compiled code these are plain numbers; mypy would distinguish them from int.
_U64: Any = np.uint64
_I64: Any = np.int64
_tuple_of: Any = types.UniTuple
_PAIR = _tuple_of(types.int64, 2)
_WORD = ir.IntType(64)
_FIRST = ir.Constant(_WORD, 0)


# --- words


def _type_load_word(_: Any, stream: Any, offset: Any) -> Any:
    """The eight bytes at an offset as a big-endian number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = _Memory(context, builder, signature, arguments)
        return _swapped(builder, memory.load(0, _WORD, arguments[1]))

    return types.uint64(stream, types.int64), generate


def _type_store_word(_: Any, stream: Any, offset: Any, word: Any) -> Any:
    """Write a number as eight bytes, big-endian."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = _Memory(context, builder, signature, arguments)
        memory.store(0, _swapped(builder, arguments[2]), arguments[1])
        return context.get_dummy_value()

    return types.void(stream, types.int64, types.uint64), generate


def _type_load_pixel(_: Any, pixels: Any, index: Any) -> Any:
    """A pixel of an array that is big-endian, whatever its type says."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = _Memory(context, builder, signature, arguments)
        pixel = memory.load(0, ir.IntType(pixels.dtype.bitwidth), arguments[1])
        return builder.sext(_swapped(builder, pixel), _WORD)

    return types.int64(pixels, types.int64), generate


def _type_sum_row(_: Any, content: Any, offset: Any) -> Any:
    """The sum of the 32-bit big-endian words in the `ROW_BYTES` from an offset on."""
    row, pairs = _vector(32, ROW_BYTES // 4), _vector(64, ROW_BYTES // 8)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = _Memory(context, builder, signature, arguments)
        words = _swapped(builder, memory.load(0, row, arguments[1]))
        return _call(builder, "vector.reduce.add", _WORD, _added_pairs(builder, words, pairs))

    return types.uint64(content, types.int64), generate


def _type_leading_zeros(_: Any, word: Any) -> Any:
    """How many zero bits a 64-bit number begins with; 64 for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _type_trailing_zeros(_: Any, word: Any) -> Any:
    """How many zero bits a 64-bit number ends with; 64 for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


# --- blocks as vectors


def _type_map_block(_: Any, pixels: Any, start: Any, last: Any, mapped: Any) -> Any:
    """Fill ``mapped`` with the differences in the block from ``start`` on; their sum, the largest.

    As in C, a difference has the pixels' own width; an overflow is undone in decoding.
    """
    bits = pixels.dtype.bitwidth
    block, pairs = _vector(bits), _vector(2 * bits, BLOCK_PIXELS // 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = _Memory(context, builder, signature, arguments)
        here = _swapped(builder, memory.load(0, block, arguments[1]))
        before = _everywhere(builder, builder.trunc(arguments[2], block.element))
        before = _pick(builder, before, here, range(BLOCK_PIXELS - 1, 2 * BLOCK_PIXELS - 1))
        difference = builder.sub(here, before)
        sign = builder.ashr(difference, _each(block, bits - 1))
        values = builder.xor(builder.shl(difference, _each(block, 1)), sign)
        memory.store(3, values)
        total = _added_pairs(builder, values, pairs)
        total = _call(builder, "vector.reduce.add", pairs.element, total)
        largest = _call(builder, "vector.reduce.umax", block.element, values)
        found = [_as_word(builder, total), _as_word(builder, largest)]
        return context.make_tuple(builder, signature.return_type, found)

    return _PAIR(pixels, types.int64, types.int64, mapped), generate


def _type_join_codes(_: Any, mapped: Any, fs: Any, codes: Any, lengths: Any) -> Any:
    """Fill ``codes`` and ``lengths`` with a block's quads, and its octets behind them.

    The lengths of the longest quad and of the longest octet; those beyond a word are not whole. For
    codes of up to `_JOINED_BITS`.
    """
    block = _vector(16)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = _Memory(context, builder, signature, arguments)
        values = _resized(builder, memory.load(0, _vector(mapped.dtype.bitwidth)), block)
        split = builder.trunc(arguments[1], block.element)
        split = _everywhere(builder, split)
        stop = builder.shl(_each(block, 1), split)
        low = builder.and_(values, builder.sub(stop, _each(block, 1)))
        code, length = builder.or_(low, stop), builder.add(split, _each(block, 1))
        length = builder.add(length, builder.lshr(values, split))
        for joined in (_vector(32, 16), _vector(64, 8)):
            code, length = builder.bitcast(code, joined), builder.bitcast(length, joined)
            half = _each(joined, joined.element.width // 2)
            mask = _each(joined, (1 << joined.element.width // 2) - 1)
            firsts = builder.and_(code, mask), builder.and_(length, mask)
            seconds = builder.lshr(code, half), builder.lshr(length, half)
            code, length = _joined(builder, firsts, seconds)
        longest = [_store_joined(builder, memory, code, length, 0)]
        even, odd = range(0, QUADS, 2), range(1, QUADS, 2)
        firsts, seconds = (
            (_pick(builder, code, code, half), _pick(builder, length, length, half))
            for half in (even, odd)
        )
        longest.append(_store_joined(builder, memory, *_joined(builder, firsts, seconds), QUADS))
        return context.make_tuple(builder, signature.return_type, longest)

    return _PAIR(mapped, types.int64, codes, lengths), generate


def _joined(builder: Any, firsts: tuple[Any, Any], seconds: tuple[Any, Any]) -> tuple[Any, Any]:
    """Codes with other codes behind them, and their lengths."""
    (code, length), (code_behind, length_behind) = firsts, seconds
    code = builder.or_(builder.shl(code, length_behind), code_behind)
    return code, builder.add(length, length_behind)


def _store_joined(builder: Any, memory: _Memory, code: Any, length: Any, at: int) -> Any:
    """Store the arguments ``codes`` and ``lengths`` from ``at`` on; the largest length."""
    for argument, vector in ((2, code), (3, length)):
        memory.store(argument, vector, ir.Constant(_WORD, at))
    short = builder.trunc(length, _vector(32, length.type.count))
    return _as_word(builder, _call(builder, "vector.reduce.umax", short.type.element, short))


def _type_restore_block(
    _: Any, tops: Any, zeros: Any, at: Any, fs: Any, last: Any, pixels: Any, start: Any
) -> Any:
    """Fill ``pixels`` from ``start`` on with a block, of which `decode` tells; its last pixel."""
    bits = tops.dtype.bitwidth
    lanes, block = _vector(bits), _vector(pixels.dtype.bitwidth)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = _Memory(context, builder, signature, arguments)
        split = builder.trunc(arguments[3], lanes.element)
        rest = builder.sub(ir.Constant(lanes.element, bits - 1), split)
        low = builder.lshr(memory.load(0, lanes, arguments[2]), _everywhere(builder, rest))
        # The one in front of the low bits counts as one of the zeros.
        zeros = builder.sub(memory.load(1, lanes, arguments[2]), _each(lanes, 1))
        high = builder.shl(zeros, _everywhere(builder, split))
        value = builder.add(low, high)
        sign = builder.sub(_each(lanes, 0), builder.and_(value, _each(lanes, 1)))
        sums = builder.xor(builder.lshr(value, _each(lanes, 1)), sign)
        sums = _resized(builder, sums, block)
        for step in (1, 2, 4, 8, 16):
            # Behind each even run of so many pixels comes one that lacks that run's sum.
            lacking = [
                n // step * step - 1 if n // step % 2 else BLOCK_PIXELS for n in range(BLOCK_PIXELS)
            ]
            sums = builder.add(sums, _pick(builder, sums, _each(block, 0), lacking))
        before = builder.trunc(arguments[4], block.element)
        sums = builder.add(sums, _everywhere(builder, before))
        memory.store(5, _swapped(builder, sums), arguments[6])
        end = builder.extract_element(sums, ir.Constant(ir.IntType(32), BLOCK_PIXELS - 1))
        return builder.sext(end, _WORD)

    return (
        types.int64(tops, zeros, types.int64, types.int64, types.int64, pixels, types.int64),
        generate,
    )


# --- what the compiler is told


class _Memory:
    """The arrays among the arguments of an intrinsic, accessed at any address."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self._context = context
        self._builder = builder
        self._types = signature.args
        self._arguments = arguments

    def load(self, argument: int, kind: Any, index: Any = _FIRST) -> Any:
        """What lies in the array from its element ``index`` on."""
        return self._builder.load(self._address(argument, kind, index), align=1)

    def store(self, argument: int, content: Any, index: Any = _FIRST) -> None:
        """Write into the array from its element ``index`` on."""
        self._builder.store(content, self._address(argument, content.type, index), align=1)

    def _address(self, argument: int, kind: Any, index: Any) -> Any:
        make = self._context.make_array(self._types[argument])
        array = make(self._context, self._builder, self._arguments[argument])
        return self._builder.bitcast(self._builder.gep(array.data, [index]), kind.as_pointer())


def _vector(bits: int, count: int = BLOCK_PIXELS) -> Any:
    return ir.VectorType(ir.IntType(bits), count)


def _each(vector: Any, number: int) -> Any:
    return ir.Constant(vector, [number] * vector.count)


def _everywhere(builder: Any, number: Any) -> Any:
    one = ir.Constant(ir.VectorType(number.type, 1), None)
    one = builder.insert_element(one, number, ir.Constant(ir.IntType(32), 0))
    return _pick(builder, one, one, [0] * BLOCK_PIXELS)


def _pick(builder: Any, first: Any, second: Any, places: Iterable[int]) -> Any:
    """Elements of two vectors, those of the second being behind those of the first."""
    chosen = list(places)
    return builder.shuffle_vector(first, second, ir.Constant(_vector(32, len(chosen)), chosen))


def _added_pairs(builder: Any, values: Any, vector: Any) -> Any:
    """Sums of two neighbors each, in lanes as wide as both."""
    values, half = builder.bitcast(values, vector), vector.element.width // 2
    first = builder.and_(values, _each(vector, (1 << half) - 1))
    return builder.add(first, builder.lshr(values, _each(vector, half)))


def _resized(builder: Any, values: Any, vector: Any) -> Any:
    change = vector.element.width - values.type.element.width
    if change > 0:
        return builder.zext(values, vector)
    return builder.trunc(values, vector) if change else values


def _as_word(builder: Any, number: Any) -> Any:
    return number if number.type == _WORD else builder.zext(number, _WORD)


def _swapped(builder: Any, content: Any) -> Any:
    """Big-endian to native, or back; pixels of one byte are both."""
    kind = content.type
    width = (kind.element if isinstance(kind, ir.VectorType) else kind).width
    return content if width == 8 else _call(builder, "bswap", kind, content)


def _call(builder: Any, name: str, result: Any, argument: Any) -> Any:
    """The result of one of LLVM's own functions of one argument."""
    kind = argument.type
    form = f"v{kind.count}{kind.element}" if isinstance(kind, ir.VectorType) else str(kind)
    name = f"llvm.{name}.{form}"
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(result, [kind]), name)
    return builder.call(function, [argument])


_load_word: Any = intrinsic(_type_load_word)
_store_word: Any = intrinsic(_type_store_word)
_load_pixel: Any = intrinsic(_type_load_pixel)
_sum_row: Any = intrinsic(_type_sum_row)
_leading_zeros: Any = intrinsic(_type_leading_zeros)
_trailing_zeros: Any = intrinsic(_type_trailing_zeros)
_map_block: Any = intrinsic(_type_map_block)
_join_codes: Any = intrinsic(_type_join_codes)
_restore_block: Any = intrinsic(_type_restore_block)


# --- coding


@inlined
def _put(stream: _Bytes, at: int, word: Any, pending: int, code: Any, length: int) -> Any:
    """Append a code of up to 56 bits: the next offset, word and number of pending bits."""
    word |= code << _U64(64 - pending - length)
    _store_word(stream, at, word)
    pending += length
    return at + (pending >> 3), word << _U64(pending & 0x38), pending & 7


@inlined
def _split(total: Any, count: int) -> Any:
    """The split of a block of ``count`` pixels from its sum."""
    mean = max(_I64(0), total - (count >> 1) - 1) // count
    return 64 - _leading_zeros(_U64(mean >> 1))


@compiled
def _put_apart(
    stream: _Bytes,
    at: int,
    word: Any,
    pending: int,
    mapped: _Array,
    count: int,
    fs: int,
    head_bits: int,
    fs_most: int,
    pixel_bits: int,
) -> Any:
    """Append a block of ``count`` pixels, one after the other; see `_put`."""
    one = _U64(1)
    if fs >= fs_most:
        at, word, pending = _put(stream, at, word, pending, _U64(fs_most + 1), head_bits)
        for j in range(count):
            at, word, pending = _put(stream, at, word, pending, _U64(mapped[j]), pixel_bits)
        return at, word, pending
    at, word, pending = _put(stream, at, word, pending, _U64(fs + 1), head_bits)
    split, stop = _U64(fs), one << _U64(fs)
    for j in range(count):
        value = _U64(mapped[j])
        zeros = _I64(value >> split)
        while zeros > 24:  # with a one and 24 low bits that fits
            at, word, pending = _put(stream, at, word, pending, _U64(0), 24)
            zeros -= 24
        code = (value & (stop - one)) | stop
        at, word, pending = _put(stream, at, word, pending, code, zeros + 1 + fs)
    return at, word, pending


@compiled
def encode(
    pixels: _Array,
    stream: _Bytes,
    at: int,
    tail: _Array,
    mapped: _Array,
    codes: _Array,
    lengths: _Array,
    head_bits: int,
    fs_most: int,
    pixel_bits: int,
) -> int:
    """Code a tile of big-endian pixels into ``stream`` from offset ``at``; the offset behind it.

    ``tail`` (as the pixels) and ``mapped`` (the same, unsigned) are room for a block, ``codes``
    (uint64) and ``lengths`` (int64) for its quads and octets.
    """
    form = head_bits, fs_most, pixel_bits
    last = _load_pixel(pixels, 0)
    first = _U64(last) & ((_U64(1) << _U64(pixel_bits)) - _U64(1))
    at, word, pending = _put(stream, at, _U64(0), 0, first, pixel_bits)
    rest = len(pixels) % BLOCK_PIXELS
    for start in range(0, len(pixels) - rest, BLOCK_PIXELS):
        total, largest = _map_block(pixels, start, last, mapped)
        last = _load_pixel(pixels, start + BLOCK_PIXELS - 1)
        if total == 0:
            at, word, pending = _put(stream, at, word, pending, _U64(0), head_bits)
            continue
        fs = _split(total, BLOCK_PIXELS)
        if fs < fs_most and (largest >> fs) + 1 + fs <= _JOINED_BITS:
            quad, octet = _join_codes(mapped, fs, codes, lengths)
            if octet <= _ROOM_BITS - head_bits:
                codes[QUADS] |= _U64(fs + 1) << _U64(lengths[QUADS])
                lengths[QUADS] += head_bits
                for j in range(QUADS, QUADS + OCTETS):
                    at, word, pending = _put(stream, at, word, pending, codes[j], lengths[j])
                continue
            if quad <= _ROOM_BITS - head_bits:
                codes[0] |= _U64(fs + 1) << _U64(lengths[0])
                lengths[0] += head_bits
                for j in range(QUADS):
                    at, word, pending = _put(stream, at, word, pending, codes[j], lengths[j])
                continue
        at, word, pending = _put_apart(stream, at, word, pending, mapped, BLOCK_PIXELS, fs, *form)
    if rest:
        # Filled up with pixels that do not differ.
        for j in range(BLOCK_PIXELS):
            tail[j] = pixels[len(pixels) - rest + min(j, rest - 1)]
        total, _ = _map_block(tail, 0, last, mapped)
        if total == 0:
            at, word, pending = _put(stream, at, word, pending, _U64(0), head_bits)
        else:
            fs = _split(total, rest)
            at, word, pending = _put_apart(stream, at, word, pending, mapped, rest, fs, *form)
    return at + (1 if pending else 0)


# --- decoding


@inlined
def _see(stream: _Bytes, bit: int) -> Any:
    """The stream from a bit on: at least 57 bits of it."""
    return _load_word(stream, bit >> 3) << _U64(bit & 7)


@inlined
def _take(
    stream: _Bytes, bit: int, count: int, fs: int, tops: _Array, zeros: _Array, at: int
) -> Any:
    """Decode ``count`` codes at once; how many bits they have, beyond `_SIGHT_BITS` in vain."""
    # The lowest bit, which is out of sight, shows in the end how far the word was shifted.
    word = _see(stream, bit) | _U64(1)
    for j in range(_U64(at), _U64(at + count)):
        zeros[j] = before = _leading_zeros(word)
        shift = _U64(before & 63)
        tops[j] = (word << shift) >> _U64(64 - 8 * tops.itemsize)
        # In this order the next code waits for one of both shifts only.
        word = (word << _U64(fs + 1)) << shift
    return _trailing_zeros(word)


@compiled
def decode(
    stream: _Bytes,
    length: int,
    count: int,
    pixels: _Array,
    tops: _Array,
    zeros: _Array,
    head_bits: int,
    fs_most: int,
    pixel_bits: int,
) -> Any:
    """Decode the tile of ``count`` pixels in the first ``length`` bytes; how many bytes it has.

    -1 if they are not a tile of so many pixels; more than ``length`` if it does not end in there.
    ``pixels`` gets them big-endian, and has room for whole blocks. ``tops`` and ``zeros`` are room
    for two blocks, of 16 bits a pixel, or 32 if it has more.

    Of each value, the bits behind its zeros are kept in ``tops``, and the number of zeros in
    ``zeros``; the block's split tells how many of the bits count. They become pixels one block
    later: memory that was written piece by piece cannot be read as a whole without waiting. If four
    codes are in sight at once, their values are so small that there is room for them.
    """
    end = length * 8
    if end < pixel_bits:
        return -1
    lane_bits = 8 * tops.itemsize
    last = _I64(_see(stream, 0) >> _U64(64 - pixel_bits))
    bit = _I64(pixel_bits)
    split = split_before = _I64(0)
    for start in range(0, count, BLOCK_PIXELS):
        j = at = start & BLOCK_PIXELS
        stop = at + min(BLOCK_PIXELS, count - start)
        if bit > end:
            return -1
        fs = _I64(_see(stream, bit) >> _U64(64 - head_bits)) - 1
        bit += head_bits
        if fs > fs_most or (fs == fs_most and bit + (stop - at) * pixel_bits > end):
            return -1
        if fs < 0:
            split = _I64(0)
            tops[at:stop] = 1 << (lane_bits - 1)
            zeros[at:stop] = 0
        elif fs == fs_most:
            split = _I64(pixel_bits - 1)
            zeros[at:stop] = 1
            for i in range(at, stop):
                tops[i] = _see(stream, bit) >> _U64(64 - lane_bits)
                bit += pixel_bits
        else:
            split = fs
            while j < stop:
                if bit > end:
                    return -1
                if fs <= 4 and j + 8 <= stop:
                    used = _take(stream, bit, 8, fs, tops, zeros, j)
                    if used <= _SIGHT_BITS:
                        bit += used
                        j += 8
                        continue
                if j + 4 <= stop:
                    used = _take(stream, bit, 4, fs, tops, zeros, j)
                    if used <= _SIGHT_BITS:
                        bit += used
                        j += 4
                        continue
                before = _I64(0)
                word = _see(stream, bit)
                while word >> _U64(8) == 0:  # 56 zeros, and the one is yet to come
                    bit += 56
                    before += 56
                    if bit > end:
                        return -1
                    word = _see(stream, bit)
                more = _leading_zeros(word)
                before += more
                bit += more
                # No difference has a value that a lane has no room for.
                if bit >= end or before >> (lane_bits - fs):
                    return -1
                tops[j] = _see(stream, bit) >> _U64(64 - lane_bits)
                zeros[j] = before
                bit += 1 + fs
                j += 1
        if start:
            last = _restore_block(
                tops, zeros, at ^ BLOCK_PIXELS, split_before, last, pixels, start - BLOCK_PIXELS
            )
        split_before = split
    start = (count - 1) // BLOCK_PIXELS * BLOCK_PIXELS
    _restore_block(tops, zeros, start & BLOCK_PIXELS, split, last, pixels, start)
    return (bit + 7) >> 3


# --- sums


@compiled
def sum_rows(content: _Bytes) -> Any:
    """The sum of the 32-bit big-endian words in rows of `ROW_BYTES`, without what is behind them.

    It holds the carries of 2**32 words.
    """
    total = _U64(0)
    for row in range(len(content) // ROW_BYTES):
        total += _sum_row(content, row * ROW_BYTES)
    return total
