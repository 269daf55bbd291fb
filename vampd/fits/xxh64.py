"""XXH64, compiled: a digest against accidents, never against malice.

Ten times as fast as SHA-256. Each step is a bijection in the word that it takes in, so that content
with just one of its 64-bit words changed always differs. Source: the specification of the xxHash
project, seed 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vampd.fits.compiled import compiled, inlined

_U64 = np.uint64
_P1, _P2, _P3, _P4, _P5 = (
    _U64(0x9E3779B185EBCA87),
    _U64(0xC2B2AE3D27D4EB4F),
    _U64(0x165667B19E3779F9),
    _U64(0x85EBCA77C2B2AE63),
    _U64(0x27D4EB2F165667C5),
)


def hash_xxh64(content: npt.NDArray[Any]) -> int:
    """The digest of a contiguous array's bytes."""
    octets = content.reshape(-1).view(np.uint8)
    if octets.ctypes.data % 8:
        octets = octets.copy()  # compiled for words that lie where words should
    whole = len(octets) // 8 * 8
    return int(_digest(octets[:whole].view(_U64), octets[whole:]))


@inlined
def _rotate(word: Any, bits: int) -> Any:
    return (word << _U64(bits)) | (word >> _U64(64 - bits))


@inlined
def _round(lane: Any, word: Any) -> Any:
    return _rotate(lane + word * _P2, 31) * _P1


@inlined
def _merge(total: Any, lane: Any) -> Any:
    return (total ^ _round(_U64(0), lane)) * _P1 + _P4


@compiled
def _digest(words: npt.NDArray[np.uint64], tail: npt.NDArray[np.uint8]) -> Any:
    """``tail`` holds the up to seven bytes behind the words."""
    quads = len(words) // 4
    if quads:
        a, b, c, d = _P1 + _P2, _P2, _U64(0), _U64(0) - _P1
        for i in range(0, 4 * quads, 4):
            a = _round(a, words[i])
            b = _round(b, words[i + 1])
            c = _round(c, words[i + 2])
            d = _round(d, words[i + 3])
        total = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
        total = _merge(_merge(_merge(_merge(total, a), b), c), d)
    else:
        total = _P5
    total += _U64(8 * len(words) + len(tail))
    for i in range(4 * quads, len(words)):
        total = _rotate(total ^ _round(_U64(0), words[i]), 27) * _P1 + _P4
    rest = 0
    if len(tail) >= 4:
        half = _U64(tail[0]) | _U64(tail[1]) << _U64(8)
        half |= _U64(tail[2]) << _U64(16) | _U64(tail[3]) << _U64(24)
        total = _rotate(total ^ (half * _P1), 23) * _P2 + _P3
        rest = 4
    for i in range(rest, len(tail)):
        total = _rotate(total ^ (_U64(tail[i]) * _P5), 11) * _P1
    total = (total ^ (total >> _U64(33))) * _P2
    total = (total ^ (total >> _U64(29))) * _P3
    return total ^ (total >> _U64(32))
