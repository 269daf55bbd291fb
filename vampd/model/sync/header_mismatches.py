"""Mismatches: cards that should be common but differ between the two cameras' headers.

One camera's header may record a wheel's move a cube late. The cut follows the earlier change; the
mismatch is reported.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vampd.model.cubes import Number, Undefined, Value
from vampd.model.sync.sequence import CameraSequence

# Each camera has its own window and gain.
_OWN = frozenset({"PRD-MIN1", "PRD-MIN2", "DETGAIN"})


def find_disagreements(
    one: CameraSequence, two: CameraSequence, keywords: Sequence[str]
) -> list[str]:
    """One sentence per keyword on which the cubes of paired frames differ.

    ``one`` and ``two`` hold the frames of pairs, in the same order.
    """
    together, counts = np.unique(np.stack([one.cube, two.cube]), axis=1, return_counts=True)
    sentences = []
    for keyword in keywords:
        if keyword in _OWN:
            continue
        differing = [
            (int(first), int(second), int(count))
            for first, second, count in zip(*together.tolist(), counts.tolist(), strict=True)
            if _plain(one.cubes[first].cards.value(keyword))
            != _plain(two.cubes[second].cards.value(keyword))
        ]
        if differing:
            first, second, _ = differing[0]
            pairs = sum(count for _, _, count in differing)
            sentences.append(
                f"the cameras disagree on {keyword} for {pairs} pairs, first"
                f" {_plain(one.cubes[first].cards.value(keyword))!r} in {one.cubes[first].path} and"
                f" {_plain(two.cubes[second].cards.value(keyword))!r} in {two.cubes[second].path}"
            )
    return sentences


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
