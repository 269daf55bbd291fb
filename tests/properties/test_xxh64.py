"""The frames' digest: XXH64 by its specification, and no changed word escapes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.fits.xxh64 import hash_xxh64

_MASK = (1 << 64) - 1
_P1 = 0x9E3779B185EBCA87
_P2 = 0xC2B2AE3D27D4EB4F
_P3 = 0x165667B19E3779F9
_P4 = 0x85EBCA77C2B2AE63
_P5 = 0x27D4EB2F165667C5

# Published with the algorithm.
_KNOWN = {
    b"": 0xEF46DB3751D8E999,
    b"a": 0xD24EC4F1A98C6E5B,
    b"abc": 0x44BC2CF5AD770999,
}


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotate((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _reference(content: bytes) -> int:
    """XXH64 read off its specification, step by step, with numbers of any size."""
    rest = content
    if len(content) >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while len(rest) >= 32:
            words = [int.from_bytes(rest[k : k + 8], "little") for k in range(0, 32, 8)]
            lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
            rest = rest[32:]
        total = sum(_rotate(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True))
        for lane in lanes:
            total = ((total & _MASK) ^ _round(0, lane)) * _P1 + _P4
    else:
        total = _P5
    total = (total + len(content)) & _MASK
    while len(rest) >= 8:
        total ^= _round(0, int.from_bytes(rest[:8], "little"))
        total = (_rotate(total, 27) * _P1 + _P4) & _MASK
        rest = rest[8:]
    if len(rest) >= 4:
        total ^= int.from_bytes(rest[:4], "little") * _P1 & _MASK
        total = (_rotate(total, 23) * _P2 + _P3) & _MASK
        rest = rest[4:]
    for byte in rest:
        total ^= byte * _P5 & _MASK
        total = _rotate(total, 11) * _P1 & _MASK
    total = (total ^ total >> 33) * _P2 & _MASK
    total = (total ^ total >> 29) * _P3 & _MASK
    return total ^ total >> 32


def _hash(content: bytes, offset: int = 0) -> int:
    return hash_xxh64(np.frombuffer(bytes(offset) + content, np.uint8)[offset:])


@pytest.mark.parametrize("content", _KNOWN, ids=repr)
def test_the_published_digests(content: bytes) -> None:
    assert _hash(content) == _reference(content) == _KNOWN[content]


@given(st.binary(max_size=200), st.integers(0, 7))
def test_the_digest_is_the_specification_s_wherever_the_content_begins(
    content: bytes, offset: int
) -> None:
    assert _hash(content, offset) == _reference(content)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_changed_pixel_changes_the_digest(content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert _hash(bytes(changed)) != _hash(content)


@given(st.lists(st.integers(-32768, 32767), min_size=2, max_size=100), st.data())
def test_swapped_pixels_change_the_digest(values: list[int], data: st.DataObject) -> None:
    first, second = (data.draw(st.integers(0, len(values) - 1)) for _ in "12")
    swapped = list(values)
    swapped[first], swapped[second] = values[second], values[first]
    before, after = (hash_xxh64(np.array(pixels, np.int16)) for pixels in (values, swapped))
    assert (before == after) == (values == swapped)
