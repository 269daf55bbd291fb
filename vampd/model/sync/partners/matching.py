"""Matching: mutual nearest neighbors of two cameras' times under an offset.

Mutual nearest neighbors on a line never cross and never share a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

ENOUGH_PAIRS = 16  # fewer do not show their spread
_MAD_TO_SIGMA = 1.4826
_SHORTEST_PERCENTILE = 5.0
# An offset explains the run if it pairs about as many frames as the best one (losses make the
# numbers differ by chance), and about as well.
_EXPLAINED_PART, _EXPLAINED_CHANCE = 0.7, 1.0
_EXPLAINED_SPREADS, _EXPLAINED_SLACK_US = 4.0, 2.0


@dataclass(frozen=True)
class Match:
    """Mutual nearest neighbors under one offset, and how far each pair is from it."""

    first: Int64
    second: Int64
    offset_us: int
    residuals_us: Int64
    spread_us: float


def shortest_interval_us(*times_us: Int64) -> float:
    """The shortest frame interval (us) that is typical of these times; infinite without one."""
    steps = [np.diff(t) for t in times_us if len(t) > 1]
    if not steps:
        return float("inf")
    return min(float(np.percentile(step, _SHORTEST_PERCENTILE)) for step in steps)


def period_of_us(*times_us: Int64) -> float:
    """The mean interval (us) of arrays of times with at least three frames each."""
    # With the FLC, intervals alternate; two of them together do not.
    doubles = [t[2:] - t[:-2] for t in times_us]
    return min(float(np.percentile(double, _SHORTEST_PERCENTILE)) / 2 for double in doubles)


def spread_of_us(residuals_us: Int64) -> float:
    """The standard deviation (us) that corresponds to the residuals' median absolute value."""
    return _MAD_TO_SIGMA * float(np.median(np.abs(residuals_us))) if len(residuals_us) else 0.0


def explained_matches(matches: Sequence[Match]) -> list[Match]:
    """The offsets that explain the run.

    Pairs that are off by one frame are as many where all intervals are equal; where they alternate
    with the FLC, such pairs are fewer or scatter more.
    """
    most = max(len(match.first) for match in matches)
    many = [
        match for match in matches if len(match.first) >= _EXPLAINED_PART * most - _EXPLAINED_CHANCE
    ]
    if most >= ENOUGH_PAIRS:
        spread_us = _EXPLAINED_SPREADS * min(m.spread_us for m in many) + _EXPLAINED_SLACK_US
        many = [match for match in many if match.spread_us <= spread_us]
    return many


def match_under_offset(first_us: Int64, second_us: Int64, offset_us: int, limit_us: float) -> Match:
    """Pairs within the limit of an offset, which is refined from them."""
    for _ in range(2):
        first, second = mutual_nearest(first_us, second_us, offset_us)
        residuals_us = second_us[second] - first_us[first] - offset_us
        near = np.abs(residuals_us) <= limit_us
        if not near.any():
            break
        offset_us += odd_median(residuals_us[near])
    first, second = mutual_nearest(first_us, second_us, offset_us)
    residuals_us = second_us[second] - first_us[first] - offset_us
    near = np.abs(residuals_us) <= limit_us
    residuals_us = residuals_us[near]
    spread_us = spread_of_us(residuals_us)
    return Match(first[near], second[near], offset_us, residuals_us, spread_us)


def odd_median(values: Int64) -> int:
    """An integer median that changes its sign with the values."""
    # Half the sum of the two middle elements, truncated toward zero: exchanging the cameras changes
    # the sign and nothing else.
    middle = np.sort(values)[[(len(values) - 1) // 2, len(values) // 2]]
    return int(int(middle.sum()) / 2)


def _nearest(times_us: Int64, wanted_us: Int64) -> Int64:
    after = np.searchsorted(times_us, wanted_us).clip(0, len(times_us) - 1)
    before = (after - 1).clip(0)
    nearer_before = wanted_us - times_us[before] <= np.abs(times_us[after] - wanted_us)
    return np.where(nearer_before, before, after).astype(np.int64)


def mutual_nearest(first_us: Int64, second_us: Int64, offset_us: int) -> tuple[Int64, Int64]:
    """Positions in both arrays of the frames that are each other's nearest."""
    there = _nearest(second_us, first_us + offset_us)
    back = _nearest(first_us, second_us - offset_us)
    first = np.flatnonzero(back[there] == np.arange(len(first_us)))
    return first.astype(np.int64), there[first]
