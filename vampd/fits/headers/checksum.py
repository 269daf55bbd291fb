"""The FITS checksum: a 32-bit ones' complement sum and its ASCII encoding.

Source: FITS standard 4.0, section 4.4.2.7 and appendix J.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Buffer = bytes | bytearray | memoryview | npt.NDArray[Any]

_ALL_ONES = 0xFFFFFFFF
# Characters between digits and letters, and between capitals and small letters, are not allowed.
_EXCLUDED = frozenset(b":;<=>?@[\\]^_`")


class OnesComplementSum:
    """The sum of a stream of bytes as big-endian 32-bit words, in pieces of any length.

    Bytes missing from the last word count as zeros. ``sum_words`` adds up the words in some bytes:
    `rice.sum_words` is many times as fast, where compiled code is at work anyway.
    """

    def __init__(self, sum_words: Callable[[npt.NDArray[np.uint8]], int] | None = None) -> None:
        self._sum_words = sum_words or _sum_words
        self._sum = 0
        self._tail = b""

    def update(self, content: Buffer) -> None:
        """Add the next bytes."""
        piece = np.frombuffer(content, np.uint8)
        if self._tail:
            missing = 4 - len(self._tail)
            self._tail += piece[:missing].tobytes()
            piece = piece[missing:]
            if len(self._tail) < 4:
                return
            self._add_words(np.frombuffer(self._tail, np.uint8))
            self._tail = b""
        words = len(piece) // 4 * 4
        self._add_words(piece[:words])
        self._tail = piece[words:].tobytes()

    @property
    def value(self) -> int:
        """The sum so far."""
        return add_sums(self._sum, int.from_bytes(self._tail.ljust(4, b"\0")))

    def _add_words(self, piece: npt.NDArray[np.uint8]) -> None:
        # 64 bits hold the carries of 2**32 words; they are folded after each piece.
        self._sum = add_sums(self._sum, self._sum_words(piece))


def _sum_words(content: npt.NDArray[np.uint8]) -> int:
    return int(content.view(">u4").sum(dtype=np.uint64))


def add_sums(first: int, second: int) -> int:
    """The ones' complement sum of two sums: what leaves at the top comes back at the bottom."""
    total = first + second
    while total > _ALL_ONES:
        total = (total >> 32) + (total & _ALL_ONES)
    return total


def sum_bytes(content: Buffer) -> int:
    """The sum of some bytes."""
    total = OnesComplementSum()
    total.update(content)
    return total.value


def encode_complement(total: int) -> str:
    """The 16 characters that make an HDU sum to all ones, for its sum with 16 zeros in their place.

    Each byte of the complement becomes four characters that sum to it (beyond the zeros' own sum);
    pairs are shifted against each other until no character is a punctuation mark.
    """
    characters = bytearray(16)
    for column, byte in enumerate((_ALL_ONES - total).to_bytes(4)):
        quarter, rest = divmod(byte, 4)
        four = [quarter + rest + ord("0"), *[quarter + ord("0")] * 3]
        while not _EXCLUDED.isdisjoint(four):
            for pair in (0, 2):
                if not _EXCLUDED.isdisjoint(four[pair : pair + 2]):
                    four[pair] += 1
                    four[pair + 1] -= 1
        characters[column::4] = bytes(four)
    # The string begins in column 12 of its card, one byte before a word.
    return (characters[-1:] + characters[:-1]).decode("ascii")
