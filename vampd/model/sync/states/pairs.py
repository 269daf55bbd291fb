"""Pairs: the frames of both cameras that one trigger took, and how far apart they may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger import running_median

Int64 = npt.NDArray[np.int64]

# An offset of more than is usual is believed where so many pairs follow each other without a pause
# of either camera, and exposures leave no room for another trigger between them: of frames with
# pauses between them, each camera may have kept those of another trigger.
_LONG_STRETCH = 25
_LONGEST_PAUSE_US = 500_000
# Stamps of a burst are late each by its own; frames off by a trigger are all off by the same. This
# part of the largest offset parts the two.
_UNLIKE_PART = 8
_AROUND = 15  # pairs: half of what the usual offset is the median of
_SPREADS = 8.0
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Pairs:
    """Paired positions: ``first[i]`` in camera 1's frames belongs to ``second[i]`` in camera 2's.

    Both rise strictly.
    """

    first: Int64
    second: Int64

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: npt.NDArray[np.bool_] | slice) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.first[chosen], self.second[chosen])


@dataclass(frozen=True)
class Offsets:
    """Camera 2 minus camera 1 around each pair of a run, without jitter; and the tolerance."""

    offsets_us: Int64
    tolerance_us: int


def in_order(partners: Int64) -> Pairs:
    """The pairs that keep the order of both cameras; ``partners`` are of camera 1, -1 for none."""
    first = np.flatnonzero(partners >= 0)
    second = partners[first]
    if not len(first):
        return Pairs(first, second)
    highest = np.maximum.accumulate(np.concatenate([[-1], second[:-1]]))
    lowest = np.minimum.accumulate(np.concatenate([second[1:], [np.iinfo(np.int64).max]])[::-1])
    kept = (second > highest) & (second < lowest[::-1])
    return Pairs(first[kept], second[kept])


def measure_offsets(differences_us: Int64, documented_us: float) -> Offsets:
    """How a run's pairs lie: ``differences_us`` are camera 2 minus camera 1 of each.

    The tolerance is the documented one, widened to the scatter that the run itself shows.
    """
    offsets_us = running_median(differences_us, np.zeros_like(differences_us))
    unlike_us = np.abs(differences_us - offsets_us)
    spread_us = _MAD_TO_SIGMA * float(np.median(unlike_us)) if len(unlike_us) else 0.0
    return Offsets(offsets_us, int(max(documented_us, _SPREADS * spread_us)))


def is_unbelievable(
    pairs: Pairs, differences_us: Int64, times_us: Int64, exposure_us: Int64, largest_us: int
) -> npt.NDArray[np.bool_]:
    """Per pair, whether its offset is beyond the largest one, and too few around it agree.

    ``differences_us`` are camera 2 minus camera 1, ``times_us`` and ``exposure_us`` those of
    camera 1.
    """
    refused = np.zeros(len(times_us), dtype=np.bool_)
    if not (np.abs(differences_us) > largest_us).any():
        return refused
    idle_us = np.diff(times_us) - exposure_us[1:]
    stretch = np.cumsum(np.concatenate([[0], idle_us > _LONGEST_PAUSE_US]))
    offsets_us = running_median(differences_us, stretch)
    beyond = np.abs(offsets_us) > largest_us
    # Each stamp is late by its own, so that a stretch whose usual offset is about the largest one
    # has pairs on either side of it.
    large = np.abs(offsets_us) > largest_us // 2
    cuts = np.flatnonzero((np.diff(large) != 0) | (np.diff(stretch) != 0)) + 1
    pieces = [each for each in np.split(np.arange(len(beyond)), cuts) if beyond[each].any()]
    typical_us = [float(np.median(offsets_us[piece])) for piece in pieces]
    shown_us = np.array(
        [
            offset_us
            for piece, offset_us in zip(pieces, typical_us, strict=True)
            if len(piece) >= _LONG_STRETCH
            and 2 * np.median(exposure_us[piece]) > np.median(np.diff(times_us[piece]))
        ]
    )
    for piece, offset_us in zip(pieces, typical_us, strict=True):
        # A few frames between two losses have the offset that the run shows elsewhere.
        shown = bool((np.abs(shown_us - offset_us) <= largest_us // 2).any())
        if not shown and not _is_burst(pairs, differences_us, stretch, piece, largest_us):
            refused[piece] = beyond[piece]
    return refused


def _is_burst(
    pairs: Pairs, differences_us: Int64, stretch: Int64, piece: Int64, largest_us: int
) -> bool:
    """Whether these pairs are far apart only because one camera's stamps were late for a while.

    Then no frame of either camera is alone among them and the pairs around them, and they are not
    all off by the same.
    """
    first, last = int(piece[0]) - _AROUND, int(piece[-1]) + _AROUND
    if first < 0 or last >= len(pairs) or stretch[first] != stretch[last]:
        return False
    around = slice(first, last + 1)
    positions = pairs.first[around], pairs.second[around]
    if any(at[-1] - at[0] != last - first for at in positions):
        return False
    offsets_us = differences_us[piece]
    unlike_us = np.median(np.abs(offsets_us - np.median(offsets_us)))
    return bool(_UNLIKE_PART * unlike_us >= largest_us)
