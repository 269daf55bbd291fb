"""Rice coding: cfitsio's bytes for every input, lossless, and safe whatever it is given to decode.

The judge is cfitsio's own routine, which astropy carries.
"""

import ctypes
import faulthandler
import os
import resource
import signal

import numpy as np
import pytest
from astropy.io.fits.hdu.compressed._compression import compress_rice_1_c, decompress_rice_1_c
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.builders.tiles import Bytes, Tile, fenced, special_tiles, tiles
from vampd.errors import DataError
from vampd.fits.rice import (
    BLOCK_PIXELS,
    SLACK_BYTES,
    TileDecoder,
    TileEncoder,
    decode_tile,
    encode_tile,
    largest_tile_bytes,
    smallest_tile_bytes,
)

_SPECIAL = special_tiles()
special = pytest.mark.parametrize("pixels", _SPECIAL.values(), ids=_SPECIAL)


def _as_on_disk(pixels: Tile) -> np.ndarray:
    return pixels.astype(pixels.dtype.newbyteorder(">"))


def _cfitsio(pixels: Tile) -> bytes:
    return bytes(compress_rice_1_c(pixels, 32, pixels.itemsize))


def test_the_fences_are_deadly() -> None:
    with fenced(100) as behind, fenced(100, at_end=False) as before:
        assert behind.ctypes.data % 4096 == 4096 - 100
        assert before.ctypes.data % 4096 == 0
        for address in (behind.ctypes.data + 100, before.ctypes.data - 1):
            child = os.fork()
            if not child:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                faulthandler.disable()
                ctypes.string_at(address, 1)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGSEGV


def _decode_fenced(coded: bytes, pixels: int, dtype: np.dtype, *, at_end: bool) -> Tile:
    """Decode where each access outside of code, slack or blocks of pixels is SIGSEGV."""
    whole = -(-pixels // BLOCK_PIXELS) * BLOCK_PIXELS
    with (
        fenced(len(coded) + SLACK_BYTES, at_end=at_end) as stream,
        fenced(whole * dtype.itemsize, at_end=at_end) as room,
    ):
        stream[: len(coded)] = np.frombuffer(coded, np.uint8)
        # Behind the code, a one comes at once or as late as a look can reach.
        stream[len(coded) :] = [0, 0, 0, 0, 0, 0, 0x7F, 0xFF] if at_end else 0xA5
        decoder = TileDecoder(pixels, dtype)
        assert len(decoder._decoded) == whole
        decoder._decoded = room.view(dtype)
        return decoder.decode(stream, len(coded)).astype(dtype)


# --- the same bytes, and no loss


@special
def test_special_tiles_have_the_bytes_of_cfitsio_and_come_back(pixels: Tile) -> None:
    coded = encode_tile(pixels)
    assert coded == _cfitsio(pixels)
    np.testing.assert_array_equal(decode_tile(coded, pixels.size, pixels.dtype), pixels)


@given(tiles())
def test_every_tile_has_the_bytes_of_cfitsio(pixels: Tile) -> None:
    assert encode_tile(pixels) == _cfitsio(pixels)


@given(tiles())
def test_coding_loses_nothing(pixels: Tile) -> None:
    coded = encode_tile(pixels)
    np.testing.assert_array_equal(decode_tile(coded, pixels.size, pixels.dtype), pixels)


@given(tiles())
def test_cfitsio_decodes_what_we_code_to_the_same_pixels(pixels: Tile) -> None:
    theirs = decompress_rice_1_c(encode_tile(pixels), 32, pixels.itemsize, pixels.size)
    # cfitsio's bytes are unsigned; the bits are the same.
    assert np.asarray(theirs).tobytes()[: pixels.nbytes] == pixels.tobytes()


@given(st.lists(tiles(100).map(lambda pixels: pixels.astype(np.int16)), min_size=1, max_size=5))
def test_tiles_coded_one_behind_the_other_are_those_coded_alone(many: list[Tile]) -> None:
    shortest = min(len(pixels) for pixels in many)
    many = [np.ascontiguousarray(pixels[:shortest]) for pixels in many]
    encoder = TileEncoder(len(many), shortest)
    decoder = TileDecoder(shortest)
    for _ in range(2):
        encoder.clear()
        lengths = [encoder.add(pixels.astype(">i2")) for pixels in many]
        assert encoder.coded.tobytes() == b"".join(map(encode_tile, many))
        start = 0
        for pixels, length in zip(many, lengths, strict=True):
            decoded = decoder.decode(encoder.coded[start:], length)
            np.testing.assert_array_equal(decoded, pixels)
            start += length


# --- lengths


@given(tiles())
@example(np.random.default_rng(1).integers(-32768, 32768, 4096, np.int16))
def test_no_tile_is_longer_than_foreseen_and_none_writes_beyond_it(pixels: Tile) -> None:
    foreseen = largest_tile_bytes(pixels.size, pixels.itemsize)
    with fenced(foreseen + SLACK_BYTES) as room:
        encoder = TileEncoder(1, pixels.size, pixels.dtype)
        assert len(encoder._stream) == len(room)
        encoder._stream = room
        assert encoder.add(_as_on_disk(pixels)) <= foreseen
        assert encoder.coded.tobytes() == _cfitsio(pixels)


@given(tiles())
def test_no_tile_is_shorter_than_foreseen_and_a_constant_one_as_short(pixels: Tile) -> None:
    foreseen = smallest_tile_bytes(pixels.size, pixels.itemsize)
    assert len(encode_tile(pixels)) >= foreseen
    assert len(encode_tile(np.full_like(pixels, pixels[0]))) == foreseen


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_noise_is_as_long_as_foreseen(dtype: type) -> None:
    limits = np.iinfo(dtype)
    noise = np.random.default_rng(1).integers(limits.min, limits.max, 536 * 536, dtype)
    noise[1::2] = ~noise[1::2]
    foreseen = largest_tile_bytes(noise.size, noise.itemsize)
    assert foreseen * 0.98 < len(encode_tile(noise)) <= foreseen


def test_uniform_noise_of_two_bytes_fills_all_that_is_foreseen() -> None:
    noise = np.random.default_rng(1).integers(-32768, 32768, 536 * 536, np.int16)
    assert len(encode_tile(noise)) == largest_tile_bytes(noise.size)


# --- what is no tile


@given(tiles(), st.data())
def test_a_tile_that_was_cut_is_reported(pixels: Tile, data: st.DataObject) -> None:
    coded = encode_tile(pixels)
    cut = coded[: data.draw(st.integers(0, len(coded) - 1))]
    for at_end in (True, False):
        with pytest.raises(DataError) as caught:
            _decode_fenced(cut, pixels.size, pixels.dtype, at_end=at_end)
        assert caught.value.code == "tile_damaged"


@given(tiles(), st.binary(min_size=1, max_size=20))
def test_bytes_behind_a_tile_are_no_part_of_it(pixels: Tile, more: bytes) -> None:
    with pytest.raises(DataError):
        decode_tile(encode_tile(pixels) + more, pixels.size, pixels.dtype)


@given(
    st.one_of(st.binary(max_size=300), st.integers(0, 300).map(bytes)),
    st.integers(1, 500),
    st.sampled_from([np.int8, np.int16, np.int32]),
)
@example(b"\x00\x00\x10" + bytes(2000), 32, np.int16)
@example(b"\xff" * 300, 500, np.int32)
def test_any_bytes_are_decoded_or_refused_and_nothing_else_is_touched(
    coded: bytes, pixels: int, dtype: type
) -> None:
    for at_end in (True, False):
        try:
            decoded = _decode_fenced(coded, pixels, np.dtype(dtype), at_end=at_end)
        except DataError:
            continue
        # A tile after all, if not the one that we would write: cfitsio reads the same in it.
        theirs = decompress_rice_1_c(coded, 32, np.dtype(dtype).itemsize, pixels)
        assert np.asarray(theirs).tobytes()[: decoded.nbytes] == decoded.tobytes()


@pytest.mark.parametrize(("dtype", "fs"), [(np.int16, 12), (np.int16, 0), (np.int32, 24)])
def test_a_value_that_no_difference_has_is_no_code(dtype: type, fs: int) -> None:
    bits = np.iinfo(dtype).bits
    head = f"{fs + 1:0{4 if bits == 16 else 5}b}"
    for zeros, is_one in (((1 << bits - fs) - 1, True), (1 << bits - fs, False)):
        text = "0" * bits + head + "0" * zeros + "1" + "1" * fs
        text += "0" * (-len(text) % 8)
        coded = int(text, 2).to_bytes(len(text) // 8)
        if is_one:
            # The largest value is the lowest difference.
            assert decode_tile(coded, 1, dtype) == [np.iinfo(dtype).min]
        else:
            with pytest.raises(DataError):
                decode_tile(coded, 1, dtype)


@given(tiles(), st.data())
def test_a_flipped_bit_never_leads_outside(pixels: Tile, data: st.DataObject) -> None:
    coded: Bytes = np.frombuffer(encode_tile(pixels), np.uint8).copy()
    coded[data.draw(st.integers(0, len(coded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        decoded = _decode_fenced(coded.tobytes(), pixels.size, pixels.dtype, at_end=True)
    except DataError:
        return
    assert decoded.shape == pixels.shape


# --- what is refused


@pytest.mark.parametrize(
    "pixels",
    [np.zeros(4, np.uint16), np.zeros(4, np.int64), np.zeros(4, np.float32)],
    ids=lambda pixels: pixels.dtype.str,
)
def test_pixels_of_other_types_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected signed pixels"):
        encode_tile(pixels)


def test_an_encoder_takes_what_it_was_made_for() -> None:
    with pytest.raises(ValueError, match="one pixel or more"):
        encode_tile(np.zeros(0, np.int16))
    encoder = TileEncoder(1, 4)
    others = [np.zeros(5, ">i2"), np.zeros(4, np.int8), np.zeros(4, "<i2"), np.zeros(4, ">u2")]
    for pixels in others:
        with pytest.raises(ValueError, match="expected 4 pixels"):
            encoder.add(pixels)
    noise = np.array([0, 32767, -32768, 5], ">i2")
    encoder.add(noise)
    with pytest.raises(ValueError, match="clear"):
        encoder.add(noise)
    with pytest.raises(ValueError, match="a tile of 9"):
        TileDecoder(4).decode(np.zeros(8, np.uint8), 9)
