"""Modulation: by how much the trigger delays every other frame (J), for the FLC to switch.

U_TRIGJT gives J. If the card is missing, or is not what the intervals show, J is taken from the
intervals, if their evidence is strong: half the difference of two consecutive intervals alternates
between +J and -J, and is no smaller than the arrivals' scatter, in nearly all of the places
and B, does not come from J, so that a measured J cannot exchange the states.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_LINK_SCATTERS = 2.5  # a step is the difference of two arrivals; the mean interval is inexact
_LINK_SLACK_US = 5.0
_SMALLEST_PART_OF_SCATTER = 0.05  # below, even thousands of votes would not suffice
# Beyond T / 4, lost frames can imitate an alternation about another mean interval for a few steps.
CLEAR_PART_OF_INTERVAL = 0.26
_WINDOW = 12  # differences of intervals; the median of fewer may be chance
_ALIKE = 0.4  # how far the windows may be from the J that they agree on, in units of it
_LARGEST_PART_UNLIKE = 0.1
_LARGEST_RATIO = 1.5  # of the card and the intervals, for the card to be trusted


class Source(StrEnum):
    """Where J comes from."""

    CARD = "card"
    INTERVALS = "intervals"


@dataclass(frozen=True)
class Modulation:
    """J in us, and where it comes from."""

    jitter_us: float
    source: Source


def allowance_us(scatter_us: float) -> float:
    """How far a step between two frames may be from what it should be."""
    return _LINK_SCATTERS * scatter_us + _LINK_SLACK_US


def mean_interval_us(acquired_us: Int64, scatter_us: float) -> float:
    """T, the mean interval between triggers, of three frames or more.

    ``scatter_us`` is the documented width of the arrivals' jitter.
    """
    # Two steps together are 2 T whatever the state of the first frame, and more where a frame is
    # missing; so the smallest that are not freaks are 2 T, even where every other frame is missing.
    doubles = acquired_us[2:] - acquired_us[:-2]
    small = np.percentile(doubles, 25, method="lower")
    near = np.abs(doubles - small) <= allowance_us(scatter_us)
    return float(np.median(doubles[near])) / 2


def find_modulation(
    acquired_us: Int64, card_us: float | None, scatter_us: float
) -> Modulation | None:
    """The modulation of one camera's run; None if neither card nor intervals show it.

    ``card_us`` is U_TRIGJT, ``acquired_us`` rises strictly. A card is trusted unless it is
    nonsense or the intervals clearly show another modulation.
    """
    if len(acquired_us) < 3:
        return None
    interval_us = mean_interval_us(acquired_us, scatter_us)
    shown_us = _measure_us(acquired_us, interval_us, scatter_us)
    least_us = _SMALLEST_PART_OF_SCATTER * scatter_us
    if card_us is not None and least_us <= card_us < interval_us / 2:
        ratio = card_us / (shown_us or card_us)
        if 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO:
            return Modulation(card_us, Source.CARD)
    return None if shown_us is None else Modulation(shown_us, Source.INTERVALS)


def _measure_us(acquired_us: Int64, interval_us: float, scatter_us: float) -> float | None:
    steps = np.diff(acquired_us)
    single = (steps > interval_us / 2) & (steps < 1.5 * interval_us)
    position = np.flatnonzero(single[1:] & single[:-1])
    if len(position) < _WINDOW:
        return None
    # Twice +J where the earlier of the two intervals begins with an even frame that is B.
    turned = np.where(position % 2 == 0, 1, -1) * (steps[position] - steps[position + 1])
    # A window across a missing frame means nothing; one in six of the others is enough.
    whole = position[_WINDOW - 1 :] - position[: 1 - _WINDOW] == _WINDOW - 1
    chosen = np.flatnonzero(whole)[:: _WINDOW // 2]
    if not len(chosen):
        return None
    windows = np.lib.stride_tricks.sliding_window_view(turned, _WINDOW)[chosen]
    shown_us = np.abs(np.median(windows, axis=1)) / 2
    typical_us = float(np.median(shown_us))
    unlike = np.abs(shown_us - typical_us) > _ALIKE * typical_us
    if (
        not scatter_us <= typical_us <= CLEAR_PART_OF_INTERVAL * interval_us
        or unlike.mean() > _LARGEST_PART_UNLIKE
    ):
        return None
    return typical_us
