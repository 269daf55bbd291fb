"""Tiles to code, and memory that nobody may read or write beyond."""

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

Tile = npt.NDArray[np.signedinteger]
Bytes = npt.NDArray[np.uint8]

DTYPES = (np.int8, np.int16, np.int32)
_PAGE = mmap.PAGESIZE
_PROT_NONE = 0


def tiles(most: int = 300) -> st.SearchStrategy[Tile]:
    """Tiles of 1, 2 or 4 bytes a pixel: flat, faint, noisy, jumping, and mixtures of these."""
    return st.sampled_from(DTYPES).flatmap(lambda dtype: _of_type(np.dtype(dtype), most))


def _of_type(dtype: np.dtype, most: int) -> st.SearchStrategy[Tile]:
    lowest, highest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    anything = st.integers(lowest, highest)
    scales = st.integers(0, 8 * dtype.itemsize - 1).map(lambda bits: (1 << bits) - 1)
    elements = st.one_of(
        anything,
        st.integers(-3, 3),
        st.sampled_from([lowest, highest]),
        scales.flatmap(lambda scale: st.integers(-scale, scale)),
    )
    lengths = st.one_of(st.integers(1, most), st.sampled_from([1, 2, 31, 32, 33, 63, 64, 65]))
    drawn = lengths.flatmap(lambda n: arrays.arrays(dtype, n, elements=elements))
    # Hypothesis draws few elements and fills the rest; real tiles are noisy throughout.
    random = st.builds(_random_tile, st.just(dtype), lengths, st.integers(0, 2**32 - 1))
    return st.one_of(drawn, random)


def _random_tile(dtype: np.dtype, length: int, seed: int) -> Tile:
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 8 * dtype.itemsize, -(-length // 32)).repeat(32)[:length]
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    noise = rng.standard_normal(length) * (2.0**bits - 1) + rng.integers(low, high)
    # Modulo the type's range: jumps from one end of it to the other are wanted.
    return np.rint(noise).astype(np.int64).astype(dtype)


def special_tiles() -> dict[str, Tile]:
    """The cases that codecs get wrong, for each number of bytes a pixel."""
    made: dict[str, Tile] = {}
    rng = np.random.default_rng(6)
    for dtype in DTYPES:
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        kinds = {
            "one pixel": [high],
            "one pixel, lowest": [low],
            "two pixels": [low, high],
            "constant": [low] * 100,
            "constant, whole blocks": [high] * 64,
            "all zeros": [0] * 33,
            "full jumps": [low, high] * 50,
            "growing jumps": [(-1) ** n * (high >> (n % 8)) for n in range(96)],
            "one spike in 32": [0] * 20 + [80] + [0] * 43,
            "one spike in all": [0] * 500 + [high] + [0] * 500,
            "noise": rng.integers(low, high, 5000, dtype),
            "faint": rng.integers(0, 2, 5000),
            "steps": np.repeat(rng.integers(low, high, 40), 7),
            "alternating noise": _alternating(rng, dtype),
            "every split": _every_split(rng, dtype),
            "every split, ragged": _every_split(rng, dtype)[:-5],
            "one longer code, of every length": _longer_codes(dtype),
        }
        for length in (31, 32, 33, 63, 64, 65, 95, 97):
            kinds[f"noise of {length}"] = rng.integers(low, high, length, dtype, endpoint=True)
            kinds[f"faint of {length}"] = rng.integers(-4, 5, length, dtype)
        for name, pixels in kinds.items():
            made[f"{name}, {np.dtype(dtype).itemsize} bytes"] = np.array(pixels, dtype)
    return made


def _alternating(rng: np.random.Generator, dtype: type) -> Tile:
    """What does not compress at all: every difference is about as large as one can be."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    noise = rng.integers(low // 2, high // 2, 1001, dtype) // 2
    noise[::2] += low // 2
    noise[1::2] += high // 2
    return noise


def _every_split(rng: np.random.Generator, dtype: type) -> Tile:
    """Blocks of each amplitude in turn, also just below and above where a split changes."""
    bits = np.iinfo(dtype).bits
    largest = [max(1, (1 << bit) + off) for bit in range(bits) for off in (-1, 0, 1)]
    blocks = [rng.integers(-most, most + 1, 32) for most in largest]
    return np.concatenate(blocks).astype(dtype)


def _longer_codes(dtype: type) -> np.ndarray:
    """Blocks of each split whose codes have one zero each, but for one that has up to 17.

    So codes, and those of four and of eight pixels together, have each length around 16 and 56.
    Before them, blocks of zeros with one value of each size up to 80.
    """
    blocks = [np.where(np.arange(32) == value % 32, value, 0) for value in range(81)]
    for fs in range(np.iinfo(dtype).bits - 2):
        for more in range(17):
            block = np.full(32, 3 << fs >> 1)
            block[more] += more << fs
            blocks.append(block)
    mapped = np.concatenate(blocks)
    return np.cumsum((mapped >> 1) ^ -(mapped & 1)).astype(dtype)


@contextmanager
def fenced(length: int, *, at_end: bool = True) -> Iterator[Bytes]:
    """So many bytes with a page behind them (else before them) whose touch is SIGSEGV."""
    pages = -(-max(length, 1) // _PAGE)
    region = mmap.mmap(-1, (pages + 2) * _PAGE)
    whole = np.frombuffer(region, np.uint8)
    base = whole.ctypes.data
    fences = (base, base + (pages + 1) * _PAGE)
    try:
        for fence in fences:
            _protect(fence, _PROT_NONE)
        start = (pages + 1) * _PAGE - length if at_end else _PAGE
        yield whole[start : start + length]
    finally:
        for fence in fences:
            _protect(fence, mmap.PROT_READ | mmap.PROT_WRITE)


def _protect(address: int, protection: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(_PAGE), protection) != 0:
        raise OSError(ctypes.get_errno(), "mprotect failed")
