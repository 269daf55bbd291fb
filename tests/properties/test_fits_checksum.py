"""The FITS checksum, judged by astropy's."""

import io
import warnings

import numpy as np
from astropy.io import fits
from hypothesis import example, given
from hypothesis import strategies as st

from vampd.fits.headers import OnesComplementSum, add_sums, sum_bytes
from vampd.fits.headers.checksum import encode_complement
from vampd.fits.rice import sum_words

_SUMS = st.integers(0, 0xFFFFFFFF)
_ONE_HDU = fits.PrimaryHDU()


@given(st.binary(max_size=4000))
def test_the_sum_is_astropys(content: bytes) -> None:
    whole = content + bytes(-len(content) % 2880)
    expected = _ONE_HDU._compute_checksum(np.frombuffer(whole, np.uint8), 0)
    assert sum_bytes(content) == int(expected)


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_the_sum_does_not_depend_on_the_pieces(pieces: list[bytes]) -> None:
    total = OnesComplementSum()
    for piece in pieces:
        total.update(piece)
    assert total.value == sum_bytes(b"".join(pieces))


@given(st.lists(st.binary(max_size=1500), max_size=5))
@example([b"\xff" * (1 << 18)])
@example([b"\xff\xff\xff\xfe" * 64, b"\0\0\0\1" * 65])
def test_the_compiled_sum_is_the_plain_one(pieces: list[bytes]) -> None:
    total = OnesComplementSum(sum_words)
    for piece in pieces:
        total.update(piece)
    assert total.value == sum_bytes(b"".join(pieces))


@given(st.binary(min_size=4, max_size=400), st.binary(max_size=400))
def test_sums_of_whole_words_add_up(first: bytes, second: bytes) -> None:
    first = first[: len(first) // 4 * 4]
    assert add_sums(sum_bytes(first), sum_bytes(second)) == sum_bytes(first + second)


@given(st.binary(min_size=1, max_size=400), st.data())
def test_a_flipped_bit_changes_the_sum(content: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    assert sum_bytes(bytes(flipped)) != sum_bytes(content)


@given(_SUMS)
def test_the_encoded_complement_is_astropys_and_plain_ascii(total: int) -> None:
    encoded = encode_complement(total)
    assert encoded == _ONE_HDU._char_encode(~np.uint32(total))
    assert encoded.isascii()
    assert encoded.isalnum()


@given(st.dictionaries(st.sampled_from(["OBJECT", "NOTE", "WHO"]), st.text("ab' /", max_size=20)))
def test_a_header_with_the_encoded_complement_sums_to_all_ones(values: dict[str, str]) -> None:
    header = fits.PrimaryHDU(np.arange(7, dtype=np.int16)).header
    header.update(values)
    header["CHECKSUM"] = "0" * 16
    data = np.arange(7, dtype=">i2").tobytes().ljust(2880, b"\0")
    header["DATASUM"] = str(sum_bytes(data))
    zeros = header.tostring().encode() + data
    whole = zeros.replace(b"0" * 16, encode_complement(sum_bytes(zeros)).encode(), 1)
    assert sum_bytes(whole) == 0xFFFFFFFF
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fits.open(io.BytesIO(whole), checksum=True)[0].data.sum() == 21
