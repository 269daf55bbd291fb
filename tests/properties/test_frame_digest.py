"""The frames' digest: XXH64 of the pixels in C order, and no changed word escapes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.fits.products.packed_file import frame_digest

# Published with the algorithm, seed 0.
_KNOWN = {
    b"": 0xEF46DB3751D8E999,
    b"a": 0xD24EC4F1A98C6E5B,
    b"abc": 0x44BC2CF5AD770999,
}

_FRAMES = st.lists(st.integers(-32768, 32767), min_size=2, max_size=100)


def _digest(content: bytes, offset: int = 0) -> bytes:
    return frame_digest(np.frombuffer(bytes(offset) + content, np.uint8)[offset:])


@pytest.mark.parametrize("content", _KNOWN, ids=repr)
def test_the_digest_is_xxh64(content: bytes) -> None:
    assert _digest(content) == _KNOWN[content].to_bytes(8)


@given(st.binary(max_size=200), st.integers(1, 7))
def test_where_in_memory_the_content_begins_changes_nothing(content: bytes, offset: int) -> None:
    assert _digest(content, offset) == _digest(content)


@given(_FRAMES)
def test_a_view_with_gaps_or_another_order_has_the_digest_of_its_pixels(values: list[int]) -> None:
    frame = np.array([values, values[::-1]], np.int16)
    gaps = np.zeros((4, 2 * len(values)), np.int16)
    gaps[::2, ::2] = frame
    for view in (gaps[::2, ::2], np.asfortranarray(frame), frame[::-1][::-1]):
        assert frame_digest(view) == frame_digest(frame)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_changed_byte_changes_the_digest(content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert _digest(bytes(changed)) != _digest(content)


@given(_FRAMES, st.data())
def test_swapped_pixels_change_the_digest(values: list[int], data: st.DataObject) -> None:
    first, second = (data.draw(st.integers(0, len(values) - 1)) for _ in "12")
    swapped = list(values)
    swapped[first], swapped[second] = values[second], values[first]
    before, after = (frame_digest(np.array(pixels, np.int16)) for pixels in (values, swapped))
    assert (before == after) == (values == swapped)
