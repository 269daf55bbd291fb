"""Mismatches: cards that should be common but differ between the two cameras' headers.

One camera's header may record a wheel's move a cube late. The cut follows the earlier change; the
mismatch is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vampd.model.cubes import Number, Undefined, Value
from vampd.model.sync.runs import number_alike
from vampd.model.sync.sequence import CameraSequence

# Each camera has its own window and gain.
_OWN = frozenset({"PRD-MIN1", "PRD-MIN2", "DETGAIN"})


@dataclass(frozen=True)
class Mismatch:
    """A card on which the cubes of paired frames differ, and where the first of them do."""

    keyword: str
    pairs: int
    example: str


def find_mismatches(
    one: CameraSequence, two: CameraSequence, keywords: Sequence[str]
) -> list[Mismatch]:
    """The cards on which the cubes of these pairs differ, compared as values.

    ``one`` and ``two`` hold the frames of pairs, in the same order.
    """
    together, which = number_alike(np.stack([one.cube, two.cube]))
    counts = np.bincount(which)
    found = []
    for keyword in keywords:
        if keyword in _OWN:
            continue
        differing = [
            (int(first), int(second), int(count))
            for first, second, count in zip(*together.tolist(), counts.tolist(), strict=True)
            if _compared(one.cubes[first].cards.value(keyword))
            != _compared(two.cubes[second].cards.value(keyword))
        ]
        if differing:
            first, second, _ = differing[0]
            example = (
                f"{_plain(one.cubes[first].cards.value(keyword))!r} in {one.cubes[first].path} and"
                f" {_plain(two.cubes[second].cards.value(keyword))!r} in {two.cubes[second].path}"
            )
            found.append(Mismatch(keyword, sum(count for _, _, count in differing), example))
    return found


def tell_mismatches(mismatches: Iterable[Mismatch]) -> Iterator[str]:
    """One sentence per card for the whole night."""
    by_keyword: dict[str, list[Mismatch]] = {}
    for mismatch in mismatches:
        by_keyword.setdefault(mismatch.keyword, []).append(mismatch)
    for keyword, found in by_keyword.items():
        pairs = sum(mismatch.pairs for mismatch in found)
        yield f"the cameras disagree on {keyword} for {pairs} pairs, first {found[0].example}"


def _compared(value: Value) -> object:
    """The value without what writing it in another way changes."""
    plain = _plain(value)
    return plain.casefold() if isinstance(plain, str) else plain


def _plain(value: Value) -> object:
    match value:
        case Number():
            return float(value)
        case Undefined():
            return None
        case str():
            return value.strip()
        case _:
            return str(value)
