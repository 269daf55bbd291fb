"""FLC states: which polarisation state of the ferroelectric liquid crystal each frame carries.

The trigger adds 2 J to every other interval: with T the mean interval, intervals alternate T + J
and T - J. A frame that is followed by the long interval is B, the other is A. This holds for cubes
of every length.

Each step from one frame to the next is k triggers long (k > 1 where frames are missing) and leaves
a residual of +J (from B) or -J (from A) if k is odd, and of nothing if k is even. So the number of
triggers tells the parity of every later frame, and each odd step votes for the parity's meaning: a
lost frame does not flip the labels behind it. Where a step fits none of these, nothing is carried
across it.

One vote may be chance. As many consecutive ones as make chance impossible form a window; a frame is
labelled only if nothing broke off between it and votes, and if every window that touches it says
the same; it is dubious (D) otherwise. So frames near a slip of phase are D, and none behind it is
wrong.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]


class FlcState(StrEnum):
    """The value of U_FLC of a deinterleaved product."""

    A = "A"
    B = "B"
    D = "D"


CODE_NONE, CODE_A, CODE_B, CODE_D = 0, 1, 2, 3
_CERTAIN = (CODE_A, CODE_B)
STATE_OF_CODE: dict[int, FlcState | None] = {
    CODE_NONE: None,
    CODE_A: FlcState.A,
    CODE_B: FlcState.B,
    CODE_D: FlcState.D,
}

_LARGEST_STEP = 64  # more triggers than this cannot be counted reliably from the mean interval
_LINK_SCATTERS = 2.5  # a step is the difference of two arrivals, the mean interval is not exact
_LINK_SLACK_US = 5.0
_STEPS_TO_MEASURE = 16  # fewer steps do not tell their own scatter
_MEDIAN_TO_WIDTH = 3.4  # of the differences of two uniform lags, which are triangular
# The mean vote of a window is +1 or -1; a window needs enough of them to keep its standard
# deviation, 2 / sqrt(12) x scatter / J / sqrt(votes), under a seventh.
LEAST_MEAN, _LARGEST_MEAN = 0.4, 1.6
_VOTES_PER_SCATTER = 4.0
_FEWEST_VOTES = 3
_SMALLEST_PART_OF_SCATTER = 0.05  # below, thousands of votes would not do
# Beyond T / 4, lost frames can imitate an alternation about another mean interval for a few steps.
_CLEAR_PART_OF_INTERVAL = 0.26
_FEWEST_VOTES_IF_UNCLEAR = 6


def assign_flc_states(acquired_us: Int64, jitter_us: float | None, scatter_us: float) -> Labels:
    """Label the frames of one camera's run.

    ``acquired_us`` rises strictly; ``jitter_us`` is U_TRIGJT (J); ``scatter_us`` is the documented
    width of the arrivals' jitter. Returns one CODE_* per frame: CODE_D throughout if U_TRIGJT is
    missing or not what the intervals show, and for fewer than four frames: too few steps to tell
    mean interval, alternation and a lost frame apart.
    """
    labels = np.full(len(acquired_us), CODE_D, dtype=np.uint8)
    if len(acquired_us) <= _FEWEST_VOTES or jitter_us is None:
        return labels
    interval_us = _mean_interval_us(acquired_us, _allowance_us(scatter_us))
    if not _SMALLEST_PART_OF_SCATTER * scatter_us <= jitter_us < interval_us / 2:
        return labels
    steps = np.diff(acquired_us)
    triggers = np.rint(steps / interval_us).astype(np.int64)
    residuals = steps - triggers * interval_us
    odd = triggers % 2 == 1
    misfit_us = np.where(odd, np.abs(np.abs(residuals) - jitter_us), np.abs(residuals))
    singles = misfit_us[triggers == 1]
    if len(singles) >= _STEPS_TO_MEASURE:
        scatter_us = max(scatter_us, _MEDIAN_TO_WIDTH * float(np.median(singles)))
    linked = (
        (triggers >= 1) & (triggers <= _LARGEST_STEP) & (misfit_us <= _allowance_us(scatter_us))
    )
    stretch = np.concatenate([[0], np.cumsum(~linked)])
    parity = np.concatenate([[0], np.cumsum(triggers)]) % 2
    voting = np.flatnonzero(linked & odd)
    # A vote near +1 says that even parity is B, one near -1 that it is A.
    votes = np.where(parity[voting] == 0, 1, -1) * residuals[voting] / jitter_us
    clear = jitter_us <= _CLEAR_PART_OF_INTERVAL * interval_us
    needed = max(
        _FEWEST_VOTES if clear else _FEWEST_VOTES_IF_UNCLEAR,
        math.ceil((_VOTES_PER_SCATTER * scatter_us / jitter_us) ** 2),
    )
    for sign, even_code, odd_code in ((1, CODE_B, CODE_A), (-1, CODE_A, CODE_B)):
        agreed = _agreed(sign * votes, voting, stretch, needed)
        labels[agreed] = np.where(parity[agreed] == 0, even_code, odd_code)
    return labels


def is_contradictory(first: Labels, second: Labels) -> npt.NDArray[np.bool_]:
    """Per pair, whether one camera says A and the other B."""
    certain = np.isin(first, _CERTAIN) & np.isin(second, _CERTAIN)
    return np.asarray(certain & (first != second))


def combine_labels(first: Labels, second: Labels) -> Labels:
    """One label per pair: both cameras agree, or one alone is certain; else D.

    Where one camera's header says that nothing alternates and no frame around of the other one's
    can be labelled, nothing does: a header may tell a switch a cube late.
    """
    agree = first == second
    sure_first = np.isin(first, _CERTAIN)
    sure_second = np.isin(second, _CERTAIN)
    combined = np.full(len(first), CODE_D, dtype=np.uint8)
    combined[sure_second & ~sure_first] = second[sure_second & ~sure_first]
    combined[sure_first & ~sure_second] = first[sure_first & ~sure_second]
    combined[agree] = first[agree]
    if not len(first):
        return combined
    disagree = (first == CODE_NONE) != (second == CODE_NONE)
    piece = np.concatenate([[0], np.cumsum(np.diff(disagree.astype(np.int8)) != 0)])
    labelled = np.bincount(piece, weights=sure_first | sure_second)
    combined[disagree & (labelled[piece] == 0)] = CODE_NONE
    return combined


def _allowance_us(scatter_us: float) -> float:
    return _LINK_SCATTERS * scatter_us + _LINK_SLACK_US


def _mean_interval_us(acquired_us: Int64, allowance_us: float) -> float:
    # Two steps together are 2 T whatever the state of the first frame, and more where a frame is
    # missing; so the smallest that are not freaks are 2 T, even where every other frame is missing.
    doubles = acquired_us[2:] - acquired_us[:-2]
    small = np.percentile(doubles, 25, method="lower")
    return float(np.median(doubles[np.abs(doubles - small) <= allowance_us])) / 2


def _agreed(votes: Float64, voting: Int64, stretch: Int64, needed: int) -> Int64:
    """The frames for which every window of ``needed`` votes that touches them is positive.

    ``votes[i]`` belongs to the step from frame ``voting[i]`` to the next one. A window lies within
    one stretch. Not returned are frames that no window touches, and those that only steps without
    a vote join to a stretch that something broke off there: a late time-stamp can look like a
    missing frame.
    """
    sums = np.concatenate([[0.0], np.cumsum(votes)])
    means = (sums[needed:] - sums[:-needed]) / needed
    positive = (means >= LEAST_MEAN) & (means <= _LARGEST_MEAN)
    count = np.concatenate([[0], np.cumsum(positive)])
    before = np.searchsorted(voting, np.arange(len(stretch)))
    begin = np.searchsorted(stretch[voting], stretch, side="left")
    end = np.searchsorted(stretch[voting], stretch, side="right")
    first = np.maximum(before - needed, begin)
    last = np.minimum(before, end - needed)
    held = ((begin < before) | (stretch == stretch[0])) & (
        (before < end) | (stretch == stretch[-1])
    )
    held[voting] = held[voting + 1] = True
    frames = np.flatnonzero(held & (first <= last))
    all_positive = (
        count[last[frames] + 1] - count[first[frames]] == last[frames] + 1 - first[frames]
    )
    return np.asarray(frames[all_positive], dtype=np.int64)
